"""Image folders that alframe makes itself: made once, whole or not at all, and never over anybody's files."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from alframe.errors import PoolError
from alframe.store.files import replacing, write_json

MARKER = "made-by-alframe.json"


def ensure_made(root: Path, recipe: Mapping[str, Any], write: Callable[[Path], None]) -> None:
    """Have `write` fill `root`, unless it is there, complete and of the same `recipe` (a JSON object).

    Raises PoolError if `root` holds files that an earlier call did not make, since they would be lost.
    """
    if _complete(root, recipe):
        return
    try:
        root = root.resolve()  # a link must keep pointing at what is replaced
        root.parent.mkdir(parents=True, exist_ok=True)
        # The jobs of one sweep start together, and all find the folder missing.
        with FileLock(root.with_name(f".{root.name}.lock")):
            if _complete(root, recipe):
                return
            _refuse_foreign(root)
            with replacing(root) as temporary:
                temporary.mkdir()
                write(temporary)
                sizes = {name: (temporary / name).stat().st_size for name in _files(temporary)}
                write_json(temporary / MARKER, {"recipe": recipe, "files": sizes})
    except OSError as error:
        raise PoolError(f"{root} cannot be written: {error}. Set pool.root to a folder that can.") from error


def _complete(root: Path, recipe: Mapping[str, Any]) -> bool:
    marker = _marker(root)
    if marker.get("recipe") != recipe:
        return False
    try:
        return all((root / name).stat().st_size == size for name, size in marker["files"].items())
    except FileNotFoundError:
        return False


def _refuse_foreign(root: Path) -> None:
    if root.is_file():
        raise PoolError(f"{root} is a file. Set pool.root to a folder that is new, empty or was made by this pool.")
    ours = _marker(root).get("files", {})
    foreign = next((name for name in _files(root) if name not in ours and name != MARKER), None)
    if foreign is not None:
        raise PoolError(
            f"{root} must be made anew, but holds {foreign}, which this pool did not make and would delete. "
            f"Move that elsewhere, or set pool.root to another folder."
        )


def _marker(root: Path) -> dict[str, Any]:
    try:
        content = json.loads((root / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # absent, or not ours
        return {}
    return content if isinstance(content, dict) and isinstance(content.get("files"), dict) else {}


def _files(root: Path) -> list[str]:
    paths = (path for path in root.rglob("*") if path.is_file())
    # What file browsers leave behind is nobody's work.
    return sorted(path.relative_to(root).as_posix() for path in paths if path.name not in (".DS_Store", "Thumbs.db"))
