"""The figures of a comparison whose strategies have long names."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pandas as pd
import pytest

from alframe.comparison.figures import (
    bands_figure_maker,
    critical_difference_figure_maker,
    matrix_figure_maker,
    selection_seconds_figure_maker,
    strategy_styles,
)
from alframe.comparison.formatting import shorten_names
from alframe.comparison.ranks import Ranking
from alframe.report.charts import NARROW, WIDE

NAMES = [f"sampler=margin head=mlp loss=softmax backbone=efficientnet_lite0 batch=20 {number}" for number in range(8)]


def draw_all(size: tuple[int, int]) -> None:
    places = np.arange(len(NAMES))
    seconds = pd.DataFrame({"strategy": NAMES, "selection": 1.0 + places})
    seconds["selection_low"], seconds["selection_high"] = seconds["selection"] / 2, seconds["selection"] * 2
    each = [
        {"strategy": name, "labels": n, "x": n / 99, "low": n / 120, "high": n / 90} for name in NAMES for n in (20, 40)
    ]
    near = pd.DataFrame(np.where(np.abs(np.subtract.outer(places, places)) < 2, 0.5, 0.01), NAMES, NAMES)
    ranking = Ranking("seeds", 10, pd.Series(1.0 + places, index=NAMES), 0.01, near, 1.0)
    drawers = [
        bands_figure_maker(pd.DataFrame(each), "x", strategy_styles(NAMES, NAMES[:1]), "accuracy", True),
        selection_seconds_figure_maker(seconds),
        matrix_figure_maker(near, 1.0),
    ]
    for draw in drawers:
        draw(size).savefig(io.BytesIO(), format="svg")
    pytest.importorskip("scikit_posthocs", reason="alframe[compare] is not installed")
    critical_difference_figure_maker(ranking)(size).savefig(io.BytesIO(), format="svg")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_long_names_leave_room_for_the_figure(size: tuple[int, int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as Matplotlib's that its layout does not fit
        draw_all(size)


@pytest.mark.parametrize("letters", [8, 15, 30, 200])
def test_short_names_can_be_told_apart(letters: int) -> None:
    short = shorten_names([*NAMES, "random"], letters)
    assert len(set(short)) == len(NAMES) + 1
    assert short[-1] == "random"
    assert max(map(len, short)) <= letters or letters == 200
    assert letters < 200 or short == [*NAMES, "random"]
