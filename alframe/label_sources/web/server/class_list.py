"""The classes that a page offers, each with its own key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from alframe.errors import LabelError
from alframe.kit.classes import class_resolver, find_blank_class, missing_blank_class
from alframe.kit.parameters import did_you_mean
from alframe.kit.round_folders import count_with_noun
from alframe.label_sources.web.journal import EVERYBODY
from alframe.label_sources.web.journal_rows import person_key
from alframe.label_sources.web.server.config import MAX_NAME_LENGTH, ServerConfig
from alframe.label_sources.web.server.describe import BLIND_SQL
from alframe.label_sources.web.server.errors import ApiError
from alframe.label_sources.web.server.live import PublishedState
from alframe.label_sources.web.server.reader import DatabaseReader
from alframe.label_sources.web.server.writer import JournalWriter
from alframe.types import UNSURE

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "123456789"
KEYS = frozenset(_LETTERS + _DIGITS)
BLANK_KEY, UNSURE_KEY = "0", "-"
_COUNT_CHANGES_SQL = f"""
WITH awaited (image) AS ({BLIND_SQL}),
changed (image) AS (SELECT image FROM answer WHERE n > :seen UNION SELECT image FROM awaited),
voted (image, class, sure, weight) AS (
    SELECT s.image, value, value <> '{UNSURE}',
        CASE :rule WHEN 'ask' THEN 0 WHEN 'majority' THEN count(*) ELSE max(s.n) END
    FROM changed c JOIN standing s ON s.image = c.image JOIN answer a ON a.n = s.n, json_each(a.classes)
    WHERE s.n = (SELECT max(n) FROM standing WHERE image = s.image AND annotator = s.annotator)
        AND c.image NOT IN (SELECT image FROM awaited)
    GROUP BY s.image, value
),
ranked (class, place, equals) AS (
    SELECT class, rank() OVER (PARTITION BY image ORDER BY sure DESC, weight DESC),
        count(*) OVER (PARTITION BY image, sure, weight)
    FROM voted
)
SELECT p.label, -count(*)
FROM changed JOIN images.image i ON i.id = changed.image JOIN pool.pool p USING (number)
WHERE p.label IS NOT NULL GROUP BY p.label
UNION ALL
SELECT class, count(*) FROM ranked WHERE place = 1 AND (equals = 1 OR :rule = 'latest') GROUP BY class
"""  # of the images answered since what was published; the rule `conflicts` decides between several answers to one


class ClassList:
    """The classes of the campaign, the classes that people have confirmed on the page, blank and unsure."""

    def __init__(
        self, reader: DatabaseReader, writer: JournalWriter, config: ServerConfig, published: PublishedState
    ) -> None:
        self._reader, self._writer, self._config = reader, writer, config
        self.published = published
        self._counted: dict[str, Counter[str]] = {}  # by the person who may know it
        self._counted_at: tuple[int, PublishedState] | None = None

    def names(self) -> list[str]:
        """Return all names that an answer may have. Names that had a key are first; blank and unsure are last."""
        order = {name: rank for rank, name in enumerate(self._default_keys())}
        new = [*self.published.classes, *self._reader.journal.confirmed_classes()]
        named = dict.fromkeys(sorted(new, key=lambda name: order.get(name, len(order))))
        blank = self._find_blank(named)
        if blank is not None:
            del named[blank]
        return [*named, *((blank,) if blank else missing_blank_class(named, self._config.source.blank)), UNSURE]

    def exclusive_names(self) -> set[str]:
        """Return the names that cannot be given together with another class: blank and unsure."""
        return {UNSURE, *filter(None, [self._find_blank(self.names())])}

    def version(self) -> int:
        """Return a number that changes with the names and the counts. It is the same for all people."""
        return hash((tuple(self.names()), self._reader.journal.last_row_number(), id(self.published))) & 0x7FFFFFFF

    async def describe_for(self, name: str) -> dict[str, Any]:
        """Return the JSON of all classes, with this person's keys."""
        names = self.names()
        keys = await self._keys_by_class(names)
        own = dict(self._reader.rows("SELECT class, key FROM class_key WHERE annotator = ?", (person_key(name),)))
        counts, blank = self.image_counts_by_class(name), self._find_blank(names)
        removable = {*self._reader.journal.confirmed_classes()} - {*self.published.classes}
        classes = [
            {
                "name": each,
                "key": own.get(each, keys[each]),
                "own_key": each in own,
                "count": counts[each],
                "kind": "unsure" if each == UNSURE else "blank" if each == blank else "class",
                "removable": each in removable and not counts[each],
            }
            for each in names
        ]
        return {"version": self.version(), "classes": classes}

    async def add_class(self, text: Any, confirmed: bool, name: str) -> tuple[str, bool]:
        """Make a name a class; return its spelling and whether it is new. Raises ApiError to ask or refuse."""
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_NAME_LENGTH:
            raise ApiError("bad_request", f"A class needs a name, of {MAX_NAME_LENGTH} characters at most.")
        known = [each for each in self.names() if each != UNSURE]
        rule = self._config.source.new_classes
        try:
            resolved = class_resolver(known, rule)(text)
        except LabelError as error:
            if rule == "reject":
                raise ApiError("refused", str(error)) from None
            try:
                resolved = class_resolver(known, "add")(text)
            except LabelError as refusal:
                raise ApiError("refused", str(refusal)) from None
            if not confirmed:
                nearest = did_you_mean(text.strip(), known)
                similar = [each for each in (*known, UNSURE) if f"'{each}'" in nearest]
                message = f"'{text.strip()}' looks like a name that exists already.{nearest} Or is it a new class?"
                raise ApiError("did_you_mean", message, suggestions=similar) from None
        if resolved == UNSURE or resolved in known:
            return resolved, False
        await self._writer.write_and_wait(lambda journal: journal.confirm_class(resolved, name))
        return resolved, True

    async def remove_class(self, class_name: Any) -> None:
        """Remove a class that was added on this page, such as a typing error. Raises ApiError if it is in use."""
        if class_name not in self._reader.journal.confirmed_classes():
            raise ApiError("bad_request", f"Nobody has added a class {class_name!r} on this page.")
        if class_name in self.published.classes:
            raise ApiError(
                "refused",
                f"'{class_name}' is a class of this campaign. If its answers were corrected just now, you can remove "
                "it when the next batch has come.",
            )
        if answered := await self._writer.write_and_wait(lambda journal: journal.remove_class_if_unused(class_name)):
            raise ApiError(
                "refused",
                f"'{class_name}' is the answer to {count_with_noun(answered, 'image')}: give them another class first.",
            )

    async def set_own_key(self, class_name: Any, key: Any, name: str) -> None:
        """Give a class another key for this person. The class that had this key gets the key that is free now."""
        now = {each["name"]: each["key"] for each in (await self.describe_for(name))["classes"]}
        if class_name not in now:
            raise ApiError("bad_request", f"There is no class {class_name!r}.")
        if not isinstance(key, str) or (key and key not in KEYS):
            raise ApiError("bad_request", "A key is a letter from a to z or a digit from 1 to 9.")
        others = [other for other, used in now.items() if key and used == key and other != class_name]
        rows = [
            (person_key(name), class_name, key),
            *((person_key(name), other, now[class_name]) for other in others),
        ]
        sql = "INSERT OR REPLACE INTO class_key (annotator, class, key) VALUES (?, ?, ?)"
        await self._writer.write_and_wait(lambda journal: journal.db.executemany(sql, rows))

    def _find_blank(self, names: Iterable[str]) -> str | None:
        return find_blank_class(names, self._config.source.blank) if self._config.source.blank else None

    def image_counts_by_class(self, name: str) -> Counter[str]:
        """Return the number of images of each class: the published number, with later answers and corrections.

        Images that still need this person's blind opinion are left out.
        """
        now = self._reader.journal.last_row_number(), self.published
        if self._counted_at != now:
            self._counted, self._counted_at = {}, now
        share = self._config.source.second_opinion
        viewer = name if share else ""
        if viewer not in self._counted:
            counts = Counter(self.published.class_counts)
            seen, rule = self.published.journal_number, self.published.conflicts
            values = {"seen": seen, "share": share, "name": viewer, "rule": rule}
            for class_name, change in self._reader.rows(_COUNT_CHANGES_SQL, values):
                counts[class_name] += change
            self._counted[viewer] = counts
        return self._counted[viewer]

    def _default_keys(self) -> dict[str, str]:
        """Return the key of each class that was listed before, in the order of listing."""
        sql = "SELECT class, key FROM class_key WHERE annotator = ? ORDER BY rowid"
        return dict(self._reader.rows(sql, (EVERYBODY,)))

    async def _keys_by_class(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return the key of each class. A class keeps the key that it has once got."""
        known = self._default_keys()
        blank = self._find_blank(names)
        keys = assign_keys([each for each in names if each not in (UNSURE, blank)], known)
        new = [(EVERYBODY, each, key) for each, key in keys.items() if known.get(each) != key]
        if new:
            sql = (
                "INSERT INTO class_key (annotator, class, key) VALUES (?, ?, ?) "
                "ON CONFLICT (annotator, class) DO UPDATE SET key = excluded.key WHERE key = ''"
            )
            await self._writer.write_and_wait(lambda journal: journal.db.executemany(sql, new))
        return {**keys, UNSURE: UNSURE_KEY, **({blank: BLANK_KEY} if blank else {})}


def assign_keys(names: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """Return a key for each name: its present key, else a letter of its, a digit, or any letter; "" if none is free.

    The first letters of its words are tried first. "red deer": r, d, then e; then a digit, then any letter.
    """
    names = list(names)
    taken = {known.get(name, "") for name in names}
    keys = {}
    for name in names:
        if known.get(name):
            keys[name] = known[name]
            continue
        folded = name.casefold()
        initials = [word[:1] for word in folded.replace("_", " ").replace("-", " ").split()]
        wanted = [*initials, *folded, *_DIGITS, *_LETTERS]
        keys[name] = next((key for key in wanted if key in KEYS and key not in taken), "")
        taken.add(keys[name])
    return keys
