"""Write the files of a Camtrap DP package: its tables, and datapackage.json."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from alframe.formats.camtrap_dp.standard import REQUIRED_DEPLOYMENT_COLUMNS, SCHEMAS, TABLE_COLUMNS

_CSV = {"profile": "tabular-data-resource", "format": "csv", "mediatype": "text/csv", "encoding": "utf-8"}


def write_table(file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    """Write the table row by row; a column that a row lacks stays empty."""
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, columns)
        writer.writeheader()
        writer.writerows(rows)


def build_description(
    deployments: Sequence[Mapping[str, str]], scientific_names: Iterable[str], metadata: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the content of datapackage.json: what the tables tell (place, time, species), and the `metadata`."""
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
