"""Write answers and take them back: a request of a page becomes rows of the journal."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from uuid import UUID

from alframe.label_sources.web.journal import Journal
from alframe.label_sources.web.journal_rows import ORIGINS, JournalRow, NewAnswer, find_standing_answers, find_undone
from alframe.label_sources.web.server.config import MAX_ANSWERS, MAX_COMMENT_LENGTH, MAX_LISTED
from alframe.label_sources.web.server.errors import ApiError
from alframe.label_sources.web.server.reader import DatabaseReader
from alframe.types import UNSURE

_MAX_SECONDS = 3600.0  # longer is a pause
_MAX_CLASSES = 20  # of one image


class AnswerTarget(NamedTuple):
    """The image of an answer: its id, the round of the answer, and whether this round requested the image."""

    id: str
    round: int
    requested: bool


@dataclass
class ActionResult:
    """The result of an action: the images that it names, the other images of bursts, and the refused answers."""

    saved: list[int] = field(default_factory=list)
    burst_frames: list[int] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)


def read_action_id(content: Mapping[str, Any], key: str = "action") -> str:
    """Return the UUID of an action. Raises ApiError."""
    try:
        return str(UUID(str(content.get(key))))
    except ValueError:
        raise ApiError("bad_request", f"'{key}' must be a UUID.") from None


class AnswerParser:
    """Turns the answers that a page sends into rows for the journal."""

    def __init__(self, reader: DatabaseReader) -> None:
        self._reader = reader

    def parse_answers(
        self,
        content: Mapping[str, Any],
        classes: Sequence[str],
        exclusive_names: Collection[str],
        open_round: int | None,
    ) -> tuple[list[NewAnswer], ActionResult]:
        """Return the answers of an action for the journal, and the result for the page. Raises ApiError.

        An answer in `exclusive_names` (blank and unsure) cannot have another class beside it.
        """
        origin, given = content.get("origin"), content.get("answers")
        if origin not in ORIGINS:
            raise ApiError("bad_request", f"'origin' must be one of {', '.join(ORIGINS)}.")
        if not isinstance(given, list) or not 1 <= len(given) <= MAX_ANSWERS:
            raise ApiError("bad_request", f"'answers' must be a list of 1 to {MAX_ANSWERS}.")
        found = self._with_image_numbers(given)
        known = self._find_targets([entry.get("image") for entry in found if isinstance(entry, dict)], open_round)
        new: dict[str, NewAnswer] = {}
        written = ActionResult()
        for entry, as_sent in zip(found, given, strict=True):
            try:
                answer = _read_answer(entry, classes, exclusive_names, known, origin)
            except ApiError as error:
                number = as_sent.get("image") if isinstance(as_sent, dict) else None
                written.problems.append({"image": number, "code": error.code, "message": error.message})
                continue
            new[answer.image] = answer
            written.saved.append(entry["image"])
            if entry.get("burst"):
                for frame, target in self._find_unanswered_burst_frames(answer.image, open_round):
                    burst = replace(answer, image=target.id, round=target.round, requested=False, burst_of=answer.image)
                    new.setdefault(target.id, replace(burst, seconds=None, comment=""))
                    written.burst_frames.append(frame)
        return list(new.values()), written

    def _with_image_numbers(self, given: Sequence[Any]) -> list[Any]:
        """Return the answers with the image's number. It is looked up if `file` is given, as numbers may be new."""
        named = [file for entry in given if isinstance(entry, dict) and isinstance(file := entry.get("file"), str)]
        numbers = self.numbers_by_id(named)
        return [
            {**entry, "image": numbers.get(entry["file"], entry["file"])}
            if isinstance(entry, dict) and isinstance(entry.get("file"), str)
            else entry
            for entry in given
        ]

    def _find_targets(self, numbers: Sequence[Any], open_round: int | None) -> dict[int, AnswerTarget]:
        """Return the images with these numbers, and leave out other values.

        An answer belongs to the last round that has requested the image. If no round has requested it, it belongs to
        the round of its earlier answers, or else to the open round.
        """
        sql = """
            SELECT number, id, (SELECT max(b.round) FROM images.batch b WHERE b.image = number),
                (SELECT max(a.round) FROM answer a WHERE a.image = id AND NOT a.requested)
            FROM images.image WHERE number IN (SELECT value FROM json_each(?))
        """
        asked = [number for number in numbers if type(number) is int and abs(number) < 2**62]
        last = open_round or self._reader.value("SELECT max(round) FROM images.batch") or 1
        return {
            number: AnswerTarget(id_, requested_in or earlier or last, requested_in is not None)
            for number, id_, requested_in, earlier in self._reader.rows(sql, (json.dumps(asked),))
        }

    def numbers_by_id(self, ids: Sequence[str]) -> dict[str, int]:
        sql = "SELECT id, number FROM images.image WHERE id IN (SELECT value FROM json_each(?))"
        return dict(self._reader.rows(sql, (json.dumps(list(ids)),)))

    def _find_unanswered_burst_frames(self, id_: str, open_round: int | None) -> list[tuple[int, AnswerTarget]]:
        """Return the other images of a burst that have no own answer or label, by number."""
        sql = """
            SELECT i.number FROM images.image i LEFT JOIN pool.pool p ON p.number = i.number
            WHERE i.sequence = (SELECT sequence FROM images.image WHERE id = ?1) AND i.id <> ?1
            AND NOT EXISTS (SELECT 1 FROM images.batch b WHERE b.image = i.number)
            AND NOT EXISTS (SELECT 1 FROM standing s JOIN answer a ON a.n = s.n
                            WHERE s.image = i.id AND a.burst_of IS NULL)
            AND (p.label IS NULL OR EXISTS (SELECT 1 FROM standing s WHERE s.image = i.id))
            ORDER BY i.taken, i.id
        """
        frames = [number for (number,) in self._reader.rows(sql, (id_,))]
        targets = self._find_targets(frames, open_round)
        return [(frame, targets[frame]) for frame in frames]


def _read_answer(
    entry: Any, classes: Sequence[str], exclusive_names: Collection[str], known: Mapping[int, AnswerTarget], origin: str
) -> NewAnswer:
    """Return the answer in an entry. Raises ApiError."""
    if not isinstance(entry, dict):
        raise ApiError("bad_request", "An answer must be an object with 'image' and 'classes'.")
    number, names, comment = entry.get("image"), entry.get("classes"), entry.get("comment", "")
    if type(number) is not int or number not in known:
        raise ApiError("no_such_image", f"There is no image {number!r} in this project. Load the page again.")
    if not isinstance(names, list) or len(names) > _MAX_CLASSES or not all(isinstance(each, str) for each in names):
        raise ApiError("bad_request", f"'classes' must be a list of names, of {_MAX_CLASSES} at most.")
    if unknown := [each for each in names if each not in classes]:
        raise ApiError("unknown_class", f"'{unknown[0]}' is not one of the classes. Add it as a new class first.")
    if len(set(names)) > 1 and (alone := [each for each in names if each in exclusive_names]):
        raise ApiError("bad_request", f"'{alone[0]}' is an answer of its own. Give it without another class.")
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT_LENGTH:
        raise ApiError("bad_request", f"A comment may have {MAX_COMMENT_LENGTH} characters at most.")
    seconds, spent = entry.get("seconds"), None
    if isinstance(seconds, int | float) and seconds >= 0:  # below zero: a clock that was set back
        spent = float(min(seconds, _MAX_SECONDS))
    target, names = known[number], list(dict.fromkeys(names))
    return NewAnswer(target.id, names, target.round, target.requested, origin, spent, comment)


def write_answers_and_confirm_classes(journal: Journal, action: str, name: str, answers: Sequence[NewAnswer]) -> None:
    """Write an action, once. Raises ApiError if another person's action has its UUID."""
    if any(row.annotator != name for row in journal.rows_of_action(action)):
        raise ApiError("bad_request", "This UUID was used by another person. Make a new one for each action.")
    journal.append_answers(action, name, answers)
    _confirm_classes(journal, (each for answer in answers for each in answer.classes), name)  # they were on the page


def undo_action(journal: Journal, action: str, undoes: str, name: str) -> tuple[list[str], list[str]]:
    """Undo an action of this person; return its images, and the images that stay because they have a newer answer.

    Undoing can itself be undone; the action is then valid again. Raises ApiError if there is no such action.
    """
    if done := journal.rows_of_action(action):
        return [row.image for row in done], []
    rows = [row for row in journal.rows_of_action(undoes) if row.annotator == name]
    if not rows:
        raise ApiError("not_found", "There is no such action of yours to undo.")
    taken, kept = [], []
    for row in rows:
        if _is_latest_of_person(journal.rows_of_image(row.image), row):
            taken.append(NewAnswer(row.image, [], row.round, bool(row.requested), "undo", undoes=row.n))
        else:
            kept.append(row.image)
    journal.append_answers(action, name, taken)
    for answer in taken:  # what stands again may be of a class that was removed meanwhile
        for standing in find_standing_answers(journal.rows_of_image(answer.image)).values():
            _confirm_classes(journal, standing.class_names, name)
    return [answer.image for answer in taken], kept


def _confirm_classes(journal: Journal, names: Iterable[str], person: str) -> None:
    for class_name in {*names} - {UNSURE}:
        journal.confirm_class(class_name, person)


def _is_latest_of_person(rows: Sequence[JournalRow], row: JournalRow) -> bool:
    """Return whether this person has no newer valid answer to the image."""
    later = [other for other in rows if other.n > row.n and other.annotator == row.annotator]
    if row.undoes is not None:
        return not any(other.undoes is None for other in later)
    still = find_standing_answers(rows)
    return not any(other.undoes is None and other.n in {standing.n for standing in still.values()} for other in later)


def list_actions(journal: Journal, name: str, before: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """Return a person's last actions, the newest first, and the beginning of the next list."""
    sql = (
        "SELECT action, min(n), max(n), min(at), min(origin), max(undoes) FROM answer "
        "WHERE annotator = ?1 AND n < ?2 GROUP BY action ORDER BY min(n) DESC LIMIT ?3"
    )
    limit = max(1, min(limit, MAX_LISTED))
    actions = []
    found = journal.db.execute(sql, (name, before, limit)).fetchall()
    for action, first, _, at, origin, undoes in found:
        rows = journal.rows_of_action(action)
        undone = None
        if undoes is not None:
            undone = journal.db.execute("SELECT action FROM answer WHERE n = ?", (undoes,)).fetchone()[0]
        actions.append(
            {
                "action": action,
                "at": at,
                "origin": origin,
                "undoes": undone,
                "undone": all(row.n in find_undone(journal.rows_of_image(row.image)) for row in rows),
                "images": [row.image for row in rows if row.burst_of is None],
                "classes": rows[0].class_names,
            }
        )
        last = first
    return actions, last if len(found) == limit else None
