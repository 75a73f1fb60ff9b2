"""Read and write the folder of one round: its path, a mark that the round was requested, and a list of its images."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from alframe.errors import LabelError
from alframe.formats.tables import TableRow, read_table
from alframe.store.files import replace_atomically, write_text
from alframe.types import ItemId, Problem, Request

MANIFEST = "manifest.csv"
MANIFEST_COLUMNS = ("name", "id", "hash", "size", "again")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One row of a manifest: an image that is in a round's folder, or will be put there.

    `name` is the path of the image in that folder (with forward slashes), and `id` is the id of the item. `hash` is the
    BLAKE2b hash of the content, and `size` the number of bytes, as text. `reissued` (the column "again") is true if
    somebody had removed the image, and perhaps its answer, and alframe put the image there again. As long as such an
    image has no answer, its earlier answer stays.
    """

    name: str
    id: ItemId
    hash: str = ""
    size: str = ""
    reissued: bool = False


def round_folder(request: Request) -> Path:
    """Return the folder of this round. Each round has one, so a late answer never counts for a newer round."""
    return request.folder / f"round-{request.round:03d}"


@contextmanager
def marking_round_asked(request: Request) -> Iterator[bool]:
    """Yield whether this round was requested before. If the block succeeds, leave a mark beside the round's folder.

    The mark is written last. So if the process is killed before, the next call still counts as the first request. An
    OSError in the block becomes a LabelError with a remedy.
    """
    mark = _asked_mark_file(request)
    asked_before = mark.exists()
    try:
        yield asked_before
        if not asked_before:
            write_text(mark, "\n".join(request.classes))
    except OSError as error:
        raise LabelError(
            f"{round_folder(request)} cannot be written to: {error}. Check that you may write to the folder, that the "
            "disk has room, that the images are still there, and on Windows that the path is not too long. Then run "
            "the command again."
        ) from error


def classes_when_asked(request: Request) -> tuple[str, ...]:
    """Return the classes at the time of the first request of this round. Later answers may have added classes."""
    try:
        return tuple(_asked_mark_file(request).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeError):
        return ()


def read_manifest(folder: Path) -> tuple[list[ManifestRow], list[Problem]]:
    """Return the images that the folder's manifest lists, and its problems; nothing if there is no folder."""
    if not folder.is_dir():
        return [], []
    read = list(read_table(folder / MANIFEST, MANIFEST_COLUMNS[:3]))
    images = [
        ManifestRow(row.get("name"), row.get("id"), row.get("hash"), row.get("size"), bool(row.get("again")))
        for row in read
        if isinstance(row, TableRow) and row.get("name") and row.get("id")
    ]
    return images, [problem for problem in read if isinstance(problem, Problem)]


def write_manifest(folder: Path, images: Iterable[ManifestRow]) -> None:
    """Replace the folder's manifest. Write it before the first image, so that it is complete even after a kill."""
    with (
        replace_atomically(folder / MANIFEST) as temporary,
        temporary.open("w", newline="", encoding="utf-8-sig") as handle,
    ):
        writer = csv.writer(handle)
        writer.writerow(MANIFEST_COLUMNS)
        writer.writerows(
            (image.name, image.id, image.hash, image.size, "yes" if image.reissued else "") for image in images
        )


def windows_name_key(name: str) -> str:
    """Return a name or path in a form for comparisons as on Windows, where upper and lower case are equal.

    The two ways to write an accent in Unicode are equal too.
    """
    return normalize("NFC", name).casefold()


def take_free_name(candidates: Iterable[str], taken: set[str]) -> str:
    """Return the first candidate whose normalised form is not in `taken`, and add that form to it."""
    name = next(name for name in candidates if windows_name_key(name) not in taken)
    taken.add(windows_name_key(name))
    return name


def count_with_noun(number: int, noun: str) -> str:
    """Return a number of things in words: "1 image", "20 images"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _asked_mark_file(request: Request) -> Path:
    return request.folder / f".round-{request.round:03d}.asked"
