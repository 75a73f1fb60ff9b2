"""Files are replaced whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.store.files import replacing, write_json


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    write_json(file, {"a": 1})
    with pytest.raises(RuntimeError), replacing(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == '{\n  "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for names in (["a", "b"], ["c"]):
        with replacing(tmp_path / "out") as temporary:
            temporary.mkdir()
            for name in names:
                (temporary / name).write_text(name)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
