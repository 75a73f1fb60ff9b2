"""The images of a Camtrap DP package, with or without its observations as labels."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from alframe.formats.camtrap_dp import CamtrapPackage, CamtrapRow
from alframe.kit.image_paths import absolute_path
from alframe.kit.listed_images import ListedImages, largest_box, require_several_rule
from alframe.types import Box, Item


class CamtrapDp:
    """The images that the package in `folder` lists, below `root` (default: that folder).

    With `labels` an image's observations are its class, if they agree; if not, `several` decides: skip leaves the image
    out, first takes the first. Observations of whole events only count with `sequence_level`, those of programs only
    with `machine`. A class is the scientific name or, with `names` a language such as eng, the package's own name for
    it; blank, human and vehicle are classes where there is no name. With `boxes` the largest box of that class is
    looked at. The event is the sequence, and `camera_column` of the deployment, or else its id, is the camera.
    """

    def __init__(
        self,
        folder: str | Path,
        root: str | Path | None = None,
        labels: bool = True,
        several: str = "skip",
        sequence_level: bool = False,
        machine: bool = False,
        names: str = "scientific",
        boxes: bool = False,
        camera_column: str = "locationID",
    ) -> None:
        self.folder = Path(folder)
        self.root = None if root is None else Path(root)
        self.labels = labels
        self.several = require_several_rule(several)
        self.sequence_level = sequence_level
        self.machine = machine
        self.names = names
        self.boxes = boxes
        self.camera_column = camera_column

    def items(self) -> Iterator[Item]:
        """The listed images; raises PoolError or FormatError naming the file, the row and the remedy.

        Left out, with their number in the log: other media than images, and images that lie on the web. One that is
        missing on disk is no error here, but that all are missing is.
        """
        package = CamtrapPackage(absolute_path(self.folder))
        listed = ListedImages(package.folder, absolute_path(self.root) if self.root else package.folder, self.several)
        cameras = {
            row["deploymentID"]: row[self.camera_column] or row["deploymentID"]
            for row in package.rows("deployments", ("deploymentID",))
        }
        names = {} if self.names == "scientific" else package.vernacular(self.names)
        seen = _Seen()
        for row in package.rows("observations", ("observationLevel", "observationType")):
            seen.add(row, names)
        yield from listed.finish(self._items(package, listed, cameras, seen))

    def _items(
        self, package: CamtrapPackage, listed: ListedImages, cameras: Mapping[str, str], seen: _Seen
    ) -> Iterator[Item]:
        for row in package.rows("media", ("mediaID", "deploymentID", "filePath")):
            if row["fileMediatype"] and not row["fileMediatype"].startswith("image/"):
                listed.left_out["are no images"] += 1
            elif re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", row["filePath"]):
                listed.left_out["lie on the web (download them, and put their relative paths into filePath)"] += 1
            else:
                own = seen.media.get(row["mediaID"], [])
                events = seen.during(row["deploymentID"], row.time("timestamp"))
                usable = self._usable(own, events, listed)
                taken, label = listed.choose_label(one.name for one in usable)
                if taken:
                    image_id, path = listed.locate(row["filePath"], row.place)
                    yield Item(
                        id=image_id,
                        path=path,
                        label=label,
                        camera=cameras.get(row["deploymentID"]) or row["deploymentID"] or None,
                        taken=row.local("timestamp"),
                        sequence=next((one.event for one in (*own, *events) if one.event), None),
                        box=largest_box(one.box for one in usable if one.name == label) if self.boxes else None,
                    )

    def _usable(self, own: Sequence[_Sight], events: Sequence[_Sight], listed: ListedImages) -> Sequence[_Sight]:
        if not self.labels:
            return ()
        mine, theirs = (
            [one for one in some if one.name and (self.machine or not one.machine)] for some in (own, events)
        )
        if theirs and not mine and not self.sequence_level:
            listed.notes["have labels of their event only, which are not used (pool.sequence_level=true does)"] += 1
        return mine or (theirs if self.sequence_level else ())


@dataclass(frozen=True, slots=True)
class _Sight:
    """An observation: `name` is the class it stands for, or "" if it says nothing."""

    name: str
    event: str
    machine: bool
    box: Box | None


@dataclass
class _Seen:
    """Observations by media id, and those of whole events by deployment and time."""

    media: dict[str, list[_Sight]] = field(default_factory=dict)
    events: dict[str, list[tuple[datetime, datetime, _Sight]]] = field(default_factory=dict)
    _longest: dict[str, timedelta] = field(default_factory=dict)  # by deployment, once its events are sorted

    def add(self, row: CamtrapRow, names: Mapping[str, str]) -> None:
        sight = _Sight(_class(row, names), row["eventID"], row["classificationMethod"] == "machine", row.box())
        start, end = row.time("eventStart"), row.time("eventEnd")
        if row["mediaID"]:
            self.media.setdefault(row["mediaID"], []).append(sight)
        elif row["observationLevel"] == "event" and start and end:
            self.events.setdefault(row["deploymentID"], []).append((start, end, sight))

    def during(self, deployment: str, moment: datetime | None) -> list[_Sight]:
        """What was seen in the events of a deployment that were going on at a moment."""
        events = self.events.get(deployment)
        if not events or moment is None:
            return []
        if deployment not in self._longest:
            events.sort(key=lambda event: event[0])
            self._longest[deployment] = max(end - start for start, end, _ in events)
        first = bisect_left(events, moment - self._longest[deployment], key=lambda event: event[0])
        last = bisect_right(events, moment, key=lambda event: event[0])
        return [sight for _, end, sight in events[first:last] if end >= moment]


def _class(row: CamtrapRow, names: Mapping[str, str]) -> str:
    kind, scientific = row["observationType"], row["scientificName"]
    if scientific and kind in ("animal", "human", ""):
        return names.get(scientific, scientific)
    return kind if kind in ("blank", "human", "vehicle") else ""  # unknown and unclassified are no answers
