"""Samplers against the default one, seed for seed, on embeddings in memory: minutes in place of the hours of `curves`.

    python -m benchmarks.strategies FEATURES.npz --samplers adaptive margin random
    python -m benchmarks.strategies FEATURES.npz --sampler adaptive --objective macro --seeds 20

FEATURES.npz holds `x` (N, D), the classes `y` (N,) and, where images come in bursts, `sequence` (N,). For each seed
another part of the images is held out, and no sequence is cut. The report has the gain of the sampler over each other
one in points of the mean over the labels spent (area), with Student's 95 % interval over seeds.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import alframe
from alframe.app.part_recipes import default_name
from alframe.comparison.statistics import mean_interval
from alframe.engine.measuring.curves import mean_over_labels
from alframe.types import Floats64
from benchmarks.machine import describe, write_report

if TYPE_CHECKING:
    import pandas as pd

MEASURES = {"accuracy": "accuracy", "macro_f1": "macro-F1", "pool_accuracy": "accuracy on the whole pool"}


def areas(curves: pd.DataFrame, measure: str) -> Floats64:
    """Return the mean over the labels spent of a measure, for each seed (s,), in points."""
    by_labels = curves.pivot(index="seed", columns="labels", values=measure).dropna(axis=1).sort_index()
    labels = by_labels.columns.to_numpy(np.float64)
    return 100 * mean_over_labels(labels, by_labels.to_numpy(np.float64))


def compare(ours: pd.DataFrame, theirs: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Return by how much `ours` is above `theirs` in area, by measure: the mean over seeds and its interval."""
    found = {}
    for measure, name in MEASURES.items():
        gain = mean_interval(areas(ours, measure) - areas(theirs, measure))
        found[name] = {"gain": round(gain.mean, 2), "low": round(gain.low, 2), "high": round(gain.high, 2)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path)
    parser.add_argument("--sampler", default=default_name("sampler"), help="the one that is judged")
    parser.add_argument("--objective", help="its objective, if it has one: accuracy or macro")
    parser.add_argument("--samplers", nargs="*", default=["random", "margin", "adaptive"], help="those to compare with")
    parser.add_argument("--head", default=default_name("head"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=200)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    machine = describe()
    with np.load(options.features) as arrays:
        x, y = arrays["x"], arrays["y"]
        sequences = arrays.get("sequence")

    def curves(sampler: Any) -> pd.DataFrame:
        given = {"seeds": options.seeds, "budget": options.budget, "head": options.head, "sequences": sequences}
        return alframe.simulate(x, y, sampler=sampler, **given)

    chosen = {"objective": options.objective} if options.objective else {}
    ours = curves(alframe.build("sampler", options.sampler, **chosen))
    report = {
        "benchmark": "strategies",
        "machine": machine,
        "setting": {name: str(value) for name, value in vars(options).items() if name != "out"},
        "seconds_a_batch": round(float(ours.selection_seconds.median()), 3),
        "over": {name: compare(ours, curves(name)) for name in options.samplers},
    }
    write_report(report, options.out)


if __name__ == "__main__":
    main()
