"""The numbers of answers of each person, and their speed."""

from __future__ import annotations

from typing import Any

from alframe.label_sources.web.journal import EVERYBODY
from alframe.label_sources.web.journal_rows import person_key
from alframe.label_sources.web.server.reader import DatabaseReader

_RECENT_ROWS = 5000  # newest rows of the journal from which the speed is taken


class LabellingSpeed:
    """Counts answers. The counts are kept until something is written."""

    def __init__(self, reader: DatabaseReader) -> None:
        self._reader = reader
        self._key: tuple[int, int | None] = (-1, None)
        self._answered: dict[str, int] = {}
        self._seconds: dict[str, tuple[int, float]] = {}

    def count_and_pace_of(self, name: str, round_number: int | None) -> dict[str, Any]:
        """Return the number of images of a round that a person has answered, and their images per hour lately."""
        self._update_counts(round_number)
        count, seconds = self._seconds.get(name, (0, 0.0))
        rate = round(3600 * count / seconds) if seconds > 0 else None
        return {"answered": self._answered.get(person_key(name), 0), "images_per_hour": rate}

    def people_in_round(self, round_number: int | None) -> set[str]:
        """Return the names of the people who have answered in a round."""
        self._update_counts(round_number)
        return {by.removeprefix(person_key("")) for by in self._answered if by != EVERYBODY}

    def _update_counts(self, round_number: int | None) -> None:
        last = self._reader.journal.last_row_number()
        if (last, round_number) == self._key:
            return
        self._key = last, round_number
        self._answered = self._reader.journal.answered_counts_in_round(round_number)
        sql = (
            "SELECT annotator, count(*), sum(seconds) FROM answer "
            "WHERE n > ? AND seconds IS NOT NULL AND classes <> '[]' GROUP BY annotator"
        )
        self._seconds = {
            name: (count, seconds) for name, count, seconds in self._reader.rows(sql, (last - _RECENT_ROWS,))
        }
