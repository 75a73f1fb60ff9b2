"""What plugins use goes on working: docs/plugins.md promises it for all versions with the same second number."""

from __future__ import annotations

import json

from tools.public_names import FILE, find_broken, list_public_names


def test_no_public_name_is_lost_or_changed() -> None:
    promised = json.loads(FILE.read_text(encoding="utf-8"))
    assert len(promised) > 300
    assert find_broken(promised, list_public_names()) == [], (
        "plugins use these names: keep the old form and let it warn (alframe.deprecation), or raise the second number "
        "of the version; then python -m tools.public_names"
    )


def test_what_is_broken_is_found() -> None:
    promised = {"f": [["x", False], ["y", True]], "C": None, "gone": None}
    assert find_broken(promised, promised | {"g": [["z", False]]}) == []
    assert find_broken(promised, {"f": [["x", False], ["y", True], ["z", True]], "C": None, "gone": None}) == []
    changed = {"f": [["x", False], ["y", False], ["z", False]], "C": None}
    assert find_broken(promised, changed) == ["f requires 'z' now", "f requires 'y' now", "gone is gone"]
    assert find_broken(promised, promised | {"f": [["a", False], ["y", True]]}) == [
        "f takes ['a', 'y'], not ['x', 'y']"
    ]
