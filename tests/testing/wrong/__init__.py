"""Parts that are wrong in ways that are easily overlooked, each with the tests of its kind's suite that must fail.

Pytest collects no file of this folder by itself: ``test_suites_can_fail.py`` runs them.
"""

from __future__ import annotations

from typing import Any


def wrong(suite: type[Any], part: type[Any], caught_by: str, **hooks: Any) -> type[Any]:
    """Return a subclass of `suite` that tests `part`; `caught_by` names the tests that must fail, after blanks."""
    methods = {
        "__module__": part.__module__,
        "make": lambda self: part(),
        "caught_by": tuple(caught_by.split()),
        **hooks,
    }
    return type(f"Test{part.__name__}", (suite,), methods)
