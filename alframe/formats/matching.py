"""Which image a path means that somebody's program wrote, perhaps on another system."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from unicodedata import normalize

from alframe.formats.tables import TableRow
from alframe.types import Item, ItemId, Problem

ABSOLUTE_PATH = re.compile(r"\s*([A-Za-z]:)?[/\\]")


def normalise_path(path: str) -> str:
    """A path as it compares: forward slashes, composed accents, no spaces around it."""
    return normalize("NFC", path.strip().replace("\\", "/"))


class ImageMatcher:
    """A function from a path to the id of the image it means, or None: an id, or this system's path to the image.

    Slashes may be turned, accents composed otherwise, spaces added, and upper and lower case changed, as long as it
    can be only one of the images.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        paths = {item.id: normalise_path(str(item.path)) for item in items}
        forms: tuple[Callable[[ItemId], str], ...] = (
            str,
            normalise_path,
            _normalise_caseless,
            lambda id: paths[id].casefold(),
        )
        self._tables = [_drop_ambiguous((form(id), id) for id in paths) for form in forms]
        self._names = {_normalise_caseless(name).rpartition("/")[2] for pair in paths.items() for name in pair}
        ends = ((path.casefold(), "/" + _normalise_caseless(id)) for id, path in paths.items())
        self._roots = tuple({path[: -len(end) + 1] for path, end in ends if path.endswith(end)})

    def __call__(self, cell: str) -> ItemId | None:
        exact, loose, looser, placed = self._tables
        if cell in exact:
            return exact[cell]
        path = normalise_path(cell).removeprefix("./")
        plain = path.casefold()
        # Most paths of a long table are none of those asked for, which their last part says.
        if plain.rpartition("/")[2] not in self._names:
            return None
        return loose.get(path) or looser.get(plain) or placed.get(plain)

    def match_path_ending(self, path: str) -> tuple[ItemId, str] | None:
        """The id that an absolute path of another system ends in, the longest there is, and the folder before it.

        `path` is folded, and in lower case.
        """
        if path.rpartition("/")[2] not in self._names or not ABSOLUTE_PATH.match(path) or path.startswith(self._roots):
            return None
        parts = path.split("/")
        for at in range(1, len(parts)):
            if found := self._tables[2].get("/".join(parts[at:])):
                return found, "/".join([*parts[:at], ""])
        return None

    def is_known_path(self, cell: str) -> bool:
        """Whether a path names one of the images in either way."""
        return (self(cell) or self.match_path_ending(_normalise_caseless(cell))) is not None


def match_rows(
    file: str, rows: Iterable[TableRow | Problem], column: str, match: ImageMatcher
) -> Iterator[tuple[TableRow, ItemId | None] | Problem]:
    """Each row with the id of the image that `column` names, or None for one that was not asked for.

    An absolute path of another system is the image it ends in if the folder before that holds every absolute path of
    the table; the rows with such come last, and are Problems if it cannot be told which folder that is.
    """
    common: str | None = None
    far: list[tuple[TableRow, ItemId, str]] = []
    for row in rows:
        if isinstance(row, Problem):
            yield row
            continue
        cell = row.get(column)
        found = match(cell)
        if found is None and ABSOLUTE_PATH.match(cell):
            path = _normalise_caseless(cell)
            if common is None or not path.startswith(common):
                common = _common_folder(path, common)
            if ending := match.match_path_ending(path):
                far.append((row, *ending))
                continue
        yield row, found
    fitting = {root for _, _, root in far if (common or "").startswith(root)}
    claims = Counter(item for item, _ in {(item, root) for _, item, root in far})
    for row, item, root in far:
        if len(fitting) > 1 or (not fitting and claims[item] > 1):
            message = (
                f"{row.get(column)!r} could be several images, as the paths of this file fit in more than one way. "
                "Write paths relative to the folder of the images."
            )
            yield Problem(file, row.line, message)
        else:
            yield row, item if root in fitting else None


def _normalise_caseless(path: str) -> str:
    return normalise_path(path).casefold()


def _drop_ambiguous(pairs: Iterable[tuple[str, ItemId]]) -> Mapping[str, ItemId]:
    table: dict[str, ItemId | None] = {}
    for name, id in pairs:
        table[name] = None if name in table else id
    return {name: id for name, id in table.items() if id is not None}


def _common_folder(path: str, folder: str | None) -> str:
    """The folder that holds `path` and lies in, or above, `folder`; both end in a slash unless there is none."""
    own = path.rpartition("/")[0] + "/"
    if folder is None:
        return own
    shared = []
    for one, other in zip(own.split("/"), folder.split("/"), strict=False):
        if one != other:
            break
        shared.append(one)
    return "".join(f"{part}/" for part in shared)
