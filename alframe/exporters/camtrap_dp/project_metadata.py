"""Check and write what Camtrap DP demands to know of the project itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alframe.errors import BadParams
from alframe.exporters.camtrap_dp.deployments import format_time
from alframe.formats.camtrap_dp.standard import CAPTURE_METHODS, CONTRIBUTOR_ROLES, SAMPLING_DESIGNS

SETTING = "exporter.camtrap_dp"
STANDARD_NAME = "Camtrap DP"


@dataclass(frozen=True, slots=True)
class ProjectMetadata:
    """What users state about their project; `metadata` are entries of datapackage.json that replace alframe's own."""

    title: str | None
    contributors: Sequence[Mapping[str, str]]
    sampling_design: str | None
    capture_method: Sequence[str]
    metadata: Mapping[str, Any]

    def __post_init__(self) -> None:
        designs = [self.sampling_design] if self.sampling_design else []
        roles = [person["role"] for person in self.contributors if "role" in person]
        _require_known("sampling_design", designs, SAMPLING_DESIGNS)
        _require_known("capture_method", self.capture_method, CAPTURE_METHODS)
        _require_known("contributors: role", roles, CONTRIBUTOR_ROLES)
        if not all(str(person.get("title", "")).strip() for person in self.contributors):
            raise BadParams(f"{SETTING}.contributors has an entry without a title. Set it to the name of the person.")
        scopes = [license.get("scope") for license in self.metadata.get("licenses", [])]
        if scopes and sorted(map(str, scopes)) != ["data", "media"]:
            raise BadParams(f"{SETTING}.metadata.licenses needs two entries, with the scopes data and media.")

    def project_entry(self) -> dict[str, Any]:
        """Return the entry `project`: animals are not told apart, and each observation is of one image."""
        stated = {
            "title": self.title,
            "samplingDesign": self.sampling_design,
            "captureMethod": list(self.capture_method),
            "individualAnimals": False,
            "observationLevel": ["media"],
        }
        return {key: value for key, value in (stated | self.metadata.get("project", {})).items() if value}

    def list_missing(self) -> list[str]:
        """Return a sentence for each entry that is not stated; it says where to state it."""
        project = self.project_entry()
        needed = {
            "title: what the data set is called.": project.get("title"),
            "contributors: the names of the people.": self.contributors or self.metadata.get("contributors"),
            f"sampling_design: {', '.join(SAMPLING_DESIGNS)}.": project.get("samplingDesign"),
            f"capture_method: {', '.join(CAPTURE_METHODS)}, in brackets.": project.get("captureMethod"),
        }
        return [f"{SETTING}.{sentence}" for sentence, stated in needed.items() if not stated]

    def package_entries(self, now: datetime, missing: Sequence[str]) -> dict[str, Any]:
        """Return the entries of datapackage.json beside the tables; with `missing` facts it is called a draft."""
        entries = {
            "created": format_time(now),
            "title": self.title,
            "contributors": [dict(person) for person in self.contributors],
            **self.metadata,
            "project": {"individualAnimals": False, **self.project_entry()},
        }
        if missing:
            entries["title"] = f"DRAFT: {entries['title'] or 'no title yet'}"
            entries["description"] = f"DRAFT, not a valid {STANDARD_NAME}. What is missing: {' '.join(missing)}"
        return {key: value for key, value in entries.items() if value is not None and value != []}


def _require_known(setting: str, values: Iterable[object], known: Sequence[str]) -> None:
    for value in values:
        if value not in known:
            raise BadParams(f"{SETTING}.{setting} is '{value}'; it can be {', '.join(known)}.")
