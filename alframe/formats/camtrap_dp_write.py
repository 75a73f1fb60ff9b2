"""Camtrap DP 1.0.2, the standard for exchanging camera-trap data: its tables and its description.

Source: https://camtrap-dp.tdwg.org and the schemas of github.com/tdwg/camtrap-dp, version 1.0.2. Every column of a
table has to be there, in this order.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

SCHEMAS = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2"
DEPLOYMENT_COLUMNS = (
    "deploymentID", "locationID", "locationName", "latitude", "longitude", "coordinateUncertainty", "deploymentStart",
    "deploymentEnd", "setupBy", "cameraID", "cameraModel", "cameraDelay", "cameraHeight", "cameraDepth", "cameraTilt",
    "cameraHeading", "detectionDistance", "timestampIssues", "baitUse", "featureType", "habitat", "deploymentGroups",
    "deploymentTags", "deploymentComments",
)  # fmt: skip
MEDIA_COLUMNS = (
    "mediaID", "deploymentID", "captureMethod", "timestamp", "filePath", "filePublic", "fileName", "fileMediatype",
    "exifData", "favorite", "mediaComments",
)  # fmt: skip
OBSERVATION_COLUMNS = (
    "observationID", "deploymentID", "mediaID", "eventID", "eventStart", "eventEnd", "observationLevel",
    "observationType", "cameraSetupType", "scientificName", "count", "lifeStage", "sex", "behavior", "individualID",
    "individualPositionRadius", "individualPositionAngle", "individualSpeed", "bboxX", "bboxY", "bboxWidth",
    "bboxHeight", "classificationMethod", "classifiedBy", "classificationTimestamp", "classificationProbability",
    "observationTags", "observationComments",
)  # fmt: skip
TABLE_COLUMNS = {"deployments": DEPLOYMENT_COLUMNS, "media": MEDIA_COLUMNS, "observations": OBSERVATION_COLUMNS}
REQUIRED_DEPLOYMENT_COLUMNS = ("deploymentID", "latitude", "longitude", "deploymentStart", "deploymentEnd")
MISSING = ("", "NA", "NaN", "nan")  # cells that say nothing
SAMPLING_DESIGNS = ("simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted", "opportunistic")
CAPTURE_METHODS = ("activityDetection", "timeLapse")
CONTRIBUTOR_ROLES = ("contact", "principalInvestigator", "rightsHolder", "publisher", "contributor")

_FEATURE_TYPES = (
    "roadPaved", "roadDirt", "trailHiking", "trailGame", "roadUnderpass", "roadOverpass", "roadBridge", "culvert",
    "burrow", "nestSite", "carcass", "waterSource", "fruitingTree",
)  # fmt: skip
_INTEGER_COLUMNS = {"coordinateUncertainty", "cameraDelay", "cameraTilt", "cameraHeading"}
_BOUNDS = {
    "latitude": (-90, 90),
    "longitude": (-180, 180),
    "coordinateUncertainty": (1, math.inf),
    "cameraDelay": (0, math.inf),
    "cameraHeight": (0, math.inf),
    "cameraDepth": (0, math.inf),
    "cameraTilt": (-90, 90),
    "cameraHeading": (0, 360),
    "detectionDistance": (0, math.inf),
}
_CHOICES = {"timestampIssues": ("true", "false"), "baitUse": ("true", "false"), "featureType": _FEATURE_TYPES}


def write_table(file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write the table, row by row; a column that a row lacks is empty."""
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(columns)
        writer.writerows([row.get(name, "") for name in columns] for row in rows)


def explain_invalid_cell(column: str, cell: str) -> str | None:
    """Why a cell of the table of deployments is not valid, as the end of a sentence. Times are not looked at."""
    if cell in MISSING:
        return (
            f"must be filled in; '{cell}' means that nothing is known"
            if column in REQUIRED_DEPLOYMENT_COLUMNS
            else None
        )
    if column in _CHOICES and cell not in _CHOICES[column]:
        return f"is '{cell}'; it can be {', '.join(_CHOICES[column])}"
    if column not in _BOUNDS:
        return None
    low, high = _BOUNDS[column]
    try:
        number = int(cell) if column in _INTEGER_COLUMNS else float(cell)
    except ValueError:
        return f"is '{cell}', which is no {'whole ' * (column in _INTEGER_COLUMNS)}number; write it with a dot"
    return None if low <= number <= high else f"is {cell}; it must be from {low} to {high}".replace(" to inf", " up")


def build_description(
    deployments: Sequence[Mapping[str, str]], scientific_names: Iterable[str], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The content of datapackage.json: what the tables tell (place, time, species) and the `facts` that they do not."""
    about: dict[str, Any] = {
        "resources": [
            {
                "name": name,
                "path": f"{name}.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": f"{SCHEMAS}/{name}-table-schema.json",
            }
            for name in TABLE_COLUMNS
        ],
        "profile": f"{SCHEMAS}/camtrap-dp-profile.json",
        **facts,
        "taxonomic": [{"scientificName": name} for name in sorted(set(scientific_names))],
    }
    if deployments and all(row.get(name) for row in deployments for name in REQUIRED_DEPLOYMENT_COLUMNS):
        about["spatial"] = _bounding_geometry(
            [(float(row["longitude"]), float(row["latitude"])) for row in deployments]
        )
        starts = [datetime.fromisoformat(row["deploymentStart"]) for row in deployments]
        ends = [datetime.fromisoformat(row["deploymentEnd"]) for row in deployments]
        about["temporal"] = {"start": min(starts).date().isoformat(), "end": max(ends).date().isoformat()}
    return about


def _bounding_geometry(places: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """GeoJSON of the smallest rectangle around all places; of the place, if it is one."""
    west, south = (min(one[axis] for one in places) for axis in (0, 1))
    east, north = (max(one[axis] for one in places) for axis in (0, 1))
    if (west, south) == (east, north):
        return {"type": "Point", "coordinates": [west, south]}
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
