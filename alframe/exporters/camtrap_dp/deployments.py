"""Read the places and times of cameras from a table of the user."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from alframe.errors import BadParams
from alframe.formats.camtrap_dp.standard import DEPLOYMENT_COLUMNS, REQUIRED_DEPLOYMENT_COLUMNS, explain_invalid_cell
from alframe.kit.tables import read_table
from alframe.types import Problem

TIME_COLUMNS = ("deploymentStart", "deploymentEnd")


@dataclass
class Deployments:
    """The valid rows of the table by deploymentID, with times in ISO 8601, and the problems of the others."""

    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    _by_location: dict[str, list[str]] = field(default_factory=dict)  # locationID -> deploymentIDs

    def add_valid_row(self, cells: dict[str, str]) -> None:
        self.rows[cells["deploymentID"]] = cells
        if location := cells.get("locationID"):
            self._by_location.setdefault(location, []).append(cells["deploymentID"])

    @property
    def has_times_without_zone(self) -> bool:
        times = (datetime.fromisoformat(row[name]) for row in self.rows.values() for name in TIME_COLUMNS)
        return any(time.tzinfo is None for time in times)

    def find_deployment_id(self, cameras: Sequence[str], image: str, taken: datetime | None) -> str | None:
        """Return the deploymentID of an item of `image`, taken at that time; None if it is not known.

        It is the deployment with the name of the item's camera, which may have several names. Else it is the deployment
        that was at the location of that name at the time, or that has the name of the innermost folder of the image.
        """
        for camera in cameras:
            if camera in self.rows:
                return camera
            if camera in self._by_location:
                candidates = self._by_location[camera]
                active = [name for name in candidates if len(candidates) == 1 or self._was_surely_active(name, taken)]
                return active[0] if active else None
        return next((str(folder) for folder in PurePosixPath(image).parents if str(folder) in self.rows), None)

    def is_outside(self, deployment: str | None, time: datetime | None) -> bool:
        """Return whether it is certain that the deployment had not begun at that time, or was over."""
        if deployment not in self.rows or time is None:
            return False
        start, end = (datetime.fromisoformat(self.rows[deployment][name]) for name in TIME_COLUMNS)
        have_zones = [each.tzinfo is not None for each in (start, time, end)]
        return len(set(have_zones)) == 1 and not start <= time <= end

    def _was_surely_active(self, deployment: str, time: datetime | None) -> bool:
        if time is None or time.tzinfo is None:
            return False
        start, end = (datetime.fromisoformat(self.rows[deployment][name]) for name in TIME_COLUMNS)
        return start.tzinfo is not None and end.tzinfo is not None and start <= time <= end


def read_deployments(file: Path, zone: tzinfo | None) -> Deployments:
    """Read a CSV file with at least REQUIRED_DEPLOYMENT_COLUMNS. `zone` is the time zone of times without an offset."""
    deployments = Deployments()
    for row in read_table(file, REQUIRED_DEPLOYMENT_COLUMNS):
        if isinstance(row, Problem):
            deployments.problems.append(str(row))
            continue
        cells = {name: row.get(name).strip() for name in DEPLOYMENT_COLUMNS}
        mistakes = [f"{name} {why}" for name, cell in cells.items() if (why := explain_invalid_cell(name, cell))]
        times = [_parse_time_or_none(cells[name], zone) for name in TIME_COLUMNS]
        for name, time in zip(TIME_COLUMNS, times, strict=True):
            if time is not None:
                cells[name] = format_time(time)
            elif cells[name]:
                mistakes.append(f"{name} is '{cells[name]}'; write it like 2024-05-01T10:00:00")
        start, end = times
        if start and end and (start.tzinfo is None) == (end.tzinfo is None) and start > end:
            mistakes.append("deploymentEnd is before deploymentStart")
        if cells["deploymentID"] in deployments.rows:
            mistakes.append(f"deploymentID '{cells['deploymentID']}' is listed twice")
        deployments.problems += [f"{file}, row {row.line}: {mistake}." for mistake in mistakes]
        if not mistakes:
            deployments.add_valid_row(cells)
    if not deployments.rows and not deployments.problems:
        deployments.problems.append(f"{file} has no rows below its header.")
    return deployments


def parse_timezone(name: str | None) -> tzinfo | None:
    """Return the time zone of "+08:00", "Z" or "Africa/Nairobi"; None for None. Raises BadParams."""
    if name is None:
        return None
    if offset := re.fullmatch(r"([+-])(\d\d):?(\d\d)", str(name)):
        sign = -1 if offset[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
    try:
        return ZoneInfo("UTC" if str(name).upper() == "Z" else str(name))
    except (OSError, ValueError, KeyError):
        raise BadParams(
            f"exporter.camtrap_dp.timezone is {name!r}; write it as '+08:00', in quotes, or as Africa/Nairobi."
        ) from None


def with_zone_if_known(time: datetime, zone: tzinfo | None) -> datetime:
    """Return the time with its own zone, or with `zone` if it has none."""
    return time if time.tzinfo is not None or zone is None else time.replace(tzinfo=zone)


def format_time(time: datetime) -> str:
    """Format the time for Camtrap DP: in whole seconds, with an offset if the time zone is known."""
    return time.isoformat(timespec="seconds")


def _parse_time_or_none(cell: str, zone: tzinfo | None) -> datetime | None:
    try:
        # A day alone is not a time: a camera does not stand somewhere from midnight to midnight.
        return with_zone_if_known(datetime.fromisoformat(cell), zone) if len(cell) > 10 else None
    except ValueError:
        return None
