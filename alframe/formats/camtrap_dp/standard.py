"""The rules of the standard Camtrap DP 1.0.2 (columns, allowed words and bounds), and functions that write its files.

Source: https://camtrap-dp.tdwg.org and the schemas of github.com/tdwg/camtrap-dp, version 1.0.2. A table must have
all of its columns, in this order.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

SCHEMAS = "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0.2"
_CSV = {"profile": "tabular-data-resource", "format": "csv", "mediatype": "text/csv", "encoding": "utf-8"}
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
MISSING_CELLS = frozenset({"", "NA", "NaN", "nan"})  # cells that mean "not known"
OBSERVATION_TYPES = ("animal", "human", "vehicle", "blank", "unknown", "unclassified")
SAMPLING_DESIGNS = ("simpleRandom", "systematicRandom", "clusteredRandom", "experimental", "targeted", "opportunistic")
CAPTURE_METHODS = ("activityDetection", "timeLapse")
CONTRIBUTOR_ROLES = ("contact", "principalInvestigator", "rightsHolder", "publisher", "contributor")

_FEATURE_TYPES = (
    "roadPaved", "roadDirt", "trailHiking", "trailGame", "roadUnderpass", "roadOverpass", "roadBridge", "culvert",
    "burrow", "nestSite", "carcass", "waterSource", "fruitingTree",
)  # fmt: skip
_INTEGER_COLUMNS = {"coordinateUncertainty", "cameraDelay", "cameraTilt", "cameraHeading"}
_BOUNDS = {
    **dict.fromkeys(("cameraDelay", "cameraHeight", "cameraDepth", "detectionDistance"), (0, math.inf)),
    **{"latitude": (-90, 90), "longitude": (-180, 180), "cameraTilt": (-90, 90), "cameraHeading": (0, 360)},
    "coordinateUncertainty": (1, math.inf),
}
_CHOICES = {"timestampIssues": ("true", "false"), "baitUse": ("true", "false"), "featureType": _FEATURE_TYPES}


def explain_invalid_cell(column: str, cell: str) -> str | None:
    """Return the reason why a deployment's cell is not valid, as the end of a sentence, or None. Ignores times."""
    if cell in MISSING_CELLS:
        is_required = column in REQUIRED_DEPLOYMENT_COLUMNS
        return f"must be filled in; '{cell}' means that nothing is known" if is_required else None
    if column in _CHOICES and cell not in _CHOICES[column]:
        return f"is '{cell}'; it can be {', '.join(_CHOICES[column])}"
    if column not in _BOUNDS:
        return None
    low, high = _BOUNDS[column]
    try:
        number = int(cell) if column in _INTEGER_COLUMNS else float(cell)
    except ValueError:
        return f"is '{cell}', which is not a {'whole ' * (column in _INTEGER_COLUMNS)}number; write it with a dot"
    return None if low <= number <= high else f"is {cell}; it must be from {low} to {high}".replace(" to inf", " up")


def write_table(file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write the table row by row. If a row lacks a column, the cell stays empty."""
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(rows)


def build_datapackage(
    deployments: Sequence[Mapping[str, str]], scientific_names: Iterable[str], metadata: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the content of datapackage.json: place, time and species from the tables, and the `metadata`."""
    content: dict[str, Any] = {
        "resources": [
            {"name": name, "path": f"{name}.csv", **_CSV, "schema": f"{SCHEMAS}/{name}-table-schema.json"}
            for name in TABLE_COLUMNS
        ],
        "profile": f"{SCHEMAS}/camtrap-dp-profile.json",
        **metadata,
        "taxonomic": [{"scientificName": name} for name in sorted(set(scientific_names))],
    }
    if deployments and all(row.get(name) for row in deployments for name in REQUIRED_DEPLOYMENT_COLUMNS):
        points = [(float(row["longitude"]), float(row["latitude"])) for row in deployments]
        starts = [datetime.fromisoformat(row["deploymentStart"]) for row in deployments]
        ends = [datetime.fromisoformat(row["deploymentEnd"]) for row in deployments]
        content["spatial"] = _bounding_geometry(points)
        content["temporal"] = {"start": min(starts).date().isoformat(), "end": max(ends).date().isoformat()}
    return content


def _bounding_geometry(points: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return GeoJSON of the smallest rectangle around the (longitude, latitude) points, or of the only point."""
    west, south = (min(point[axis] for point in points) for axis in (0, 1))
    east, north = (max(point[axis] for point in points) for axis in (0, 1))
    if (west, south) == (east, north):
        return {"type": "Point", "coordinates": [west, south]}
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
