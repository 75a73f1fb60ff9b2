"""The queue: the next images of the open batch and the next second opinions of a person, and who has them now."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from alframe.label_sources.web.journal import EVERYBODY
from alframe.label_sources.web.server.config import ServerConfig
from alframe.label_sources.web.server.reader import DatabaseReader

_UNANSWERED_SQL = """
SELECT b.image, b.position FROM images.batch b JOIN images.image i ON i.number = b.image
WHERE b.round = ? AND b.position >= ?
AND NOT EXISTS (SELECT 1 FROM standing s WHERE s.image = i.id AND s.round = b.round)
ORDER BY b.position
"""
_SECOND_OPINIONS_SQL = """
SELECT i.number FROM standing s JOIN answer a ON a.n = s.n JOIN images.image i ON i.id = s.image
WHERE s.draw < ?1 AND s.requested AND s.annotator <> ?2 AND a.origin <> 'review' AND a.burst_of IS NULL
AND NOT EXISTS (SELECT 1 FROM standing t WHERE t.image = s.image AND t.annotator <> s.annotator)
ORDER BY s.draw
"""
FEWEST_TO_SHARE = 4  # images: nobody loses one of the last few that they look at
RECONNECT_SECONDS = 30.0  # seconds: a page whose connection is lost tries again each few seconds


class WorkQueue:
    """Gives images to sessions. It finds them by position, so that a long queue takes no more time."""

    def __init__(self, reader: DatabaseReader, leases: Leases, config: ServerConfig) -> None:
        self._reader, self._leases, self._config = reader, leases, config
        self._skipped: dict[str, dict[int, None]] = {}
        self._start: dict[int, int] = {}  # round -> a place before which all is answered

    def lease_next_images(self, session: str, name: str, round_number: int | None, size: int, more: bool) -> list[int]:
        """Lease the next images to a session and return them, in the order of the grid.

        The images that it already has are first, so that a reloaded page is the same; with `more`, only other images
        are returned. Skipped images come when there are no others.
        """
        held = self._leases.held_by(session)
        mine = self._images_wanted_from(held, name, round_number)
        self._leases.give_back(session, set(held) - mine)
        room = size if more else size - len(mine)
        new: list[int] = []
        if room > 0:
            seconds = self._choose_second_opinions(
                session, name, math.ceil(room * self._config.source.second_opinion), mine
            )
            first = self._choose_next(session, round_number, room - len(seconds), mine)
            if len(first) + len(seconds) < room:
                seconds += self._choose_second_opinions(session, name, room - len(first) - len(seconds), mine)
            new = self._leases.claim(session, self._in_grid_order([*first, *seconds], round_number))
        if more:
            return new
        self._leases.claim(session, mine)
        return self._in_grid_order([*mine, *new], round_number)

    def take_over(self, session: str, round_number: int | None, size: int) -> tuple[str, list[int]]:
        """Give a session half of the images of the session that has most; return that other session and the images.

        The images are from the end of the other page. Return ("", []) if nobody has enough images.
        """
        by_holder: dict[str, list[int]] = {}
        for image in self._iterate_unanswered(round_number) if round_number is not None else ():
            holder = self._leases.holder(image)
            if holder not in (None, session):
                by_holder.setdefault(str(holder), []).append(image)
        owner = max(by_holder, key=lambda holder: len(by_holder[holder]), default="")
        held = by_holder.get(owner, [])
        if len(held) < FEWEST_TO_SHARE:
            return "", []
        taken = held[(len(held) + 1) // 2 :][-size:]
        self._leases.give_back(owner, taken)
        return owner, self._leases.claim(session, taken)

    def postpone(self, session: str, images: list[int]) -> None:
        self._leases.give_back(session, images)
        skipped = self._skipped.setdefault(session, {})
        for image in images:
            skipped.pop(image, None)
            skipped[image] = None

    def requeue(self, images: Sequence[int]) -> None:
        """Put images back into the queue, because an answer to them was taken back."""
        sql = (
            "SELECT round, min(position) FROM images.batch "
            "WHERE image IN (SELECT value FROM json_each(?)) GROUP BY round"
        )
        for round_number, position in self._reader.rows(sql, (json.dumps(list(images)),)):
            self._start[round_number] = min(position, self._start.get(round_number, 0))

    def forget_skipped(self, session: str) -> None:
        self._skipped.pop(session, None)

    def count_answered(self, round_number: int) -> int:
        """Return the number of requested images of a round that anybody has answered."""
        return self._reader.journal.answered_counts_in_round(round_number).get(EVERYBODY, 0)

    def _choose_next(self, session: str, round_number: int | None, count: int, mine: set[int]) -> list[int]:
        if round_number is None or count <= 0:
            return []
        skipped = self._skipped.get(session, {})
        taken, put_off = [], []
        for image in self._iterate_unanswered(round_number):
            if image in mine or self._leases.holder(image) not in (None, session):
                continue
            if image in skipped:
                put_off.append(image)
                continue
            taken.append(image)
            if len(taken) == count:
                return taken
        again = sorted(put_off, key=list(skipped).index)[: count - len(taken)]
        for image in again:
            del skipped[image]
        return [*taken, *again]

    def _iterate_unanswered(self, round_number: int) -> Iterator[int]:
        rows = self._reader.db.execute(_UNANSWERED_SQL, (round_number, self._start.get(round_number, 0)))
        for number, (image, position) in enumerate(rows):
            if number == 0:
                self._start[round_number] = position
            yield image

    def _choose_second_opinions(self, session: str, name: str, count: int, mine: set[int]) -> list[int]:
        share = self._config.source.second_opinion
        if count <= 0 or share <= 0:
            return []
        taken: list[int] = []
        for (image,) in self._reader.db.execute(_SECOND_OPINIONS_SQL, (share, name)):
            if image not in mine and self._leases.holder(image) is None:
                taken.append(image)
                if len(taken) == count:
                    break
        self._leases.claim(session, taken)  # so that they are not taken twice in one request
        return taken

    def _images_wanted_from(self, images: list[int], name: str, round_number: int | None) -> set[int]:
        """Return the images that still need this person's answer: the first answer, or a second opinion."""
        sql = """
            SELECT i.number FROM images.image i JOIN standing s ON s.image = i.id
            LEFT JOIN images.batch b ON b.image = i.number AND b.round = :round
            WHERE i.number IN (SELECT value FROM json_each(:images))
            AND (b.round IS NULL OR s.round = b.round) AND (s.annotator = :name OR s.draw >= :share)
        """
        share = self._config.source.second_opinion
        values = {"images": json.dumps(images), "name": name, "round": round_number, "share": share}
        return set(images) - {image for (image,) in self._reader.rows(sql, values)}

    def _in_grid_order(self, images: list[int], round_number: int | None) -> list[int]:
        """Return images in the order of the grid. Images of earlier rounds are at the first without a suggestion."""
        unique = list(dict.fromkeys(images))
        # Found by image: the plus sign keeps SQLite from reading the whole round.
        sql = (
            "SELECT image, position, suggestion IS NULL FROM images.batch "
            "WHERE +round = ? AND image IN (SELECT value FROM json_each(?))"
        )
        rows = self._reader.rows(sql, (round_number, json.dumps(unique)))
        positions = {image: (position, blind) for image, position, blind in rows}
        first_blind = min((position for position, blind in positions.values() if blind), default=-1)
        return sorted(unique, key=lambda image: positions[image][0] if image in positions else first_blind)


@dataclass
class Leases:
    """Who has which image, and until when."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _held: dict[int, tuple[str, float]] = field(default_factory=dict)  # image -> session, end; also when it has ended

    def holder(self, image: int) -> str | None:
        session, end = self._held.get(image, (None, 0.0))
        return session if end > self.clock() else None

    def renew_images(self, session: str, images: Iterable[int]) -> list[int]:
        """Extend the leases of the images that no other session has had since; return these images."""
        return self.claim(session, [image for image in images if self._held.get(image, (None,))[0] == session])

    def claim(self, session: str, images: Iterable[int]) -> list[int]:
        """Lease the images that no other session has to this session, or extend its leases; return these images."""
        end = self.clock() + self.seconds
        mine = [image for image in images if self.holder(image) in (None, session)]
        self._held.update((image, (session, end)) for image in mine)
        return mine

    def shorten(self, session: str, seconds: float = RECONNECT_SECONDS) -> None:
        """End the leases of a session in `seconds` at the latest."""
        latest = self.clock() + seconds
        self._held.update((image, (session, min(latest, self._held[image][1]))) for image in self.held_by(session))

    def give_back(self, session: str, images: Iterable[int] | None = None) -> list[int]:
        """Take these images, or all its images, from the session; return them."""
        mine = self.held_by(session) if images is None else [image for image in images if self.holder(image) == session]
        for image in mine:
            del self._held[image]
        return mine

    def release_images(self, images: Iterable[int]) -> None:
        """Take these images from the session that has them, because they are answered."""
        for image in images:
            self._held.pop(image, None)

    def held_by(self, session: str) -> list[int]:
        return [image for image in list(self._held) if self.holder(image) == session]

    def counts_by_session(self) -> Counter[str]:
        return Counter(holder for image in list(self._held) if (holder := self.holder(image)) is not None)
