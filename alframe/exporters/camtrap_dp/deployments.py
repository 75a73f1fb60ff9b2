"""Where and when each camera stood, from a table that people keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from alframe.errors import BadParams
from alframe.formats.camtrap_dp_write import DEPLOYMENT_COLUMNS, REQUIRED_DEPLOYMENT_COLUMNS, explain_invalid_cell
from alframe.formats.tables import read_table
from alframe.types import Item, Problem

TIMES = ("deploymentStart", "deploymentEnd")


@dataclass
class Deployments:
    """The table's rows by deploymentID, in its order, all times with their offset where the zone is known."""

    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _at: dict[str, list[str]] = field(default_factory=dict)  # locationID -> deploymentIDs

    def add(self, cells: dict[str, str]) -> None:
        self.rows[cells["deploymentID"]] = cells
        if location := cells.get("locationID"):
            self._at.setdefault(location, []).append(cells["deploymentID"])

    @property
    def naive(self) -> bool:
        """Whether a time has no zone."""
        return any(datetime.fromisoformat(row[name]).tzinfo is None for row in self.rows.values() for name in TIMES)

    def of(self, item: Item, image: str, taken: datetime | None) -> str | None:
        """The deploymentID: the item's camera, or the deployment then at the location of that name, or its folder."""
        if item.camera in self.rows:
            return item.camera
        if item.camera in self._at:
            there = [one for one in self._at[item.camera] if len(self._at[item.camera]) == 1 or self._when(one, taken)]
            return there[0] if there else None
        return next((folder for folder in _folders(image) if folder in self.rows), None)

    def _when(self, deployment: str, taken: datetime | None) -> bool:
        if taken is None or taken.tzinfo is None:
            return False
        start, end = (datetime.fromisoformat(self.rows[deployment][name]) for name in TIMES)
        return start.tzinfo is not None and end.tzinfo is not None and start <= taken <= end


def read_deployments(file: Path, zone: tzinfo | None) -> Deployments:
    """The deployments in a CSV file with at least the columns REQUIRED; what is wrong with it is in `problems`."""
    found = Deployments()
    for row in read_table(file, REQUIRED_DEPLOYMENT_COLUMNS):
        if isinstance(row, Problem):
            found.problems.append(str(row))
            continue
        cells = {name: row.get(name).strip() for name in DEPLOYMENT_COLUMNS}
        wrong = [f"{name} {why}" for name, cell in cells.items() if (why := explain_invalid_cell(name, cell))]
        times = [_time(cells[name], zone) for name in TIMES]
        for name, time in zip(TIMES, times, strict=True):
            if time is not None:
                cells[name] = written(time)
            elif cells[name]:
                wrong.append(f"{name} is '{cells[name]}'; write it like 2024-05-01T10:00:00")
        start, end = times
        if start and end and (start.tzinfo is None) == (end.tzinfo is None) and start > end:
            wrong.append("deploymentEnd is before deploymentStart")
        if cells["deploymentID"] in found.rows:
            wrong.append(f"deploymentID '{cells['deploymentID']}' is there twice")
        found.problems += [f"{file}, row {row.line}: {why}." for why in wrong]
        if not wrong:
            found.add(cells)
    if not found.rows and not found.problems:
        found.problems.append(f"{file} has no deployment below its first line.")
    return found


def zone_of(name: str | None) -> tzinfo | None:
    """The time zone of "+08:00", "Z" or "Africa/Nairobi"; None for None. Raises BadParams."""
    if name is None:
        return None
    if found := re.fullmatch(r"([+-])(\d\d):?(\d\d)", str(name)):
        sign = -1 if found[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(found[2]), minutes=int(found[3])))
    try:
        return ZoneInfo("UTC" if str(name).upper() == "Z" else str(name))
    except (OSError, ValueError, KeyError):
        raise BadParams(
            f"exporter.camtrap_dp.timezone is {name!r}; write it as '+08:00', in quotes, or as Africa/Nairobi."
        ) from None


def _time(cell: str, zone: tzinfo | None) -> datetime | None:
    try:
        # A day alone is no time: a camera does not stand somewhere from midnight to midnight.
        return in_zone(datetime.fromisoformat(cell), zone) if len(cell) > 10 else None
    except ValueError:
        return None


def in_zone(time: datetime, zone: tzinfo | None) -> datetime:
    """The time with its zone: its own, if it has one."""
    return time if time.tzinfo is not None or zone is None else time.replace(tzinfo=zone)


def written(time: datetime) -> str:
    """As Camtrap DP has it, in whole seconds; without an offset only where no zone is known."""
    return time.isoformat(timespec="seconds")


def _folders(image: str) -> Iterator[str]:
    """The folders of an image, the innermost first."""
    parts = image.split("/")[:-1]
    return ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
