"""Lists of images: all answered images, the pool by prediction, and the images that look like another image."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from alframe.label_sources.web.server.config import ServerConfig
from alframe.label_sources.web.server.describe import BLIND_SQL, ImageDescriber, describe_answer
from alframe.label_sources.web.server.errors import ApiError
from alframe.label_sources.web.server.neighbour_search import NeighbourSearch
from alframe.label_sources.web.server.paging import cut_page, page_condition_and_order, read_cursor
from alframe.label_sources.web.server.reader import DatabaseReader

# What awaits this person's blind opinion is in no list of theirs.
_REVIEWED_SQL = f"""
WITH reviewed (number, at, round, disagree, source, class) AS (
    SELECT i.number, max(a.at), max(s.round),
        count(DISTINCT a.classes) > 1 OR max(json_array_length(a.classes)) > 1, 'web', min(a.classes)
    FROM standing s JOIN answer a ON a.n = s.n JOIN images.image i ON i.id = s.image
    WHERE s.image NOT IN ({BLIND_SQL}) GROUP BY i.number
    UNION ALL
    SELECT p.number, coalesce(p.labelled_at, ''), p.round, 0, p.source, json_array(p.label)
    FROM pool.pool p JOIN images.image i ON i.number = p.number
    WHERE p.label IS NOT NULL AND NOT p.open AND NOT EXISTS (SELECT 1 FROM standing s WHERE s.image = i.id)
)
"""
_FILTERS = {
    "class": "EXISTS (SELECT 1 FROM json_each(r.class) WHERE value = :class)"
    " OR EXISTS (SELECT 1 FROM standing s JOIN answer a ON a.n = s.n, json_each(a.classes) c"
    " WHERE s.image = i.id AND c.value = :class)",
    "person": "EXISTS (SELECT 1 FROM standing s WHERE s.image = i.id AND s.annotator = :person)"
    " OR (r.source <> 'web' AND p.annotator = :person)",
    "round": "r.round = CAST(:round AS INTEGER)",
    "disagree": "r.disagree",
}
_ORDERS = {"newest": ("r.at", False), "class": ("r.class", True), "doubt": ("p.doubt", False)}
_UNLABELLED_SQL = """
p.label IS NULL AND NOT p.open AND NOT p.blind AND NOT EXISTS (SELECT 1 FROM standing s WHERE s.image = i.id)
"""


class ListQueries:
    """Runs the long queries in their own thread and connection, so that answers never wait for them."""

    def __init__(self, config: ServerConfig) -> None:
        self._config, self._reader = config, DatabaseReader(config.folder_path)
        self._describer = ImageDescriber(self._reader, config)
        self._lock = threading.Lock()
        self._neighbours = NeighbourSearch(config.folder_path)

    def attach_files(self, pool_file: str, neighbours_file: str) -> None:
        with self._lock:
            self._reader.attach_pool(pool_file)
            self._neighbours.file = neighbours_file

    def close(self) -> None:
        with self._lock:
            self._reader.close()

    def list_answered(self, query: Mapping[str, Any], name: str, open_round: int | None, limit: int) -> dict[str, Any]:
        order = query.get("order", "newest")
        if order not in _ORDERS:
            raise ApiError("bad_request", f"'order' must be one of {', '.join(_ORDERS)}.")
        sort, ascending = _ORDERS[order]
        conditions = [f"({sql})" for key, sql in _FILTERS.items() if query.get(key)]
        values = {key: query.get(key) for key in _FILTERS if key != "disagree"}
        values["person"] = query.get("person", "").strip()  # " " stands for those who gave no name
        values |= {
            "share": self._config.source.second_opinion,
            "name": name,
            "limit": limit,
            **read_cursor(query.get("after")),
        }
        of = " FROM reviewed r JOIN images.image i ON i.number = r.number LEFT JOIN pool.pool p ON p.number = r.number"
        where = " WHERE " + " AND ".join(conditions or ["1"])
        judged = where + (
            " AND NOT p.blind AND p.doubt IS NOT NULL AND p.predicted <> p.label" if order == "doubt" else ""
        )
        after, by = page_condition_and_order(sort, "r.number", ascending)
        columns = f"{sort}, r.number, r.source, r.round, p.predicted, p.confidence, p.doubt, p.blind, p.open"
        with self._lock:
            found = self._reader.rows(f"{_REVIEWED_SQL} SELECT {columns}{of}{judged} AND {after} {by}", values)
            total = self._reader.value(f"{_REVIEWED_SQL} SELECT count(*){of}{judged}", values)
            held_back = 0
            if order == "doubt":
                held_back = self._reader.value(f"{_REVIEWED_SQL} SELECT count(*){of}{where} AND p.blind", values)
            page = cut_page(found, limit)
            images = self._describer.describe_images([row[1] for row in page.rows], name, open_round)
            more = {row[1]: row[2:] for row in page.rows}
            for image in images:
                source, round_number, predicted, confidence, doubt, blind, is_open = more[image["image"]]
                may_tell = predicted is not None and not blind and not is_open
                image |= {
                    "answers": self._standing_answers(image),
                    "predicted": {"class": predicted, "confidence": confidence} if may_tell else None,
                    "doubt": doubt if may_tell else None,
                    "source": source,
                    "round": round_number,
                }
        return {"images": images, "next": page.next_cursor, "total": total, "held_back": held_back}

    def review_filter_counts(self, name: str) -> dict[str, Any]:
        """Return the classes, rounds and people by which the review can be filtered, with their numbers of images."""
        values = {"share": self._config.source.second_opinion, "name": name}
        counted = {
            "classes": ("name", "SELECT c.value, count(*) FROM reviewed, json_each(class) c GROUP BY 1 ORDER BY 1"),
            "rounds": ("round", "SELECT round, count(*) FROM reviewed WHERE round IS NOT NULL GROUP BY 1 ORDER BY 1"),
            "people": (
                "name",
                "SELECT coalesce(s.annotator, p.annotator, ''), count(DISTINCT r.number) FROM reviewed r "
                "JOIN images.image i ON i.number = r.number LEFT JOIN standing s ON s.image = i.id "
                "LEFT JOIN pool.pool p ON p.number = r.number GROUP BY 1 ORDER BY 1",
            ),
        }
        with self._lock:
            reply: dict[str, Any] = {
                key: [{label: value, "count": count} for value, count in self._reader.rows(_REVIEWED_SQL + sql, values)]
                for key, (label, sql) in counted.items()
            }
            reply["disagree"] = self._reader.value(
                f"{_REVIEWED_SQL} SELECT coalesce(sum(disagree), 0) FROM reviewed", values
            )
        return reply

    def list_unlabelled(
        self, query: Mapping[str, Any], name: str, open_round: int | None, limit: int
    ) -> dict[str, Any]:
        """Return the unlabelled images by predicted class and confidence. Raises ApiError."""
        order = query.get("order", "confident")
        if order not in ("confident", "doubtful"):
            raise ApiError("bad_request", "'order' must be confident or doubtful.")
        values = {
            "class": query.get("class"),
            "min": _read_share(query.get("min"), 0.0),
            "max": _read_share(query.get("max"), 1.0),
            "limit": limit,
            **read_cursor(query.get("after")),
        }
        where = (
            f"FROM pool.pool p JOIN images.image i ON i.number = p.number WHERE {_UNLABELLED_SQL} "
            "AND p.predicted IS NOT NULL AND (:class IS NULL OR p.predicted = :class) "
            "AND p.confidence BETWEEN :min AND :max"
        )
        after, by = page_condition_and_order("p.confidence", "p.number", order == "doubtful")
        with self._lock:
            self._require_model()
            sql = f"SELECT p.confidence, p.number, p.predicted {where} AND {after} {by}"
            page = cut_page(self._reader.rows(sql, values), limit)
            total = self._reader.value(f"SELECT count(*) {where}", values)
            images = self._describer.describe_images([row[1] for row in page.rows], name, open_round)
            predicted = {number: {"class": each, "confidence": value} for value, number, each in page.rows}
            for image in images:
                image["predicted"] = predicted[image["image"]]
        return {"images": images, "next": page.next_cursor, "total": total}

    def predicted_class_counts(self) -> dict[str, Any]:
        sql = (
            "SELECT p.predicted, count(*), avg(p.confidence) FROM pool.pool p JOIN images.image i "
            f"ON i.number = p.number WHERE {_UNLABELLED_SQL} AND p.predicted IS NOT NULL GROUP BY 1 ORDER BY 2 DESC"
        )
        with self._lock:
            self._require_model()
            rows = self._reader.rows(sql)
        return {"classes": [{"name": each, "count": count, "mean_confidence": mean} for each, count, mean in rows]}

    def find_similar(self, query: Mapping[str, Any], name: str, open_round: int | None, limit: int) -> dict[str, Any]:
        """Return the images that look most like an image, or like the images of a class. Raises ApiError."""
        number, class_name = query.get("image"), query.get("class")
        if (number is None) == (class_name is None):
            raise ApiError("bad_request", "Give either 'image', a number, or 'class', a name.")
        labelled = "1" if query.get("labelled") else _UNLABELLED_SQL
        of = "FROM pool.pool p JOIN images.image i ON i.number = p.number"
        allowed = (
            f"SELECT p.key, p.number, p.predicted, p.confidence, p.blind OR p.open OR i.id IN ({BLIND_SQL}) {of} "
            f"WHERE p.key IN (SELECT value FROM json_each(:keys)) AND {labelled}"
        )
        # What the model thinks of its likes would be a suggestion too.
        blind = (
            f"SELECT 1 {of} WHERE p.number = CAST(:number AS INTEGER) AND (p.open AND p.blind OR i.id IN ({BLIND_SQL}))"
        )
        values = {"share": self._config.source.second_opinion, "name": name, "number": number, "class": class_name}

        def find_allowed(near_keys: list[int]) -> dict[int, tuple[Any, ...]]:
            return {row[0]: row[1:] for row in self._reader.rows(allowed, {**values, "keys": json.dumps(near_keys)})}

        with self._lock:
            found = self._neighbours.find_nearest(self._query_image_keys(values), limit, find_allowed)
            images = self._describer.describe_images([row[0] for row, _ in found], name, open_round)
            without = bool(self._reader.rows(blind, values))
            about = {row[0]: (row[1:], similarity) for row, similarity in found}
            for image in images:
                (predicted, confidence, hidden), similarity = about[image["image"]]
                may_tell = predicted is not None and not hidden and not without
                image["similarity"] = similarity
                image["predicted"] = {"class": predicted, "confidence": confidence} if may_tell else None
        return {"images": images, "next": None, "total": len(images)}

    def round_statistics(self) -> list[dict[str, Any]]:
        """Return the requested images of each round, its answered images, and the mean seconds per image."""
        sql = """
            SELECT b.round, count(*), (SELECT c.images FROM answered c WHERE c.round = b.round AND c.by = ''),
                (SELECT avg(a.seconds) FROM answer a WHERE a.round = b.round AND a.requested AND a.classes <> '[]')
            FROM images.batch b GROUP BY b.round ORDER BY b.round
        """
        with self._lock:
            rows = self._reader.rows(sql)
        names = ("round", "asked", "answered", "seconds_per_image")
        return [dict(zip(names, (number, asked, done or 0, spent), strict=True)) for number, asked, done, spent in rows]

    def answer_history(self, number: int, name: str) -> list[dict[str, Any]]:
        """Return all answers to an image, the oldest first, or none while it needs this person's blind opinion."""
        with self._lock:
            id_ = str(self._reader.value("SELECT id FROM images.image WHERE number = ?", (number,)))
            if self._describer.awaits_second_opinion(id_, name):
                return []
            rows = self._reader.journal.rows_of_image(id_)
        undone = {row.undoes for row in rows if row.undoes is not None}
        return [describe_answer(row) | {"undone": row.n in undone} for row in rows if row.undoes is None]

    def burst_frames(self, number: int, name: str, open_round: int | None) -> list[dict[str, Any]]:
        """Return the images of an image's burst, in the order of time."""
        sql = (
            "SELECT number FROM images.image WHERE sequence = (SELECT sequence FROM images.image WHERE number = ?) "
            "ORDER BY taken, id LIMIT 500"
        )
        with self._lock:
            numbers = [row[0] for row in self._reader.rows(sql, (number,))]
            return self._describer.describe_images(numbers, name, open_round)

    def visible_prediction(self, number: int, name: str) -> dict[str, Any] | None:
        """Return the prediction for an image, if this person may see it."""
        sql = (
            "SELECT p.predicted, p.confidence, i.id FROM pool.pool p JOIN images.image i ON i.number = p.number "
            "WHERE p.number = ? AND p.predicted IS NOT NULL AND NOT p.open AND NOT p.blind"
        )
        with self._lock:
            for predicted, confidence, id_ in self._reader.rows(sql, (number,)):
                if not self._describer.awaits_second_opinion(id_, name):
                    return {"class": predicted, "confidence": confidence}
        return None

    def _standing_answers(self, image: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the valid answers to an image on the pages, or else its label from another source."""
        standing = self._reader.journal.standing_rows_of_image(image["name"])
        if standing:
            return [describe_answer(row) for row in standing]
        sql = "SELECT label, annotator, labelled_at, source FROM pool.pool WHERE number = ? AND label IS NOT NULL"
        return [
            {"classes": [label], "name": annotator, "at": at, "origin": source, "comment": "", "burst": False}
            for label, annotator, at, source in self._reader.rows(sql, (image["image"],))
        ]

    def _query_image_keys(self, values: dict[str, Any]) -> Sequence[int]:
        """Return the key of the image `number`, or the keys of the images of `class` that this person may see."""
        if values["number"] is not None:
            rows = self._reader.rows("SELECT key FROM pool.pool WHERE number = CAST(:number AS INTEGER)", values)
            missing = "This image is not in the pool, or the pool was not published yet."
        else:
            sql = (
                "SELECT p.key FROM pool.pool p JOIN images.image i ON i.number = p.number "
                "WHERE (p.label = :class OR EXISTS (SELECT 1 FROM standing s JOIN answer a ON a.n = s.n "
                f"WHERE s.image = i.id AND a.classes = json_array(:class))) AND i.id NOT IN ({BLIND_SQL})"
            )
            rows = self._reader.rows(sql, values)
            missing = f"No image is labelled '{values['class']}' yet. Label one, then look again."
        if not rows:
            raise ApiError("no_such_image", missing)
        return [key for (key,) in rows]

    def _require_model(self) -> None:
        if self._reader.value("SELECT 1 FROM pool.pool WHERE predicted IS NOT NULL LIMIT 1") is None:
            raise ApiError("no_model", "There is no model yet. It comes when images of two classes are labelled.")


def _read_share(text: Any, default: float) -> float:
    try:
        return default if text is None else float(text)
    except ValueError:
        raise ApiError("bad_request", "'min' and 'max' must be numbers from 0 to 1.") from None
