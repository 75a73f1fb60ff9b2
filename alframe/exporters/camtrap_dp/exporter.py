"""Export Camtrap DP, the standard of camera-trap data for GBIF, Agouti, Trapper and archives."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from alframe.commands import mapping_argument
from alframe.contracts import ExportableModel
from alframe.errors import BadParams
from alframe.exporters.camtrap_dp.deployments import Deployments, format_time, parse_timezone, read_deployments
from alframe.exporters.camtrap_dp.survey import Survey, build_survey, media_rows, observation_rows
from alframe.formats.camtrap_dp import standard
from alframe.kit.exporting import explain_write_errors
from alframe.kit.files import replace_atomically, write_json
from alframe.kit.progress import track
from alframe.types import Item, Predictions

log = logging.getLogger(__name__)

SETTING = "exporter.camtrap_dp"
STANDARD = "Camtrap DP"
FILE_PATH_PATTERN = re.compile(r"(?![./~])((?!\.\.).)*")  # what filePath may be, as its schema has it
MAX_NAMES = 8  # in a message
MAX_STRAY_SHARE = 0.01  # of the images: so many, or one, are left out rather than in the way of all others


@dataclass
class CamtrapDp:
    """Write the folder `camtrap-dp` in the standard Camtrap DP 1.0.2.

    It contains datapackage.json, deployments.csv, media.csv and observations.csv. If something that the standard
    requires is missing, nothing is written, and the message lists it. With `draft`, the folder `camtrap-dp-draft`
    contains the known facts.

    A deployment is the time that a camera was at one place. The deployment of an image is the deployment whose
    deploymentID is the name of the image's camera. If there is none, it is the deployment with this name as its
    locationID and, of several, the one that was active at the time of the image. If there is none, it is the deployment
    whose deploymentID is the path of a folder of the image, the innermost first.
    """

    deployments: str | Path | None = None
    timezone: str | None = None
    title: str | None = None
    contributors: Sequence[str | Mapping[str, str]] = ()
    sampling_design: str | None = None
    capture_method: Sequence[str] = ()
    names: Mapping[str, str] | None = None
    blank: Sequence[str] = ("blank", "empty")
    human: Sequence[str] = ("human", "person", "people")
    vehicle: Sequence[str] = ("vehicle", "car")
    unknown: Sequence[str] = ("unknown",)
    predictions: bool = True
    media_url: str = ""
    public: bool = False
    metadata: Mapping[str, Any] | None = None
    draft: bool = False

    def __post_init__(self) -> None:
        self.people = [{"title": person} if isinstance(person, str) else dict(person) for person in self.contributors]
        self.entries: dict[str, Any] = dict(self.metadata or {})  # of datapackage.json; they replace alframe's own
        self.zone = parse_timezone(self.timezone)
        self.scientific_names = {str(name): str(scientific) for name, scientific in (self.names or {}).items()}
        types = {"blank": self.blank, "human": self.human, "vehicle": self.vehicle, "unknown": self.unknown}
        self.observation_types = {str(name).casefold(): kind for kind, group in types.items() for name in group}
        designs = [self.sampling_design] if self.sampling_design else []
        _require_known_values("sampling_design", designs, standard.SAMPLING_DESIGNS)
        _require_known_values("capture_method", self.capture_method, standard.CAPTURE_METHODS)
        roles = [person["role"] for person in self.people if "role" in person]
        _require_known_values("contributors: role", roles, standard.CONTRIBUTOR_ROLES)
        if not all(str(person.get("title", "")).strip() for person in self.people):
            raise BadParams(f"{SETTING}.contributors has an entry without a title. Set it to the name of the person.")
        scopes = [license.get("scope") for license in self.entries.get("licenses", [])]
        if scopes and sorted(map(str, scopes)) != ["data", "media"]:
            raise BadParams(f"{SETTING}.metadata.licenses needs two entries, with the scopes data and media.")

    def check(self, items: Sequence[Item]) -> None:
        """Raise BadParams for facts that are missing. Only missing names of classes are found later, at the export."""
        nothing_seen = Predictions(items, np.zeros((len(items), 1), np.float32), ("blank",), [None] * len(items))
        if not self.draft:
            self._require_complete(self._build_survey_and_deployments(nothing_seen)[2])

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Replace the folder and return its files. Raises BadParams with all missing facts, unless it is a draft."""
        survey, deployments, missing = self._build_survey_and_deployments(predictions)
        if not self.draft:
            self._require_complete(missing)
        _warn_of_times(survey, deployments)
        target, draft = folder / "camtrap-dp", folder / "camtrap-dp-draft"
        if missing:
            target = draft
            survey = _with_guessed_deployment_names(survey, deployments)
            message = "%s is a draft, not a valid %s; its datapackage.json lists the missing facts."
            log.warning(message, target, STANDARD)
        with explain_write_errors(target), replace_atomically(target) as temporary:
            temporary.mkdir()
            self._write_package(temporary, survey, deployments, missing)
        if not missing:
            shutil.rmtree(draft, ignore_errors=True)  # what it lacked is here
        return [target / name for name in ("datapackage.json", *(f"{table}.csv" for table in standard.TABLE_COLUMNS))]

    def _build_survey_and_deployments(self, predictions: Predictions) -> tuple[Survey, Deployments, list[str]]:
        """Return the survey, its deployments and the missing facts. A few stray images are left out and counted."""
        deployments = read_deployments(Path(self.deployments), self.zone) if self.deployments else Deployments()
        survey = build_survey(predictions, deployments, self.zone, self.observation_types, self.predictions)
        strays, count = {} if self.draft else self._find_left_out(survey), len(set(survey.images))
        if 0 < len(strays) <= max(1, MAX_STRAY_SHARE * count) and len(strays) < count:
            image, reason = next(iter(strays.items()))
            message = "%s: left out %d of %d images, e.g. %s, which %s."
            log.warning(message, STANDARD, len(strays), count, image, reason)
            rows = [row for row, name in enumerate(survey.images) if name not in strays]
            predictions = replace(
                predictions,
                items=[predictions.items[row] for row in rows],
                probs=predictions.probs[rows],
                labels=[predictions.labels[row] for row in rows],
            )
            survey = build_survey(predictions, deployments, self.zone, self.observation_types, self.predictions)
        return survey, deployments, [*self._list_missing(survey, deployments), *self.list_missing_metadata()]

    def _find_left_out(self, survey: Survey) -> dict[str, str]:
        """Return the images that the standard does not allow, with the reasons."""
        strays = {}
        for image, deployment, taken in zip(survey.images, survey.deployments, survey.times, strict=True):
            if taken is None:
                strays[image] = "has no time"
            elif self.deployments and deployment is None:
                strays[image] = "belongs to no deployment"
            elif not FILE_PATH_PATTERN.fullmatch(self.media_url + image):
                strays[image] = "has a path that the standard refuses"
        return strays

    def _require_complete(self, missing: Sequence[str]) -> None:
        if missing:
            raise BadParams(
                f"{STANDARD} cannot be written yet: it needs facts that the images do not contain."
                + "".join(f"\n  - {sentence}" for sentence in missing)
                + f"\nProvide these, or set {SETTING}.draft=true to write a draft without them."
            )

    def _write_package(self, folder: Path, survey: Survey, deployments: Deployments, missing: Sequence[str]) -> None:
        now = datetime.now(UTC)
        methods = self._project_entry().get("captureMethod", [])
        rows = {
            "deployments": deployments.rows.values(),
            "media": media_rows(survey, self.media_url, self.public, methods[0] if len(methods) == 1 else ""),
            "observations": observation_rows(survey, self.scientific_names, now),
        }
        for table, columns in standard.TABLE_COLUMNS.items():
            tracked = track(rows[table], f"Camtrap DP: {table}", unit="row")
            standard.write_table(folder / f"{table}.csv", columns, tracked)
        species = [self.scientific_names[name] for name in survey.class_names() if self.scientific_names.get(name)]
        entries = {
            "created": format_time(now),
            "title": self.title,
            "contributors": self.people,
            **self.entries,
            "project": {"individualAnimals": False, **self._project_entry()},
        }
        if missing:
            entries["title"] = f"DRAFT: {entries['title'] or 'no title yet'}"
            entries["description"] = f"DRAFT, not a valid {STANDARD}. What is missing: {' '.join(missing)}"
        entries = {key: value for key, value in entries.items() if value is not None and value != []}
        description = standard.build_datapackage(list(deployments.rows.values()), species, entries)
        write_json(folder / "datapackage.json", description)

    def _project_entry(self) -> dict[str, Any]:
        """Return the entry `project`: animals are not identified one by one, and each observation is of one image."""
        stated = {
            "title": self.title,
            "samplingDesign": self.sampling_design,
            "captureMethod": list(self.capture_method),
            "individualAnimals": False,
            "observationLevel": ["media"],
        }
        return {key: value for key, value in (stated | self.entries.get("project", {})).items() if value}

    def list_missing_metadata(self) -> list[str]:
        """Return a sentence for each missing fact about the project, with the setting for it."""
        project = self._project_entry()
        needed = {
            "title: the title of the data set.": project.get("title"),
            "contributors: the names of the people.": self.people or self.entries.get("contributors"),
            f"sampling_design: {', '.join(standard.SAMPLING_DESIGNS)}.": project.get("samplingDesign"),
            f"capture_method: {', '.join(standard.CAPTURE_METHODS)}, in brackets.": project.get("captureMethod"),
        }
        return [f"{SETTING}.{sentence}" for sentence, stated in needed.items() if not stated]

    def _list_missing(self, survey: Survey, deployments: Deployments) -> list[str]:
        """Return a sentence for each missing fact about images and deployments, with a remedy."""
        images = survey.images
        without_deployment = [image for image, name in zip(images, survey.deployments, strict=True) if name is None]
        without_time = [image for image, taken in zip(images, survey.times, strict=True) if taken is None]
        bad_paths = [image for image in images if not FILE_PATH_PATTERN.fullmatch(self.media_url + image)]
        unnamed = [name for name in survey.class_names("animal") if name not in self.scientific_names]
        without_zone = deployments.has_times_without_zone or any(
            taken is not None and taken.tzinfo is None for taken in survey.times
        )
        columns = "deploymentID, latitude, longitude, deploymentStart and deploymentEnd"
        table = f"a CSV file with the columns {columns}, a row for each camera"
        needed: dict[str, object] = {
            f"{SETTING}.deployments: {table}.": not self.deployments,
            **dict.fromkeys(deployments.problems, True),
            f"{self.deployments}: rows for the cameras or folders of {_name_first(without_deployment, 'image')}.": (
                self.deployments and without_deployment
            ),
            f"{SETTING}.timezone: the time zone of the clocks, such as '+08:00' or Africa/Nairobi.": without_zone,
            f"When {_name_first(without_time, 'image')} were taken; let the pool read it.": without_time,
            f"{SETTING}.names: the scientific names of {_name_first(unnamed)}, as in "
            f"{mapping_argument(f'{SETTING}.names', next(iter(unnamed), 'class'), 'NAME')}": unnamed,
            f"{SETTING}.media_url, or other paths. No path may begin with ., / or ~ or contain two dots; this "
            f"concerns {_name_first(bad_paths, 'image')}.": bad_paths,
        }
        return [sentence for sentence, is_missing in needed.items() if is_missing]


def _warn_of_times(survey: Survey, deployments: Deployments) -> None:
    """Log how many images were not taken during their deployment, because a clock or a row of the table is wrong."""
    facts = zip(survey.images, survey.deployments, survey.times, strict=True)
    outside = {image: (name, time) for image, name, time in facts if deployments.is_outside(name, time)}
    if outside:
        image, (name, time) = next(iter(outside.items()))
        log.warning(
            "%s: %d images were not taken during their deployment, e.g. %s at %s, in '%s'. Correct the table "
            "of deployments, or the camera's clock (sequences.clock_offsets).",
            *(STANDARD, len(outside), image, time, name),
        )


def _with_guessed_deployment_names(survey: Survey, deployments: Deployments) -> Survey:
    """Return the survey with names of cameras or folders for missing deployments, to be filled in by people."""
    guesses = [
        known or item.camera or image.rpartition("/")[0] or "unknown"
        for known, item, image in zip(survey.deployments, survey.predictions.items, survey.images, strict=True)
    ]
    for name in dict.fromkeys(guesses):
        deployments.rows.setdefault(name, {"deploymentID": name})
    return replace(survey, deployments=guesses)


def _name_first(names: Iterable[str], noun: str = "") -> str:
    """Return the first names as a list in words, with the number of all names if there is a `noun`."""
    distinct = list(dict.fromkeys(names))
    listing = ", ".join(distinct[:MAX_NAMES]) + (", ..." if len(distinct) > MAX_NAMES else "")
    return f"{len(distinct)} {noun}{'s' * (len(distinct) != 1)} ({listing})" if noun else listing


def _require_known_values(setting: str, values: Iterable[object], known: Sequence[str]) -> None:
    for value in values:
        if value not in known:
            raise BadParams(f"{SETTING}.{setting} is '{value}'; it can be {', '.join(known)}.")
