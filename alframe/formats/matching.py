"""Find the image that a path means, which another program wrote, perhaps on another system."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from posixpath import commonprefix
from unicodedata import normalize

from alframe.formats.tables import TableRow
from alframe.types import Item, ItemId, Problem

ABSOLUTE_PATH = re.compile(r"\s*([A-Za-z]:)?[/\\]")


def normalise_path(path: str) -> str:
    """Return the path as it is compared: forward slashes, composed accents, no spaces around it."""
    return normalize("NFC", path.strip().replace("\\", "/"))


def caseless_path(path: str) -> str:
    """Return the path as it is compared where upper and lower case are the same."""
    return normalise_path(path).casefold()


class ImageMatcher:
    """Function from a path to the id of the image it means, or None.

    The path is an id, or this system's path to the image. Slashes may be turned, accents composed otherwise, spaces
    added and the case changed, as long as it can be only one of the images.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        paths = {item.id: normalise_path(str(item.path)) for item in items}
        caseless_paths = {item_id: path.casefold() for item_id, path in paths.items()}
        forms: tuple[Callable[[ItemId], str], ...] = (str, normalise_path, caseless_path, caseless_paths.__getitem__)
        self._tables = [_drop_ambiguous((form(item_id), item_id) for item_id in paths) for form in forms]
        self._file_names = {caseless_path(path).rpartition("/")[2] for pair in paths.items() for path in pair}
        endings = ((path, "/" + caseless_path(item_id)) for item_id, path in caseless_paths.items())
        self._roots = tuple({path[: -len(ending) + 1] for path, ending in endings if path.endswith(ending)})

    def __call__(self, cell: str) -> ItemId | None:
        """Return the id of the item that `cell` names, or None."""
        by_id, by_normalised_id, by_caseless_id, by_path = self._tables
        if cell in by_id:
            return by_id[cell]
        path = normalise_path(cell).removeprefix("./")
        caseless = path.casefold()
        # Most paths of a long table were not requested, as their file names tell.
        if caseless.rpartition("/")[2] not in self._file_names:
            return None
        return by_normalised_id.get(path) or by_caseless_id.get(caseless) or by_path.get(caseless)

    def match_path_ending(self, path: str) -> tuple[ItemId, str] | None:
        """Return the longest id that a foreign absolute `caseless_path` ends in, and the folder before it; or None."""
        is_known_name = path.rpartition("/")[2] in self._file_names
        if not is_known_name or not ABSOLUTE_PATH.match(path) or path.startswith(self._roots):
            return None
        parts = path.split("/")
        for start in range(1, len(parts)):
            if item_id := self._tables[2].get("/".join(parts[start:])):
                return item_id, "/".join([*parts[:start], ""])
        return None

    def is_known_path(self, cell: str) -> bool:
        """Return whether a path means one of the images, by itself or by its ending."""
        return (self(cell) or self.match_path_ending(caseless_path(cell))) is not None


def match_rows(
    file: str, rows: Iterable[TableRow | Problem], column: str, match: ImageMatcher
) -> Iterator[tuple[TableRow, ItemId | None] | Problem]:
    """Yield each row with the id of the image that `column` names, or None for one that was not requested.

    An absolute path of another system means the image it ends in, if the folder before that holds every absolute path
    of the table. The rows with such paths come last; they are Problems if several folders are possible.
    """
    common_folder: str | None = None
    foreign_rows: list[tuple[TableRow, ItemId, str]] = []
    for row in rows:
        if isinstance(row, Problem):
            yield row
            continue
        cell = row.get(column)
        item_id = match(cell)
        if item_id is None and ABSOLUTE_PATH.match(cell):
            path = caseless_path(cell)
            if common_folder is None or not path.startswith(common_folder):
                common_folder = _common_folder(path, common_folder)
            if ending := match.match_path_ending(path):
                foreign_rows.append((row, *ending))
                continue
        yield row, item_id
    possible_roots = {root for _, _, root in foreign_rows if (common_folder or "").startswith(root)}
    roots_per_item = Counter(item_id for item_id, _ in {(item_id, root) for _, item_id, root in foreign_rows})
    for row, item_id, root in foreign_rows:
        if len(possible_roots) > 1 or (not possible_roots and roots_per_item[item_id] > 1):
            message = (
                f"{row.get(column)!r} could be several images, as the paths of this file fit in more than one way. "
                "Write paths relative to the folder of the images."
            )
            yield Problem(file, row.line, message)
        else:
            yield row, item_id if root in possible_roots else None


def _drop_ambiguous(pairs: Iterable[tuple[str, ItemId]]) -> Mapping[str, ItemId]:
    table: dict[str, ItemId | None] = {}
    for path, item_id in pairs:
        table[path] = None if path in table else item_id
    return {path: item_id for path, item_id in table.items() if item_id is not None}


def _common_folder(path: str, folder: str | None) -> str:
    """Return the deepest folder that holds `path` and all of `folder`; each ends in a slash unless it is ""."""
    parent = path.rpartition("/")[0] + "/"
    if folder is None:
        return parent
    return "".join(f"{name}/" for name in commonprefix([parent.split("/"), folder.split("/")]))
