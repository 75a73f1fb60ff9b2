"""Read the images of a Camtrap DP package, with or without its observations as labels."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from alframe.formats.camtrap_dp.reading import CamtrapPackage, CamtrapRow
from alframe.kit.image_paths import absolute_path
from alframe.kit.listed_images import SEVERAL_RULES, ListedImages
from alframe.kit.parameters import require_one_of
from alframe.types import Box, Item

EVENT_LABELS_ONLY = "have labels of their event only, which are not used (pool.sequence_level=true does)"


@dataclass
class CamtrapDp:
    """Pool of the images that the package in `folder` lists, below `root` (default: that folder).

    With `labels` an image's observations are its class, if they agree; if not, `several` decides: skip leaves the image
    out, first takes the first. Observations of whole events only count with `sequence_level`, those of programs only
    with `machine`. A class is the scientific name or, with `names` a language such as eng, the package's own name for
    it; blank, human and vehicle are classes where there is no name. With `boxes` the item is the largest box of that
    class. The event is the sequence, and `camera_column` of the deployment, or else its id, is the camera.
    """

    folder: str | Path
    root: str | Path | None = None
    labels: bool = True
    several: str = "skip"
    sequence_level: bool = False
    machine: bool = False
    names: str = "scientific"
    boxes: bool = False
    camera_column: str = "locationID"

    def __post_init__(self) -> None:
        require_one_of("pool 'camtrap_dp'", SEVERAL_RULES, several=self.several)

    def items(self) -> Iterator[Item]:
        """Yield the listed images; raises PoolError or FormatError naming the file, the row and the remedy.

        Left out, with their number in the log: other media than images, and images that lie on the web.
        """
        package = CamtrapPackage(absolute_path(self.folder))
        listed = ListedImages(package.folder, absolute_path(self.root or package.folder), self.several)
        cameras = {
            row["deploymentID"]: row[self.camera_column] or row["deploymentID"]
            for row in package.read_rows("deployments", ("deploymentID",))
        }
        names = {} if self.names == "scientific" else package.vernacular_names(self.names)
        observations = _Observations()
        for row in package.read_rows("observations", ("observationLevel", "observationType")):
            observations.add(row, self._class_name(row, names))
        yield from listed.finish(self._items(package, listed, cameras, observations))

    def _items(
        self, package: CamtrapPackage, listed: ListedImages, cameras: Mapping[str, str], observations: _Observations
    ) -> Iterator[Item | None]:
        for row in package.read_rows("media", ("mediaID", "deploymentID", "filePath")):
            if row["fileMediatype"] and not row["fileMediatype"].startswith("image/"):
                listed.left_out["are not images"] += 1
            elif re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", row["filePath"]):
                listed.left_out["lie on the web (download them, and put their relative paths into filePath)"] += 1
            else:
                taken = row.time("timestamp")
                of_image = observations.by_image.get(row["mediaID"], [])
                of_events = observations.during(row["deploymentID"], taken)
                image_labels = [observation for observation in of_image if observation.class_name]
                event_labels = [observation for observation in of_events if observation.class_name]
                if event_labels and not image_labels and not self.sequence_level:
                    listed.notes[EVENT_LABELS_ONLY] += 1
                usable = image_labels or (event_labels if self.sequence_level else [])
                events = (observation.event for observation in (*of_image, *of_events))
                yield listed.item(
                    row["filePath"],
                    row.position,
                    ((each.class_name, each.box if self.boxes else None) for each in usable),
                    camera=cameras.get(row["deploymentID"]) or row["deploymentID"] or None,
                    taken=taken and taken.replace(tzinfo=None),
                    sequence=next((event for event in events if event), None),
                )

    def _class_name(self, row: CamtrapRow, names: Mapping[str, str]) -> str:
        """Return the class that an observation says, or "" if it says none, or is not to be used."""
        kind, scientific = row["observationType"], row["scientificName"]
        if not self.labels or (row["classificationMethod"] == "machine" and not self.machine):
            return ""
        if scientific and kind in ("animal", "human", ""):
            return names.get(scientific, scientific)
        return kind if kind in ("blank", "human", "vehicle") else ""  # unknown and unclassified are not answers


@dataclass(frozen=True, slots=True)
class _Observation:
    """An observation; `class_name` is "" if it gives the image no label."""

    class_name: str
    event: str
    box: Box | None


@dataclass
class _Observations:
    """Observations of images by media id, and those of whole events by deployment with start and end."""

    by_image: dict[str, list[_Observation]] = field(default_factory=dict)
    events: dict[str, list[tuple[datetime, datetime, _Observation]]] = field(default_factory=dict)
    _longest: dict[str, timedelta] = field(default_factory=dict)  # by deployment, once its events are sorted

    def add(self, row: CamtrapRow, class_name: str) -> None:
        """Add a row of the table."""
        observation = _Observation(class_name, row["eventID"], row.box())
        start, end = row.time("eventStart"), row.time("eventEnd")
        if row["mediaID"]:
            self.by_image.setdefault(row["mediaID"], []).append(observation)
        elif row["observationLevel"] == "event" and start and start.tzinfo and end and end.tzinfo:
            self.events.setdefault(row["deploymentID"], []).append((start, end, observation))

    def during(self, deployment: str, time: datetime | None) -> list[_Observation]:
        """Return the observations of the deployment's events that were going on at `time`."""
        events = self.events.get(deployment)
        if not events or time is None or time.tzinfo is None:
            return []
        if deployment not in self._longest:
            events.sort(key=lambda event: event[0])
            self._longest[deployment] = max(end - start for start, end, _ in events)
        first = bisect_left(events, time - self._longest[deployment], key=lambda event: event[0])
        last = bisect_right(events, time, key=lambda event: event[0])
        return [observation for _, end, observation in events[first:last] if end >= time]
