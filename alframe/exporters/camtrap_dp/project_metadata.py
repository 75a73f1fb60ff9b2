"""What Camtrap DP demands to know of the project itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alframe.errors import BadParams
from alframe.exporters.camtrap_dp.deployments import written
from alframe.formats.camtrap_dp_write import CAPTURE_METHODS, CONTRIBUTOR_ROLES, SAMPLING_DESIGNS

OWN = "exporter.camtrap_dp"
TITLE = "Camtrap DP"


@dataclass(frozen=True, slots=True)
class Facts:
    """The project's facts as its people state them; raises BadParams for what the standard does not know.

    `metadata` are other entries of datapackage.json, and come before all that alframe would write itself.
    """

    title: str | None
    contributors: Sequence[Mapping[str, str]]
    sampling_design: str | None
    capture_method: Sequence[str]
    metadata: Mapping[str, Any]

    def __post_init__(self) -> None:
        _check("sampling_design", [self.sampling_design] if self.sampling_design else [], SAMPLING_DESIGNS)
        _check("capture_method", self.capture_method, CAPTURE_METHODS)
        _check("contributors: role", [one["role"] for one in self.contributors if "role" in one], CONTRIBUTOR_ROLES)
        if not all(str(one.get("title", "")).strip() for one in self.contributors):
            raise BadParams(f"{OWN}.contributors has one without a title, which is the person's name.")
        scopes = [one.get("scope") for one in self.metadata.get("licenses", [])]
        if scopes and sorted(map(str, scopes)) != ["data", "media"]:
            raise BadParams(f"{OWN}.metadata.licenses needs two entries, with the scopes data and media.")

    def project(self) -> dict[str, Any]:
        """The entry `project`; no animal is known as itself, and each observation is of one image."""
        stated = {
            "title": self.title,
            "samplingDesign": self.sampling_design,
            "captureMethod": list(self.capture_method),
            "individualAnimals": False,
            "observationLevel": ["media"],
        }
        return {key: value for key, value in (stated | self.metadata.get("project", {})).items() if value}

    def missing(self) -> list[str]:
        """What is not stated, each with where to state it."""
        project = self.project()
        needed = {
            "title: what the data set is called.": project.get("title"),
            "contributors: the names of the people.": self.contributors or self.metadata.get("contributors"),
            f"sampling_design: {', '.join(SAMPLING_DESIGNS)}.": project.get("samplingDesign"),
            f"capture_method: {', '.join(CAPTURE_METHODS)}, in brackets.": project.get("captureMethod"),
        }
        return [f"{OWN}.{what}" for what, stated in needed.items() if not stated]

    def package(self, now: datetime, missing: Sequence[str]) -> dict[str, Any]:
        """The entries of datapackage.json that are no property of the tables; those of a draft say so."""
        facts = {
            "created": written(now),
            "title": self.title,
            "contributors": [dict(one) for one in self.contributors],
            **self.metadata,
            "project": {"individualAnimals": False, **self.project()},
        }
        if missing:
            facts["title"] = f"DRAFT: {facts['title'] or 'no title yet'}"
            facts["description"] = f"DRAFT, and no valid {TITLE}. What is missing: {' '.join(missing)}"
        return {key: value for key, value in facts.items() if value is not None and value != []}


def _check(setting: str, given: Iterable[object], known: Sequence[str]) -> None:
    for one in given:
        if one not in known:
            raise BadParams(f"{OWN}.{setting} is '{one}'; it can be {', '.join(known)}.")
