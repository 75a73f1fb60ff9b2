"""What is printed can be copied into any terminal."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from alframe.commands import command_line, drop_backticks, project_command, quote_argument
from tests.each import check_each

ARGUMENTS = (
    "project=R&D",
    "project=my season (2)",
    "project=it's",
    "project=price $5 $HOME",
    "project=a`b",
    "project=wow!",
    "project=Füchse, Rehe",
    "project=a;b|c<d>e^f#g%h~i*j?k",
    "project=@home",
    "backbone.value_range=[0,10000]",
    "sampler=a,b",
    "exporter.x.names={hjort (rød): NAME, 'red deer, female': NAME}",
    "project=D:\\my season\\",
    "plain/path-1.0",
    "",
)


def by_bash(command: str) -> list[str]:
    script = f"printf '%s\\0' {command.removeprefix('python -m alframe ')}"
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    return said.split("\0")[:-1]


def by_the_c_runtime(line: str) -> list[str]:
    """The arguments that a program on Windows is given: CommandLineToArgvW's rules."""
    arguments, argument, quoted, index, begun = [], "", False, 0, False
    while index < len(line):
        slashes = re.match(r"\\*", line[index:])
        count = len(slashes[0]) if slashes else 0
        index += count
        character = line[index : index + 1]
        if character == '"':
            argument += "\\" * (count // 2) + ('"' if count % 2 else "")
            quoted, begun = quoted if count % 2 else not quoted, True
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
    """Between double quotes cmd changes nothing; elsewhere these characters mean something to it."""
    outside = re.sub(r'"[^"]*"', "", command)
    assert not set(outside) & set("&|<>^()%!,;"), outside
    return [drop_backticks(argument) for argument in by_the_c_runtime(command)[3:]]


def by_powershell(command: str) -> list[str]:
    """Between double quotes PowerShell knows $ and the backtick; elsewhere these characters mean something to it."""
    outside = re.sub(r'"[^"]*"', "", command)
    assert not set(outside) & set("&|<>()$`'@{};,#*?[]~"), outside
    inside = re.sub(r"`(.)", r"\1", re.sub(r"(?<!`)\$\w+", "", command))
    return by_the_c_runtime(inside)[3:]


@pytest.mark.skipif(sys.platform == "win32", reason="bash is another system's")
def test_bash_reads_what_was_meant() -> None:
    def check(argument: str) -> None:
        assert by_bash(command_line(argument, "end")) == [argument, "end"]

    check_each([(argument,) for argument in ARGUMENTS], check)


@pytest.mark.parametrize("read", [by_cmd, by_powershell])
def test_the_shells_of_windows_read_what_was_meant(read: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    def check(argument: str) -> None:
        assert read(command_line(argument, "end")) == [argument, "end"]  # type: ignore[operator]

    check_each([(argument,) for argument in ARGUMENTS], check)


def test_what_does_for_every_shell_is_written_alike_on_all_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    written = {}
    for system in ("linux", "darwin", "win32"):
        monkeypatch.setattr(sys, "platform", system)
        written[system] = [quote_argument(one) for one in ARGUMENTS if not re.search(r"[$`\\!]", one)]
    assert written["linux"] == written["darwin"] == written["win32"]
    assert "backbone.value_range=[0,10000]" not in " ".join(written["linux"]).split()


def test_a_project_with_a_blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my season"
    assert project_command(folder) == 'python -m alframe "project=my season"'
    assert project_command(folder, "show=5", verb="status") == 'python -m alframe status "project=my season" show=5'
