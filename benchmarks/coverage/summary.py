"""The results of many campaigns for the intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from alframe.engine.measuring.intervals import wilson_interval
from benchmarks.coverage.campaigns import Look

POPULATIONS = ("unlabelled", "whole_pool", "new")
DRAWN = ((5, 9), (10, 19), (20, 39), (40, 10**9))  # images drawn at random: least and most


def summarise(campaigns: Sequence[Sequence[Look]]) -> dict[str, Any]:
    """Return coverage (%), mean width (%) and bias (points) at the last look of each campaign, and over all its looks.

    `always_wrong`: campaigns (%) in which the interval for any number of looks is wrong at least once. `once_wrong`:
    the same with the interval for one look. `pooled`: Wilson's interval from all drawn images without weights, for the
    images without a label.
    """
    last = [looks[-1] for looks in campaigns]
    found: dict[str, Any] = {
        "campaigns": len(campaigns),
        "looks": len(campaigns[0]),
        "labels": last[0].labels,
        "drawn": last[0].audit.evaluation.n,
        "truth": {name: _percent(np.mean([getattr(look, name) for look in last])) for name in POPULATIONS},
    }
    for name in POPULATIONS:
        bounds = np.array([_measured(look, name) for look in last])
        truth = np.array([getattr(look, name) for look in last])
        found[name] = _describe(truth, bounds)
    for name in ("unlabelled", "whole_pool"):
        found[name]["always_wrong"] = _ever_wrong(campaigns, name, 3, 4)
        found[name]["once_wrong"] = _ever_wrong(campaigns, name, 1, 2)
    hits, totals = np.array([look.pooled for look in last]).T
    pooled = np.stack([hits / totals, *wilson_interval(hits, totals)], axis=1)
    found["pooled"] = _describe(np.array([look.unlabelled for look in last]), pooled)
    recalls = [
        (true, [scores[part] for part in ("recall", "recall_low", "recall_high")])
        for look in last
        for true, scores in zip(look.recalls, look.audit.evaluation.per_class, strict=True)
        if scores["support"] and true is not None
    ]
    found["recalls"] = _describe(
        np.array([true for true, _ in recalls]), np.array([part for _, part in recalls], float)
    )
    return found | {"by_drawn": summarise_by_drawn([look for looks in campaigns for look in looks])}


def summarise_by_drawn(looks: Sequence[Look]) -> dict[str, Any]:
    """Return the coverage of each interval by the number of images drawn at random, over all looks."""
    found: dict[str, Any] = {}
    for least, most in DRAWN:
        of = [look for look in looks if least <= look.audit.evaluation.n <= most and look.audit.unlabelled]
        if len(of) > 1:
            name = f"{least} to {most}" if most < DRAWN[-1][1] else f"{least} or more"
            found[name] = {"looks": len(of)} | {
                each: _describe(
                    np.array([getattr(look, each) for look in of]), np.array([_measured(look, each)[:3] for look in of])
                )
                for each in POPULATIONS
            }
    return found


def _measured(look: Look, name: str) -> list[float]:
    """Return accuracy, low, high and, if they exist, the bounds for any number of looks."""
    if name == "new":
        return [look.audit.evaluation.accuracy, look.audit.evaluation.low, look.audit.evaluation.high]
    found = look.audit.unlabelled if name == "unlabelled" else look.audit.whole_pool
    assert found is not None
    return [found.accuracy, found.low, found.high, found.always_low, found.always_high]


def _describe(truth: np.ndarray, bounds: np.ndarray) -> dict[str, float]:
    error = bounds[:, 0] - truth
    return {
        "coverage": _percent(((bounds[:, 1] <= truth) & (truth <= bounds[:, 2])).mean()),
        "bias": _percent(error.mean()),
        "spread": _percent(error.std(ddof=1)),
        "width": _percent((bounds[:, 2] - bounds[:, 1]).mean()),
    }


def _ever_wrong(campaigns: Sequence[Sequence[Look]], name: str, low: int, high: int) -> float:
    def is_wrong(look: Look) -> bool:
        bounds = _measured(look, name)
        return not bounds[low] <= getattr(look, name) <= bounds[high]

    return _percent(np.mean([any(map(is_wrong, looks)) for looks in campaigns]))


def _percent(share: Any) -> float:
    return round(100 * float(share), 2)
