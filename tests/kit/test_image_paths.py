"""What a listed path means: its id below the root, and its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.errors import PoolError
from alframe.kit.image_paths import locate_image


@pytest.mark.parametrize(
    ("root", "path", "image_id"),
    [
        ("/traps", "/traps/a/1.jpg", "a/1.jpg"),
        ("/traps", "/Traps/a/1.jpg", "Traps/a/1.jpg"),  # two folders, where cases differ
        ("d:/Traps", "D:\\traps\\a\\1.jpg", "a/1.jpg"),
        ("D:/", "d:\\a\\1.jpg", "a/1.jpg"),
        ("D:/Traps", "\\\\?\\d:\\TRAPS\\a\\1.jpg", "a/1.jpg"),
        ("//?/D:/Traps", "D:\\traps\\a\\1.jpg", "a/1.jpg"),
        ("//nas/Share/traps", "\\\\NAS\\share\\traps\\a\\1.jpg", "a/1.jpg"),
        ("//nas/share/traps", "\\\\?\\unc\\nas\\share\\traps\\a\\1.jpg", "a/1.jpg"),
        ("D:/Traps", "a\\1.jpg", "a/1.jpg"),
        ("D:/Traps", "D:\\Traps2\\1.jpg", "D/Traps2/1.jpg"),
        ("D:/Traps", "E:\\traps\\1.jpg", "E/traps/1.jpg"),
    ],
)
def test_drives_and_servers_of_windows_have_no_cases(root: str, path: str, image_id: str) -> None:
    assert locate_image(path, Path(root), "row 2")[0] == image_id


@pytest.mark.parametrize("path", ["D:a.jpg", "d:traps\\a.jpg"])
def test_the_current_folder_of_a_drive_is_not_known(tmp_path: Path, path: str) -> None:
    with pytest.raises(PoolError, match=r"row 2: .* has no backslash after the drive.* relative to pool\.root"):
        locate_image(path, tmp_path, "row 2")
    (tmp_path / path.replace("\\", "/")).parent.mkdir(exist_ok=True)
    (tmp_path / path.replace("\\", "/")).touch()  # elsewhere, it is a name as others
    assert locate_image(path, tmp_path, "row 2")[0] == path.replace("\\", "/")
