"""Answer a misspelt name with the nearest one, and look up what the model suggests for an image."""

from __future__ import annotations

from alframe.registry import did_you_mean, unknown_name
from alframe.types import ItemId, Request, Suggestion

__all__ = ["did_you_mean", "suggestions_by_id", "unknown_name"]


def suggestions_by_id(request: Request) -> dict[ItemId, Suggestion]:
    """Return what the model thinks of the items of `request`, by id; empty while there is no model."""
    return dict(zip((item.id for item in request.items), request.suggestions, strict=False))
