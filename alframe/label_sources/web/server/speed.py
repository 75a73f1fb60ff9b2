"""How much people answer, and how fast."""

from __future__ import annotations

from typing import Any

from alframe.label_sources.web.server.reader import Reader

_LOOKED_AT = 5000  # newest rows of the journal from which the speed is taken


class Speed:
    """Counts answers; what was counted stays good as long as nothing is written."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._key: tuple[int, int | None] = (-1, None)
        self._answered: dict[str, int] = {}
        self._seconds: dict[str, tuple[int, float]] = {}

    def of(self, name: str, round_number: int | None) -> dict[str, Any]:
        """Return how many images of a round a person has answered, and the images an hour of their last answers."""
        self._count(round_number)
        count, seconds = self._seconds.get(name, (0, 0.0))
        rate = round(3600 * count / seconds) if seconds > 0 else None
        return {"answered": self._answered.get(name, 0), "images_per_hour": rate}

    def names(self, round_number: int | None) -> set[str]:
        """Return who has answered in a round."""
        self._count(round_number)
        return set(self._answered)

    def rounds(self) -> list[dict[str, Any]]:
        """Return how many images each round has requested, how many are answered, and the seconds spent on each."""
        sql = """
            SELECT b.round, count(*),
                (SELECT count(DISTINCT s.image) FROM standing s WHERE s.round = b.round AND s.requested),
                (SELECT avg(a.seconds) FROM standing s JOIN answer a ON a.n = s.n
                    WHERE s.round = b.round AND s.requested)
            FROM images.batch b GROUP BY b.round ORDER BY b.round
        """
        return [
            {"round": number, "asked": asked, "answered": answered, "seconds_per_image": seconds}
            for number, asked, answered, seconds in self._reader.rows(sql)
        ]

    def _count(self, round_number: int | None) -> None:
        last = self._reader.journal.last_number()
        if (last, round_number) == self._key:
            return
        self._key = last, round_number
        sql = "SELECT annotator, count(*) FROM standing WHERE round = ? GROUP BY annotator"
        self._answered = dict(self._reader.rows(sql, (round_number,)))
        sql = (
            "SELECT annotator, count(*), sum(seconds) FROM answer "
            "WHERE n > ? AND seconds IS NOT NULL AND classes <> '[]' GROUP BY annotator"
        )
        self._seconds = {
            name: (count, seconds) for name, count, seconds in self._reader.rows(sql, (last - _LOOKED_AT,))
        }
