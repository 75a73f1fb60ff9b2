"""Camtrap DP: the standard in which camera-trap data goes to GBIF, to Agouti and Trapper, and into archives."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alframe.contracts import SavedModel
from alframe.errors import BadParams
from alframe.exporters.camtrap_dp.deployments import Deployments, read_deployments, zone_of
from alframe.exporters.camtrap_dp.project_metadata import OWN, TITLE, Facts
from alframe.exporters.camtrap_dp.tables import Survey, media, observations, survey
from alframe.formats.camtrap_dp_write import TABLE_COLUMNS, build_description, write_table
from alframe.kit.exporting import explain_write_errors
from alframe.progress import track
from alframe.store.files import replacing, write_json
from alframe.types import Predictions

log = logging.getLogger(__name__)

PATH = re.compile(r"(?![./~])((?!\.\.).)*")  # what filePath may be, as its schema has it
SHOWN = 8  # names in a message


class CamtrapDp:
    """Writes the folder `camtrap-dp`: datapackage.json, deployments.csv, media.csv and observations.csv, 1.0.2.

    `deployments` is a CSV with Camtrap DP's columns, at least deploymentID, latitude, longitude, deploymentStart and
    deploymentEnd; an image belongs to the deployment called as its camera (deploymentID, else locationID and its time),
    else as one of its folders. `names` gives the classes their scientific names; `blank`, `human`, `vehicle` and
    `unknown` list classes that are no animals. `media_url` comes before the paths of the images. Without all that the
    standard demands nothing is written, or, as a `draft`, the folder `camtrap-dp-draft` with what there is.
    """

    def __init__(
        self,
        deployments: str | Path | None = None,
        timezone: str | None = None,
        title: str | None = None,
        contributors: Sequence[str | Mapping[str, str]] = (),
        sampling_design: str | None = None,
        capture_method: Sequence[str] = (),
        names: Mapping[str, str] | None = None,
        blank: Sequence[str] = ("blank", "empty"),
        human: Sequence[str] = ("human", "person", "people"),
        vehicle: Sequence[str] = ("vehicle", "car"),
        unknown: Sequence[str] = ("unknown",),
        predictions: bool = True,
        media_url: str = "",
        public: bool = False,
        metadata: Mapping[str, Any] | None = None,
        draft: bool = False,
    ) -> None:
        people = [{"title": one} if isinstance(one, str) else dict(one) for one in contributors]
        self.facts = Facts(title, people, sampling_design, list(capture_method), dict(metadata or {}))
        self.deployments = None if deployments is None else Path(deployments)
        self.zone = zone_of(timezone)
        self.names = {str(name): str(scientific) for name, scientific in (names or {}).items()}
        kinds = {"blank": blank, "human": human, "vehicle": vehicle, "unknown": unknown}
        self.kinds = {str(name).casefold(): kind for kind, group in kinds.items() for name in group}
        self.predictions = predictions
        self.media_url = media_url
        self.public = public
        self.draft = draft

    def export(self, predictions: Predictions, model: SavedModel, folder: Path) -> list[Path]:
        """Replace the folder. Raises BadParams listing all that is missing, unless a draft will do."""
        places = read_deployments(self.deployments, self.zone) if self.deployments else Deployments()
        found = survey(predictions, places, self.zone, self.kinds, self.predictions)
        missing = [*self._missing(found, places), *self.facts.missing()]
        if missing and not self.draft:
            raise BadParams(
                f"{TITLE} cannot be written yet: it takes what images cannot tell."
                + "".join(f"\n  - {one}" for one in missing)
                + f"\nState these, or set {OWN}.draft=true to write a draft without them."
            )
        target, other = folder / "camtrap-dp", folder / "camtrap-dp-draft"
        if missing:
            target = other
            found = _with_places(found, places)
            log.warning("%s is a draft, not a valid %s; its datapackage.json says what is missing.", target, TITLE)
        with explain_write_errors(target), replacing(target) as temporary:
            temporary.mkdir()
            self._write(temporary, found, places, missing)
        if not missing:
            shutil.rmtree(other, ignore_errors=True)  # what it lacked is here
        return [target / name for name in ("datapackage.json", *(f"{table}.csv" for table in TABLE_COLUMNS))]

    def _write(self, folder: Path, found: Survey, places: Deployments, missing: Sequence[str]) -> None:
        now = datetime.now(UTC)
        methods = self.facts.project().get("captureMethod", [])
        rows = {
            "deployments": places.rows.values(),
            "media": media(found, self.media_url, self.public, methods[0] if len(methods) == 1 else ""),
            "observations": observations(found, self.names, now),
        }
        for table, columns in TABLE_COLUMNS.items():
            write_table(folder / f"{table}.csv", columns, track(rows[table], f"Camtrap DP: {table}", unit="row"))
        species = [self.names[name] for name in _named(found) if self.names.get(name)]
        facts = self.facts.package(now, missing)
        write_json(folder / "datapackage.json", build_description(list(places.rows.values()), species, facts))

    def _missing(self, found: Survey, places: Deployments) -> list[str]:
        """What is not known of the images and the deployments, each with its remedy."""
        images = found.images
        lost = [image for image, place in zip(images, found.deployments, strict=True) if place is None]
        timeless = [image for image, taken in zip(images, found.times, strict=True) if taken is None]
        strange = [image for image in images if not PATH.fullmatch(self.media_url + image)]
        nameless = [name for name in _named(found, "animal") if name not in self.names]
        naive = places.naive or any(taken is not None and taken.tzinfo is None for taken in found.times)
        columns = "deploymentID, latitude, longitude, deploymentStart and deploymentEnd"
        needed: dict[str, object] = {
            f"{OWN}.deployments: a CSV file with the columns {columns}, a row for each camera.": not self.deployments,
            **dict.fromkeys(places.problems, True),
            f"{self.deployments}: rows for the cameras or folders of {_shown(lost, 'image')}.": self.deployments
            and lost,
            f"{OWN}.timezone: that of the cameras' clocks, like '+08:00' or Africa/Nairobi.": naive,
            f"When {_shown(timeless, 'image')} were taken; let the pool read it.": timeless,
            f"{OWN}.names: the scientific names of {_shown(nameless)}, as {{class: name}}.": nameless,
            f"{OWN}.media_url, or other paths: none may begin with . / or ~ or have two dots in it, as have those of "
            f"{_shown(strange, 'image')}.": strange,
        }
        return [sentence for sentence, is_missing in needed.items() if is_missing]


def _named(found: Survey, *kinds: str) -> list[str]:
    """The classes that observations name, in the order of the alphabet; those of these kinds, if any are given."""
    apart = {"blank", "unclassified"}
    pairs = set(zip(found.final.class_names, found.kinds, strict=True))
    return sorted(name for name, kind in pairs if (kind in kinds if kinds else kind not in apart))


def _with_places(found: Survey, places: Deployments) -> Survey:
    """A draft's: images of unknown deployments are put to ones called as their cameras or folders, to be filled in."""
    guesses = [
        place or item.camera or image.rpartition("/")[0] or "unknown"
        for place, item, image in zip(found.deployments, found.predictions.items, found.images, strict=True)
    ]
    for name in dict.fromkeys(guesses):
        places.rows.setdefault(name, {"deploymentID": name})
    return replace(found, deployments=guesses)


def _shown(names: Iterable[str], what: str = "") -> str:
    """As many as can be read, and how many there are."""
    distinct = list(dict.fromkeys(names))
    listing = ", ".join(distinct[:SHOWN]) + (", ..." if len(distinct) > SHOWN else "")
    return f"{len(distinct)} {what}{'s' * (len(distinct) != 1)} ({listing})" if what else listing
