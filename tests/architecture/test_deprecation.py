"""Old names of what is public."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from alframe.deprecation import forward_old_names
from alframe.kit.scoring import select_top_k


@pytest.fixture
def old_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("alframe.kit.old_place")
    new_names = {"top_k": "alframe.kit.scoring.select_top_k"}
    module.__getattr__ = forward_old_names(module.__name__, new_names, "0.4")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_an_old_name_works_and_gives_the_new_one(old_module: ModuleType) -> None:
    expected = r"old_place.top_k is called alframe.kit.scoring.select_top_k now. .* removed in alframe 0.4."
    with pytest.warns(DeprecationWarning, match=expected) as caught:
        from alframe.kit.old_place import top_k
    assert top_k is select_top_k
    assert {warning.filename for warning in caught} == {__file__}, "the warning is where the old name is used"


def test_other_names_are_no_attributes(old_module: ModuleType) -> None:
    with pytest.raises(AttributeError, match=r"'alframe.kit.old_place' has no attribute 'other'"):
        _ = old_module.other
