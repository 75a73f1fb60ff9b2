"""What is no number is never chosen by a built-in sampler, also where the engine has not refused it before."""

from __future__ import annotations

import re

import numpy as np
import pytest

from alframe.builtins import BUILTIN_PARTS
from alframe.errors import UnmetNeed
from alframe.testing.sampler import assert_valid_selection, tiny_fields, tiny_keys, tiny_predict
from alframe.types import Need, PoolView
from tools.tables import default_part

# What these read of such an image leaves it behind the others, or it is not among those whose embeddings are read.
NOT_READ = {
    "margin_cluster_mean": {Need.LABELLED_PROBS, Need.FEATURES},
    "drop_query": {Need.FEATURES},
    "ratio": {Need.PROBS},
    "ratio_mc": {Need.PROB_SAMPLES},
}


@pytest.mark.filterwarnings("ignore:.*(invalid value|divide by zero):RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", BUILTIN_PARTS["sampler"][1])
def test_it_refuses_with_the_count(name: str, value: float) -> None:
    sampler = default_part("sampler", name)
    predict = tiny_predict() if Need.PREDICT in sampler.needs else None
    for need, array in tiny_fields(sampler.needs).items():
        if array.dtype == np.float32 and array.ndim > 1:
            array[..., 4, 0] = value
            view = PoolView(tiny_keys(20), {**tiny_fields(sampler.needs), need: array}, predict)
            try:
                chosen = sampler.select(view, 3, np.random.default_rng(0)).keys
            except UnmetNeed as refusal:
                assert re.search(r"^The [\w ]+ of 1 of \d+ [\w ]+ \(first: row \d+\) are not finite", str(refusal))
            else:
                assert need in NOT_READ.get(name, ()), f"{need} of {value} is not refused"
                # Row 4 of what is known about the labelled images is another image than row 4 of the pool.
                assert need in {Need.LABELLED_PROBS} or tiny_keys(20)[4] not in chosen


@pytest.mark.filterwarnings("ignore:.*(overflow|invalid value).*:RuntimeWarning")
@pytest.mark.parametrize("name", BUILTIN_PARTS["sampler"][1])
def test_numbers_too_large_for_distances_are_refused_or_harmless(name: str) -> None:
    """FAISS ends the process when a squared length overflows."""
    sampler = default_part("sampler", name)
    for need in {Need.FEATURES, Need.LABELLED_FEATURES} & sampler.needs:
        fields = tiny_fields(sampler.needs, n=60, labelled=12)
        fields[need][4, 0] = 3e19
        view = PoolView(tiny_keys(60), fields, tiny_predict() if Need.PREDICT in sampler.needs else None)
        try:
            assert_valid_selection(sampler.select(view, 5, np.random.default_rng(0)), view, 5)
        except UnmetNeed as refusal:
            assert re.search(r"^The [\w ]+ of 1 of \d+ [\w ]+ \(first: row \d+\) are not finite", str(refusal))
