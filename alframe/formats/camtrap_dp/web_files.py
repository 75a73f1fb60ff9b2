"""Find the files on this disk of media that a package lists on the web: by fileName, address or mediaID."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

from alframe.formats.camtrap_dp.reading import CamtrapRow
from alframe.formats.json_members import id_text
from alframe.formats.path_text import caseless_path

_PLACE_COLUMNS = ("locationID", "locationName", "cameraID")


def is_on_web(row: CamtrapRow) -> bool:
    """Return whether the path of a medium is an address."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", row["filePath"]) is not None


class WebFiles:
    """The files that media on the web may be: `image_ids` are all files here, `media` all rows that are on the web.

    Case and accents do not matter. Where files share a name, the folders decide: those of the fileName, or one that is
    called as the deployment or its place. A file that several media may be is none's.
    """

    def __init__(
        self, image_ids: Iterable[str], media: Sequence[CamtrapRow], deployments: Mapping[str, CamtrapRow]
    ) -> None:
        self._deployments = deployments
        wanted = {_file_name(row) for row in media} | {_media_name(row) for row in media}
        self._files: dict[str, list[str]] = {}
        for image_id in image_ids if media else ():
            name = caseless_path(image_id).rpartition("/")[2]
            for key in {name, f"{name.rpartition('.')[0]}."} & wanted:
                self._files.setdefault(key, []).append(image_id)
        self._claims = Counter(found for row in media if (found := self._find(row)))

    def find(self, row: CamtrapRow) -> str | None:
        """Return the file of a medium, or None if there is none or if it may be another medium's too."""
        found = self._find(row)
        return found if found and self._claims[found] == 1 else None

    def _find(self, row: CamtrapRow) -> str | None:
        found = self._files.get(_file_name(row), [])
        deployment = self._deployments.get(id_text(row["deploymentID"]))
        places = {row["deploymentID"], *(deployment[column] for column in _PLACE_COLUMNS if deployment)} - {""}
        in_place = [path for path in found if {caseless_path(place) for place in places} & set(_folders(path))]
        end = caseless_path(row["fileName"])
        at_end = [path for path in found if "/" in end and f"/{caseless_path(path)}".endswith(f"/{end}")]
        for candidates in (at_end, in_place, found, self._files.get(_media_name(row), [])):
            if len(candidates) == 1:
                return candidates[0]
        return None


def _folders(path: str) -> list[str]:
    return caseless_path(path).split("/")[:-1]


def _file_name(row: CamtrapRow) -> str:
    """Return the caseless name of an image on the web: its fileName, or else the end of the address."""
    return caseless_path(row["fileName"] or unquote(urlsplit(row["filePath"]).path)).rpartition("/")[2]


def _media_name(row: CamtrapRow) -> str:
    """Return the caseless name without a suffix of a file that is called as the mediaID."""
    return f"{caseless_path(row['mediaID'])}."
