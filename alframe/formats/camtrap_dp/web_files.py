"""Find the files on this disk of media that a package lists on the web: by fileName, address or mediaID."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

from alframe.formats.camtrap_dp.reading import CamtrapRow
from alframe.formats.json_members import id_text
from alframe.formats.path_text import caseless_path

_PLACE_COLUMNS = ("locationID", "locationName", "cameraID")
_Ids = dict[str, None]  # of images, in order and each once
_Medium = tuple[str, str, str, str]  # deployment, mediaID, address and fileName


def is_on_web(row: CamtrapRow) -> bool:
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", row["filePath"]) is not None


class WebFiles:
    """The local files of media on the web: `image_ids` are all local files, `media` are all rows on the web.

    Case and accents do not matter. If several files have the same name, the folders decide: the folders of the
    fileName, or a folder with the name of the deployment or its place. After this rule, the name alone counts, and
    after that the mediaID. A later rule takes no file from an earlier rule. If a file fits several media by the same
    rule, no medium gets it. Rows that name the same medium share its file.
    """

    def __init__(
        self, image_ids: Iterable[str], media: Sequence[CamtrapRow], deployments: Mapping[str, CamtrapRow]
    ) -> None:
        self._by_end: dict[tuple[str, str], _Ids] = {}
        self._by_folder: dict[tuple[str, str], _Ids] = {}
        self._by_name: dict[str, _Ids] = {}
        self._places: dict[str, list[str]] = {}
        self._found: dict[_Medium, str] = {}
        if media:
            self._index_files(image_ids, {_file_name(row) for row in media} | {_media_name(row) for row in media})
            self._choose_files(media, deployments)

    def find(self, row: CamtrapRow) -> str | None:
        """Return the file of a medium, or None if there is no file or if it may belong to another medium."""
        return self._found.get(_medium(row))

    def _index_files(self, image_ids: Iterable[str], wanted: set[str]) -> None:
        for image_id in image_ids:
            folder, _, name = caseless_path(image_id).rpartition("/")
            parts = folder.split("/") if folder else []
            for key in {name, f"{name.rpartition('.')[0]}."} & wanted:
                self._by_name.setdefault(key, {})[image_id] = None
                for start, part in enumerate(parts):
                    self._by_folder.setdefault((key, part), {})[image_id] = None
                    self._by_end.setdefault((key, "/".join(parts[start:])), {})[image_id] = None

    def _choose_files(self, media: Sequence[CamtrapRow], deployments: Mapping[str, CamtrapRow]) -> None:
        def at_end(row: CamtrapRow) -> Iterable[str]:
            folder, _, name = caseless_path(row["fileName"]).rpartition("/")
            return self._by_end.get((name, folder.strip("/")), ()) if folder else ()

        def in_deployment(row: CamtrapRow) -> Iterable[str]:
            return self._by_folder.get((_file_name(row), caseless_path(row["deploymentID"])), ())

        def in_place(row: CamtrapRow) -> Iterable[str]:
            name = _file_name(row)
            found = (self._by_folder.get((name, place), {}) for place in self._places_of(row, deployments))
            return {image_id: None for files in found for image_id in files}

        def by_name(row: CamtrapRow) -> Iterable[str]:
            return self._by_name.get(_file_name(row), ())

        def by_media_id(row: CamtrapRow) -> Iterable[str]:
            return self._by_name.get(_media_name(row), ())

        row_of = {_medium(row): row for row in media}
        taken: set[str] = set()
        rules: list[Callable[[CamtrapRow], Iterable[str]]] = [at_end, in_deployment, in_place, by_name, by_media_id]
        for rule in rules:
            claims: dict[_Medium, str] = {}
            for medium, row in row_of.items():
                if medium not in self._found:
                    candidates = list(rule(row))
                    if len(candidates) == 1 and candidates[0] not in taken:
                        claims[medium] = candidates[0]
            times = Counter(claims.values())
            taken.update(times)
            self._found.update((medium, file) for medium, file in claims.items() if times[file] == 1)

    def _places_of(self, row: CamtrapRow, deployments: Mapping[str, CamtrapRow]) -> list[str]:
        """Return the possible names, in lower case, of a folder for the place of the row's deployment."""
        name = row["deploymentID"]
        if name not in self._places:
            deployment = deployments.get(id_text(name))
            names = [deployment[column] for column in _PLACE_COLUMNS if deployment]
            self._places[name] = list(dict.fromkeys(caseless_path(place) for place in names if place))
        return self._places[name]


def _medium(row: CamtrapRow) -> _Medium:
    """Return the values that identify a medium. (Rows of several tables may have the same position)."""
    return id_text(row["deploymentID"]), id_text(row["mediaID"]), row["filePath"], row["fileName"]


def _file_name(row: CamtrapRow) -> str:
    """Return the name, in lower case, of an image on the web: its fileName, or else the end of the address."""
    return caseless_path(row["fileName"] or unquote(urlsplit(row["filePath"]).path)).rpartition("/")[2]


def _media_name(row: CamtrapRow) -> str:
    """Return the name, in lower case and without a suffix, of a file that is named after the mediaID."""
    return f"{caseless_path(row['mediaID'])}."
