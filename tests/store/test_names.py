"""Names that every file system takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.store.names import class_folder_name, flat_file_name, ranked_file_name
from tests.windows import is_windows_name

ODD = [
    *("CON", "con", "Prn.txt", "aux", "NUL", "nul.tar.gz", "COM0", "com9", "LPT0", "lpt1.jpg", "COM¹", "lpt³", "com²"),
    *("CONIN$", "conout$", "fox.", "fox..", "fox ", "fox. .", " fox", "con ", "a<b", "a|b", "a:b", "a?", "tab\there"),
]


@pytest.mark.parametrize("name", ODD)
def test_windows_takes_them(name: str) -> None:
    assert is_windows_name(class_folder_name(name))
    assert is_windows_name(flat_file_name(name))
    assert is_windows_name(ranked_file_name(3, 3, Path(name)))


def test_the_rule_itself() -> None:
    assert not any(map(is_windows_name, [name for name in ODD if name != " fox"]))
    assert all(map(is_windows_name, ["fox", "COM10", "con_", "a.b.c", "füchse", "COM", "console.txt"]))


def test_odd_classes_stay_apart() -> None:
    assert len({class_folder_name(name) for name in ODD}) == len(ODD)
