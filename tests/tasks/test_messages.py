"""What a message proposes can be copied into the terminal, and does what the message says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from alframe.testing.tiny import tiny_overrides, tiny_pool
from tests.command_line import CommandLine, Finished, alframe
from tests.sheets import answer_sheet, sheet_path, top_folder

__all__ = ["alframe"]


def copied(text: str, before: str) -> list[list[str]]:
    """The arguments of the commands in the line that begins with `before`, as bash would read them."""
    (line,) = [line for line in text.splitlines() if line.startswith(before)]
    commands = re.findall(r"python -m alframe((?: (?:\"[^\"]*\"|'[^']*'|[^\s,])+)*)", line)
    assert commands, line
    return [shlex.split(command) for command in commands]


class Lab:
    """A campaign of people in a folder whose name means something to every shell."""

    def __init__(self, alframe: CommandLine, folder: Path, name: str) -> None:
        self.run, self.folder = alframe, folder / name
        images = tiny_pool(folder / "images", classes=3, each=12)
        words = [word for word in tiny_overrides(images, folder / "runs") if "classes" not in word]
        self.words = [*words, f"project={self.folder}", "label_source=csv", "batch=10", "start.labels=10"]

    def start(self) -> Finished:
        finished = self.run(*self.words)
        assert finished.code == 0, finished.err
        return finished

    def answer(self, number: int, count: int) -> None:
        sheet = sheet_path(self.folder, number)
        answer_sheet(sheet, lambda at, row: top_folder(row) if at < count else row["label"])

    def rounds(self) -> int:
        return len(list((self.folder / "to_label").glob("round-*")))


NAMES = ["my season", "R&D, 'new' (2)", "price $5 $HOME", "Füchse [1] {2}=3"]


@pytest.mark.parametrize("name", NAMES)
def test_the_printed_command_goes_on(alframe: CommandLine, tmp_path: Path, name: str) -> None:
    lab = Lab(alframe, tmp_path, name)
    ((go_on,), *_) = [copied(lab.start().out, "Then continue with")]
    lab.answer(1, 10)
    finished = alframe(*go_on)
    assert finished.code == 0, finished.err
    assert lab.rounds() == 2
    assert not [path for path in tmp_path.iterdir() if path.name not in {name, "images", "runs"}], "of another name"


@pytest.mark.parametrize("answered", [7, 3])
def test_the_share_that_would_do_now_does(alframe: CommandLine, tmp_path: Path, answered: int) -> None:
    lab = Lab(alframe, tmp_path, "my season")
    lab.start()
    lab.answer(1, answered)
    said = alframe(f"project={lab.folder}").out
    (named,) = re.findall("Still to label: (.*)\\.\n", said)
    assert len(named.removesuffix(", ...").split(", ")) == min(10 - answered, 5)
    ((one,),) = [copied(said, f"To continue with {answered} of 10 answered, now and in every later round")]
    assert "enough" not in alframe("status", f"project={lab.folder}").out
    assert alframe(*one).code == 0
    assert lab.rounds() == 2
    status = alframe("status", f"project={lab.folder}").out
    assert f"Settings: batch=10 start.labels=10 enough={answered / 10:g}" in status, "what stays in force is shown"


def test_the_rest_of_a_round_can_be_given_up(alframe: CommandLine, tmp_path: Path) -> None:
    lab = Lab(alframe, tmp_path, "R&D")
    lab.start()
    lab.answer(1, 7)
    withdraw, go_on = copied(alframe(f"project={lab.folder}").out, "Label the other 3 as well, or withdraw them")
    assert "7 of 10 images of round 1 are answered. The round is withdrawn." in alframe(*withdraw).out
    assert alframe(*go_on).code == 0
    assert lab.rounds() == 2


def test_a_longer_list_is_one_command_away(alframe: CommandLine, tmp_path: Path) -> None:
    lab = Lab(alframe, tmp_path, "my season")
    for number in range(25):
        (tmp_path / "images" / f"{number}.jpg").touch()
    lab.start()
    (more,) = copied(alframe("status", f"project={lab.folder}").out, "  ... and 5 more")
    listed = alframe(*more).out
    assert "... and" not in listed
    assert listed.count("the file is empty") == 25
