"""What is no number is refused by every built-in sampler, with the sampler's name and the count."""

from __future__ import annotations

import numpy as np
import pytest
from omegaconf import OmegaConf

from alframe.app.api import compose
from alframe.builtins import REGISTRIES, TABLE
from alframe.errors import UnmetNeed
from alframe.testing.sampler import tiny_fields, tiny_keys, tiny_predict
from alframe.types import Need, PoolView


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", TABLE["sampler"][1])
def test_it_refuses_by_name(name: str, value: float) -> None:
    sampler = REGISTRIES["sampler"].build(OmegaConf.to_container(compose(f"sampler={name}").sampler, resolve=True))
    predict = tiny_predict() if Need.PREDICT in sampler.needs else None
    for need, array in tiny_fields(sampler.needs).items():
        if array.dtype == np.float32 and array.ndim > 1:
            array[..., 4, 0] = value
            view = PoolView(tiny_keys(20), {**tiny_fields(sampler.needs), need: array}, predict)
            with pytest.raises(UnmetNeed, match=r"sampler '\w+' cannot rank.* 1 of \d+ ") as refusal:
                sampler.select(view, 3, np.random.default_rng(0))
            parts = getattr(sampler, "weights", getattr(sampler, "samplers", ()))
            assert any(f"'{one}'" in str(refusal.value) for one in (name, *parts)), refusal.value
