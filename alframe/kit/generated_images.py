"""Generate the image folder of a pool once. The folder is complete or missing, and no file of a user is overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from alframe.errors import PoolError
from alframe.store.files import replace_atomically, write_json

MARKER = "made-by-alframe.json"


def ensure_generated(root: Path, parameters: Mapping[str, Any], write: Callable[[Path], None]) -> None:
    """Call `write(folder)` to generate the files of `root`, unless they are complete and of the same `parameters`.

    `parameters` is a JSON object with everything that decides the content of the files. Raises PoolError if `root`
    cannot be written to, or if it holds files that no earlier call has generated, because they would be lost.
    """
    if _is_complete(root, parameters):
        return
    try:
        root = root.resolve()  # a link must keep pointing at what is replaced
        root.parent.mkdir(parents=True, exist_ok=True)
        # The jobs of one sweep start together, and all find the folder missing.
        with FileLock(root.with_name(f".{root.name}.lock")):
            if _is_complete(root, parameters):
                return
            _refuse_foreign_files(root)
            with replace_atomically(root) as temporary:
                temporary.mkdir()
                write(temporary)
                sizes = {name: (temporary / name).stat().st_size for name in _list_files(temporary)}
                write_json(temporary / MARKER, {"recipe": parameters, "files": sizes})
    except OSError as error:
        raise PoolError(f"{root} cannot be written: {error}. Set pool.root to a writable folder.") from error


def _is_complete(root: Path, parameters: Mapping[str, Any]) -> bool:
    marker = _read_marker_file(root)
    if marker.get("recipe") != parameters:
        return False
    try:
        return all((root / name).stat().st_size == size for name, size in marker["files"].items())
    except FileNotFoundError:
        return False


def _refuse_foreign_files(root: Path) -> None:
    if root.is_file():
        raise PoolError(f"{root} is a file. Set pool.root to a folder that is new, empty or was made by this pool.")
    generated = _read_marker_file(root).get("files", {})
    foreign = next((name for name in _list_files(root) if name not in generated and name != MARKER), None)
    if foreign is not None:
        raise PoolError(
            f"{root} must be written again, but contains {foreign}, which this pool did not write and would delete. "
            f"Move it elsewhere, or set pool.root to another folder."
        )


def _read_marker_file(root: Path) -> dict[str, Any]:
    try:
        content = json.loads((root / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # absent, or not ours
        return {}
    return content if isinstance(content, dict) and isinstance(content.get("files"), dict) else {}


def _list_files(root: Path) -> list[str]:
    paths = (path for path in root.rglob("*") if path.is_file())
    # File browsers leave these behind.
    return sorted(path.relative_to(root).as_posix() for path in paths if path.name not in (".DS_Store", "Thumbs.db"))
