"""Long lists in pages. The next page begins after the last row of this page, even if the list has changed meanwhile."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from alframe.label_sources.web.server.errors import ApiError

ListRow = tuple[Any, ...]


class Page(NamedTuple):
    """The rows of a page, which begin with (sort value, number), and the cursor of the next page or None."""

    rows: Sequence[ListRow]
    next_cursor: str | None


def page_condition_and_order(sort: str, number: str, ascending: bool) -> tuple[str, str]:
    """Return the SQL condition for rows after the cursor (`:value`, `:after`), and the SQL order."""
    sign, direction = (">", "ASC") if ascending else ("<", "DESC")
    condition = f"(:after IS NULL OR ({sort}, {number}) {sign} (:value, :after))"
    return condition, f"ORDER BY {sort} {direction}, {number} {direction} LIMIT :limit + 1"


def cut_page(rows: Sequence[ListRow], limit: int) -> Page:
    """Return a page of `limit` rows. `rows` has one row more if there is a next page."""
    if len(rows) <= limit:
        return Page(rows, None)
    text = json.dumps(rows[limit - 1][:2])
    return Page(rows[:limit], base64.urlsafe_b64encode(text.encode()).decode())


def read_cursor(text: str | None) -> dict[str, Any]:
    """Return the values in a cursor, for `page_condition_and_order`. Raises ApiError."""
    if not text:
        return {"value": None, "after": None}
    try:
        value, after = json.loads(base64.urlsafe_b64decode(text.encode()))
        if not isinstance(value, str | float) or not isinstance(after, int) or abs(after) >= 2**62:
            raise ValueError
        str(value).encode()
    except (ValueError, TypeError, RecursionError):
        raise ApiError("bad_request", "'after' must be what 'next' was in the list before.") from None
    return {"value": value, "after": after}
