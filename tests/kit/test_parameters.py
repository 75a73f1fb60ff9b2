"""Parameters are refused by name, with their value and what is allowed."""

from __future__ import annotations

import pytest

from alframe.errors import BadParams
from alframe.kit.parameters import require_at_least, require_one_of, require_parameter


@pytest.mark.parametrize("value", [0, float("nan")])
def test_the_first_value_that_is_too_small_is_named(value: float) -> None:
    with pytest.raises(BadParams, match=rf"^sampler 'mine': rows={value}: must be at least 1\.$"):
        require_at_least("sampler 'mine'", 1, candidates=3, rows=value, clusters=0)


def test_what_is_allowed_passes() -> None:
    require_at_least("sampler 'mine'", 1, candidates=1, limit=None)
    require_parameter("sampler 'mine'", True, "above 0", power=3)
    require_one_of("sampler 'mine'", ("logits", "features"), by="features")


def test_the_choices_are_listed() -> None:
    with pytest.raises(BadParams, match=r"^sampler 'mine': by=pixels: must be one of logits, features\.$"):
        require_one_of("sampler 'mine'", ("logits", "features"), by="pixels")
    with pytest.raises(BadParams, match=r"^head 'mine': c=-1: must be above 0\.$"):
        require_parameter("head 'mine'", False, "above 0", c=-1)
