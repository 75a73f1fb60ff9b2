"""Read the images of a Camtrap DP package, with or without its observations as labels."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from alframe.errors import PoolError
from alframe.formats.camtrap_dp.events import Capture, Event, EventImages, join_events
from alframe.formats.camtrap_dp.reading import CamtrapPackage, CamtrapRow
from alframe.kit.image_paths import absolute_path
from alframe.kit.listed_images import SEVERAL_RULES, ListedImage, ListedImages
from alframe.kit.parameters import require_one_of
from alframe.kit.times import TimeColumn
from alframe.pools.folder import Folder
from alframe.types import Box, Item

log = logging.getLogger(__name__)

ON_WEB = (
    "are on the web, and no file with their name is below pool.root (download them; keep their fileName, or put "
    "their relative paths into filePath)"
)
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

        Left out, with their number in the log: other media than images, and images that lie on the web and not below
        `root` under their file name. Observations and events that belong to no image are counted there too.
        """
        package = CamtrapPackage(absolute_path(self.folder))
        root = absolute_path(self.root or package.folder)
        listed = ListedImages(package.folder, root, self.several)
        deployments = {row["deploymentID"]: row for row in package.read_rows("deployments", ("deploymentID",))}
        media = list(package.read_rows("media", ("mediaID", "deploymentID", "filePath")))
        listed.times = TimeColumn(row["timestamp"] for row in media)
        observations = self._read_all_observations(package, {row["mediaID"] for row in media})
        zones = {name: time.tzinfo for name, row in deployments.items() if (time := row.time("deploymentStart"))}
        joined = join_events(
            [Event(one.deployment, one.start, one.end) for one in observations.of_events],
            [Capture(row["deploymentID"], row.time("timestamp"), row["captureMethod"] == "timeLapse") for row in media],
            {name: zone for name, zone in zones.items() if zone is not None},
        )
        for number in joined.without_images:
            event = observations.of_events[number]
            if event.class_name:
                text = "observations of events are of no image (no image was taken at their time), and are not used"
                package.skipped.add(text, f"{event.position} ({event.event})")
        files = _image_ids_by_file_name(root, {_file_name(row).casefold() for row in media if _is_on_web(row)})
        yield from listed.items(self._make_listed_images(media, listed, deployments, observations, joined, files))
        package.skipped.warn(log, package.folder)

    def _make_listed_images(
        self,
        media: Sequence[CamtrapRow],
        listed: ListedImages,
        deployments: Mapping[str, CamtrapRow],
        observations: _Observations,
        joined: EventImages,
        files: Mapping[str, Sequence[str]],
    ) -> Iterator[ListedImage]:
        wanted = Counter(_file_name(row).casefold() for row in media if _is_on_web(row))
        for number, row in enumerate(media):
            if row["fileMediatype"] and not row["fileMediatype"].startswith("image/"):
                listed.count_left_out("are not images", row["filePath"])
                continue
            path = row["filePath"]
            if _is_on_web(row):
                found = _choose_file(row, files, wanted)
                if found is None:
                    listed.count_left_out(ON_WEB, f"{row.position}: {path} (fileName '{row['fileName']}')")
                    continue
                path = found
            deployment = deployments.get(row["deploymentID"])
            if deployment is None and row["deploymentID"]:
                listed.note("are of a deployment that deployments.csv does not list; its id is their camera", path)
            of_image = observations.by_image.get(row["mediaID"], [])
            of_events = [observations.of_events[event] for event in joined.events_of.get(number, ())]
            by_clock = joined.by_clock_only.get(number)
            if self.sequence_level and by_clock is not None and observations.of_events[by_clock].class_name:
                listed.note("were taken by the clock during an event of others, and take no label from it", path)
            usable = self._observations_that_label(of_image, of_events, path, listed)
            yield ListedImage(
                path,
                row.position,
                [(each.class_name, each.box if self.boxes else None) for each in usable],
                camera=(deployment[self.camera_column] if deployment else "") or row["deploymentID"] or None,
                sequence=next((each.event for each in (*of_image, *of_events) if each.event), None),
                **listed.read_time_fields(row["timestamp"], row.position),
            )

    def _observations_that_label(
        self, of_image: Sequence[_Observation], of_events: Sequence[_Observation], path: str, listed: ListedImages
    ) -> Sequence[_Observation]:
        """Return the observations that give the image a class."""
        image_labels = [observation for observation in of_image if observation.class_name]
        event_labels = [observation for observation in of_events if observation.class_name]
        if event_labels and not image_labels and not self.sequence_level:
            listed.note(EVENT_LABELS_ONLY, path)
        return image_labels or (event_labels if self.sequence_level else [])

    def _read_all_observations(self, package: CamtrapPackage, media_ids: Collection[str]) -> _Observations:
        names = {} if self.names == "scientific" else package.vernacular_names(self.names)
        observations = _Observations()
        for row in package.read_rows("observations", ("observationLevel", "observationType")):
            box, class_name = row.box(), self._usable_class_or_empty(row, names)
            if self.boxes and row["bboxX"] and box is None:
                package.skipped.add("boxes are not fractions of the image, and are not used", row.position)
            times = (row.time("eventStart"), row.time("eventEnd"))
            one = _Observation(class_name, row["eventID"], box, row["deploymentID"], *times, row.position)
            if row["mediaID"]:
                observations.by_image.setdefault(row["mediaID"], []).append(one)
                if row["mediaID"] not in media_ids:
                    text = "observations are of a mediaID that media.csv does not list, and are not used"
                    package.skipped.add(text, f"{row.position}: {row['mediaID']}")
            elif row["observationLevel"] == "event":
                observations.of_events.append(one)
        return observations

    def _usable_class_or_empty(self, row: CamtrapRow, names: Mapping[str, str]) -> str:
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
    deployment: str
    start: datetime | None
    end: datetime | None
    position: str


@dataclass
class _Observations:
    """Observations of images by media id, and those of whole events."""

    by_image: dict[str, list[_Observation]] = field(default_factory=dict)
    of_events: list[_Observation] = field(default_factory=list)


def _is_on_web(row: CamtrapRow) -> bool:
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", row["filePath"]) is not None


def _file_name(row: CamtrapRow) -> str:
    """Return the name of an image that lies on the web: its fileName, or else the end of the address."""
    return row["fileName"] or unquote(urlsplit(row["filePath"]).path).rpartition("/")[2]


def _image_ids_by_file_name(root: Path, names: Collection[str]) -> dict[str, list[str]]:
    """Return the ids of all images below `root` with one of these names, by the name in lower case."""
    found: dict[str, list[str]] = {}
    if names:
        with suppress(PoolError):  # there are no images at all
            for item in Folder(root).items():
                if (name := item.id.rpartition("/")[2].casefold()) in names:
                    found.setdefault(name, []).append(item.id)
    return found


def _choose_file(row: CamtrapRow, files: Mapping[str, Sequence[str]], wanted: Mapping[str, int]) -> str | None:
    """Return the file of that name: the one below a folder called as the deployment, or the only one there is."""
    name = _file_name(row).casefold()
    found = files.get(name, ())
    in_deployment = [path for path in found if row["deploymentID"] in path.split("/")[:-1]]
    if len(in_deployment) == 1:
        return in_deployment[0]
    return found[0] if len(found) == 1 and wanted[name] == 1 else None
