"""Read the images of a Camtrap DP package, with or without its observations as labels."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from alframe.errors import PoolError
from alframe.formats.camtrap_dp.events import CamtrapEvent, Capture, EventMatches, join_events
from alframe.formats.camtrap_dp.reading import CamtrapPackage, CamtrapRow, is_day_first_in
from alframe.formats.camtrap_dp.standard import OBSERVATION_TYPES
from alframe.formats.camtrap_dp.web_files import WebFiles, is_on_web
from alframe.formats.skipped import SkippedRecords
from alframe.kit.files import id_text
from alframe.kit.image_paths import absolute_path
from alframe.kit.listed_images import SEVERAL_RULES, ListedImage, ListedImages
from alframe.kit.parameters import require_one_of
from alframe.kit.times import TimeColumn
from alframe.pools.folder import Folder, image_suffixes
from alframe.types import Box, Item

log = logging.getLogger(__name__)

ON_WEB = (
    "are on the web, and no file below pool.root has their name and folder (download them; keep their fileName, or put "
    "their relative paths into filePath)"
)
EVENT_LABELS_ONLY = "have labels of their event only, which are not used (pool.sequence_level=true does)"


@dataclass
class CamtrapDp:
    """List the images of a Camtrap DP package. Its observations give the classes.

    The class of an observation is the scientific name, or the name in the language `names`. An observation of
    the type blank, human or vehicle without a name has its type as its class. The event of an image is its sequence.
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
        """Yield the listed images. Raises PoolError or FormatError with the file, the row and the remedy.

        Media that are no images, and images on the web that are not below `root`, are left out. The log gives their
        number, and the number of observations and events without an image.
        """
        package = CamtrapPackage(absolute_path(self.folder))
        root = absolute_path(self.root or package.folder)
        listed = ListedImages(package.folder, root, self.several)
        rows = package.read_rows("deployments", ("deploymentID",))
        deployments = {id_text(row["deploymentID"]): row for row in rows}
        media = list(package.read_rows("media", ("deploymentID", "mediaID", "filePath")))
        listed.times = TimeColumn(row["timestamp"] for row in media)
        day_first = is_day_first_in(media, "timestamp")
        observations = self._read_all_observations(package, _count_media_by_id(media, package.skipped), day_first)
        zones = {
            name: time.tzinfo for name, row in deployments.items() if (time := row.time("deploymentStart", day_first))
        }
        joined = join_events(
            [CamtrapEvent(seen.deployment, seen.start, seen.end) for seen in observations.of_events],
            [
                Capture(id_text(row["deploymentID"]), row.time("timestamp", day_first), _is_time_lapse(row))
                for row in media
            ],
            {name: zone for name, zone in zones.items() if zone is not None},
        )
        self._join_events_by_id(joined, observations, media, package)
        files = WebFiles(_iterate_image_ids(root), [row for row in media if is_on_web(row)], deployments)
        yield from listed.items(self._make_listed_images(media, listed, deployments, observations, joined, files))
        package.skipped.warn(log, package.folder)

    def _join_events_by_id(
        self, joined: EventMatches, observations: _Observations, media: Sequence[CamtrapRow], package: CamtrapPackage
    ) -> None:
        """Join events without an image in their time with the images that name these events. Count the others."""
        images_of: dict[tuple[str, str], list[int]] = {}
        for number, row in enumerate(media):
            for event in {seen.event for seen in observations.by_image.get(id_text(row["mediaID"]), ()) if seen.event}:
                images_of.setdefault((id_text(row["deploymentID"]), event), []).append(number)
        for number in joined.without_images:
            seen = observations.of_events[number]
            images = images_of.get((seen.deployment, seen.event), [])
            for image in images:
                joined.events_of.setdefault(image, []).append(number)
            if seen.class_name and not images:
                text = "observations of events belong to no image (none was taken at their time), and are not used"
                package.skipped.add(text, f"{seen.position} ({seen.event})")

    def _make_listed_images(
        self,
        media: Sequence[CamtrapRow],
        listed: ListedImages,
        deployments: Mapping[str, CamtrapRow],
        observations: _Observations,
        joined: EventMatches,
        files: WebFiles,
    ) -> Iterator[ListedImage]:
        for number, row in enumerate(media):
            path = row["filePath"]
            if not _is_image(row):
                listed.count_left_out(
                    "are not images", f"{path} ({row.position}, fileMediatype '{row['fileMediatype']}')"
                )
                continue
            if is_on_web(row):
                found = files.find(row)
                if found is None:
                    listed.count_left_out(ON_WEB, f"{row.position}: {path} (fileName '{row['fileName']}')")
                    continue
                path = found
            elif row["fileName"] and (not path or path.endswith(("/", "\\"))):  # the folder alone
                path += row["fileName"]
            deployment = deployments.get(id_text(row["deploymentID"]))
            if deployment is None and row["deploymentID"]:
                listed.note("belong to a deployment that deployments.csv lacks; its id is their camera", path)
            of_image = observations.by_image.get(id_text(row["mediaID"]), [])
            of_events = [observations.of_events[event] for event in joined.events_of.get(number, ())]
            motion_event = joined.motion_event_around.get(number)
            if self.sequence_level and motion_event is not None and observations.of_events[motion_event].class_name:
                listed.note("were taken during an event of other images (by the clock), and get no label from it", path)
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

    def _read_all_observations(
        self, package: CamtrapPackage, media_counts: Mapping[str, int], day_first: bool | None
    ) -> _Observations:
        """Read all observations; `media_counts` says how many images have each mediaID."""
        names = {} if self.names == "scientific" else package.vernacular_names(self.names)
        observations = _Observations()
        for row in package.read_rows("observations", ("observationLevel", "observationType")):
            box, class_name = row.box(), self._usable_class_or_empty(row, names)
            if (kind := row["observationType"]) and kind.casefold() not in OBSERVATION_TYPES:
                text = "observations have an observationType that the standard does not have, and give no label"
                package.skipped.add(text, f"{row.position}: {kind!r}")
            if self.boxes and row["bboxX"] and box is None:
                package.skipped.add("boxes are not fractions of the image, and are not used", row.position)
            start, end = row.time("eventStart", day_first), row.time("eventEnd", day_first)
            times = (start or end, end or start)
            one = _Observation(class_name, row["eventID"], box, id_text(row["deploymentID"]), *times, row.position)
            if media_id := id_text(row["mediaID"]):
                number = media_counts.get(media_id, 0)
                if number == 1:
                    observations.by_image.setdefault(media_id, []).append(one)
                else:
                    what = "several media have" if number else "media.csv does not list"
                    text = f"observations are of a mediaID that {what}, and are not used"
                    package.skipped.add(text, f"{row.position}: {row['mediaID']}")
            elif row["observationLevel"].casefold() == "event":
                observations.of_events.append(one)
            else:
                text = "observations name no medium and are not of an event, and are not used"
                package.skipped.add(text, row.position)
        return observations

    def _usable_class_or_empty(self, row: CamtrapRow, names: Mapping[str, str]) -> str:
        """Return the class of an observation, or "" if it has no class or is not used."""
        kind, scientific = row["observationType"].casefold(), row["scientificName"]
        if not self.labels or (row["classificationMethod"].casefold() == "machine" and not self.machine):
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


def _iterate_image_ids(root: Path) -> Iterator[str]:
    with suppress(PoolError):  # there are no images at all
        yield from (item.id for item in Folder(root).items())


def _count_media_by_id(media: Iterable[CamtrapRow], skipped: SkippedRecords) -> Counter[str]:
    """Return the number of files with each mediaID. With several files, the image of an observation is not known."""
    files = {(id_text(row["mediaID"]), row["filePath"], row["fileName"]) for row in media}
    counts = Counter(media_id for media_id, _, _ in files)
    for media_id in [media_id for media_id, count in counts.items() if count > 1 and media_id]:
        skipped.add("values of mediaID belong to several files", media_id)
    return counts


def _is_time_lapse(row: CamtrapRow) -> bool:
    """Return whether a medium was taken at a fixed time. (Timelapse's own template writes the word in lower case)."""
    return re.sub(r"[\s_-]", "", row["captureMethod"]).casefold() in ("timelapse", "timer")


def _is_image(row: CamtrapRow) -> bool:
    """Return whether a medium is an image by its type, or else by the suffix of its file."""
    kind = row["fileMediatype"].casefold()
    if kind.startswith(("image", "video", "audio")):
        return kind.startswith("image")
    names = [row["fileName"], "" if is_on_web(row) else row["filePath"]]
    suffixes = {Path(name.replace("\\", "/")).suffix.lower() for name in names} - {""}
    return f".{kind}" in image_suffixes() or bool(suffixes & image_suffixes()) or (not kind and not suffixes)
