"""What is printed can be copied into any terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from alframe.commands import command_line, drop_backticks, project_command, quote_argument
from tests.each import check_each

ARGUMENTS = (
    "project=R&D",
    "project=my season (2)",
    "project=it's",
    "project=it's $5 & 10 %",
    "project=price $5 $HOME ${HOME} $(pwd)",
    "project=a`b``c",
    "project=wow!",
    "project=100 % done",
    "project=Füchse, Rehe",
    "project=狐狸 и ёж",
    "project=a;b|c<d>e^f#g%h~i*j?k",
    "project=@home",
    "project=‘dens’ and “burrows„",
    "backbone.value_range=[0,10000]",
    "classes=[fox,hare]",
    "sampler=a,b",
    "exporter.x.names={hjort (rød): NAME, 'red deer, female': NAME}",
    "project=D:\\my season",
    "project=D:\\season",
    "project=D:\\$new\\nights",
    "project=\\\\server\\survey 1",
    "plain/path-1.0",
)
ENDS_WITH_BACKSLASH = ("project=D:\\my season\\", "project=D:\\")
SMART_QUOTES = "“”„"  # PowerShell takes them for double quotes


def by_bash(command: str) -> list[str]:
    script = f"printf '%s\\0' {command.removeprefix('python -m alframe ')}"
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    return said.split("\0")[:-1]


def by_the_c_runtime(line: str) -> list[str]:
    """The arguments that a program on Windows is given ("Parsing C command-line arguments", learn.microsoft.com)."""
    arguments, argument, quoted, index, begun = [], "", False, 0, False
    while index < len(line):
        slashes = re.match(r"\\*", line[index:])
        count = len(slashes[0]) if slashes else 0
        index += count
        character = line[index : index + 1]
        if character == '"':
            doubled = quoted and not count % 2 and line[index + 1 : index + 2] == '"'
            argument += "\\" * (count // 2) + ('"' if count % 2 or doubled else "")
            quoted, begun = quoted if count % 2 or doubled else not quoted, True
            index += doubled
        else:
            argument += "\\" * count
            if character == " " and not quoted:
                if argument or begun:
                    arguments.append(argument)
                argument, begun = "", False
            else:
                argument += character
        index += 1
    return [*arguments, argument] if argument or begun else arguments


def by_cmd(command: str) -> list[str]:
    """cmd changes nothing between double quotes but ``%NAME%``; elsewhere the characters below mean something to it."""
    outside = re.sub(r'"[^"]*"', "", command)
    assert not set(outside) & set("&|<>^()%!,;"), outside
    assert not re.search(r"%\w+%", command), command
    return [drop_backticks(argument) for argument in by_the_c_runtime(command)[3:]]


def powershell_strings(command: str) -> list[str]:
    """The arguments that PowerShell reads (about_Quoting_Rules, about_Parsing): plain words and quoted strings."""
    strings = []
    for word in re.findall(r'"(?:`.|""|[^"`])*"|\S+', command):
        if not word.startswith('"'):
            assert not set(word) & set("&|<>()$`'@{};,#*?[]~\"" + SMART_QUOTES), word
            strings.append(word)
            continue
        text = word[1:-1]
        assert not re.search(rf"(?<!`)(?:``)*[${SMART_QUOTES}]", text), f"{word} is replaced, or ends at a quote"
        strings.append(re.sub('`(.)|"(")', lambda pair: pair[1] or pair[2], text))
    return strings[3:]


def by_powershell_7(command: str) -> list[str]:
    """Since 7.3 each string arrives as it is (PSNativeCommandArgumentPassing)."""
    return powershell_strings(command)


def by_powershell_5(command: str) -> list[str]:
    """Until then a string with a blank is put in quotes, and nothing is escaped."""
    line = " ".join(f'"{text}"' if " " in text else text for text in powershell_strings(command))
    return by_the_c_runtime(line)


@pytest.mark.skipif(sys.platform == "win32", reason="bash is another system's")
def test_bash_reads_what_was_meant() -> None:
    def check(argument: str) -> None:
        assert by_bash(command_line(argument, "end")) == [argument, "end"]

    check_each([(argument,) for argument in ARGUMENTS], check)


@pytest.mark.parametrize("read", [by_cmd, by_powershell_5, by_powershell_7])
def test_the_shells_of_windows_read_what_was_meant(
    read: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    def check(argument: str) -> None:
        meant = argument.removesuffix("\\") + "/" if argument in ENDS_WITH_BACKSLASH else argument
        assert read(command_line(argument, "end")) == [meant, "end"]

    check_each([(argument,) for argument in (*ARGUMENTS, *ENDS_WITH_BACKSLASH)], check)


@pytest.mark.skipif(sys.platform == "win32", reason="bash is another system's")
def test_a_path_of_windows_can_be_copied_into_git_bash(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as windows:
        windows.setattr(sys, "platform", "win32")
        command = command_line("project=alframe-runs\\season 1\\new")
    assert by_bash(command) == ["project=alframe-runs\\season 1\\new"]


def test_a_double_quote_is_kept_by_cmd_and_powershell_7(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    command = command_line('class=the "tall" one', "end")
    assert by_cmd(command) == by_powershell_7(command) == ['class=the "tall" one', "end"]


def test_what_does_for_every_shell_is_written_alike_on_all_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    written = {}
    for system in ("linux", "darwin", "win32"):
        monkeypatch.setattr(sys, "platform", system)
        written[system] = [quote_argument(one) for one in ARGUMENTS if not re.search(r"[$`\\!“”„]", one)]
    assert written["linux"] == written["darwin"] == written["win32"]
    assert "backbone.value_range=[0,10000]" not in " ".join(written["linux"]).split()


def test_a_project_with_a_blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my season"
    assert project_command(folder) == 'python -m alframe "project=my season"'
    assert project_command(folder, "show=5", verb="status") == 'python -m alframe status "project=my season" show=5'
