"""Compare strategies, by seed, on embeddings in memory. This takes minutes, while `curves` takes hours.

    python -m benchmarks.strategies FEATURES.npz --strategies uherding_bursts:auto adaptive:linear random:auto
    python -m benchmarks.strategies *.npz --seeds 10 --curves curves.csv --out strategies.json
    python -m benchmarks.strategies *.npz --strategies random:auto:kmeans random:auto:random --budget 20 --seeds 20
    python -m benchmarks.strategies cifar10-imbalanced.npz --long-tail 100 --budget 300 --curves curves.csv
    python -m benchmarks.strategies *.npz --strategies uherding_bursts:auto random:auto ceiling:auto --budget 1500
    python -m benchmarks.strategies caltech101-animals.npz --draw-test --first-seed 1000 --seeds 50 --curves curves.csv

A strategy is a sampler, a head and the sampler of the first labels. Missing names are the defaults. `ceiling:auto` is
the head with all labels. FEATURES.npz has `x` (N, D), the classes `y` (N,) and, for images in bursts, `sequence` (N,).
With `test` (N,), the test images are the same for each seed. Otherwise, each seed holds out other images, and no
sequence is cut. With `--long-tail`, each seed draws another pool, in which the most common class has so many times the
images of the rarest class; the name of the set is then FEATURES-longtail. With `--draw-test`, `test` is not used: each
seed holds out other images, and the name of the set is FEATURES-drawn. Each run is added to the file of curves, and
stored runs are not repeated. The report has the gain of the first strategy over each other strategy, in points of the
mean over the labels spent (area), with Student's 95 % interval over seeds. With a ceiling, it also has the labels that
each strategy needs to reach 95 % of it. `python -m benchmarks.curves --report` shows the newest results on its page.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import alframe
from alframe.comparison.statistics import labels_to_goal, mean_interval
from alframe.engine.measuring.curves import mean_over_labels
from alframe.errors import BadParams
from alframe.types import Floats64
from benchmarks.head_quality import draw_long_tail
from benchmarks.machine import describe, write_report

if TYPE_CHECKING:
    import pandas as pd

MEASURES = ("accuracy", "macro_f1", "pool_accuracy", "calibration_error", "classes")
CEILING = "ceiling"  # in the place of a sampler: all labels at once
GOAL = 0.95  # of the accuracy with all labels
LONG_TAIL = "-longtail"  # end of the name of a set whose pool has a long tail
DRAWN = "-drawn"  # and of a set of which each seed tests on another part
KEPT = ("labels", "seconds", "selection_seconds", "n", *MEASURES)


def run(
    file: Path, strategy: str, seed: int, budget: int, batch: int, long_tail: float = 1.0, draw_test: bool = False
) -> pd.DataFrame:
    """Return the learning curve of a strategy with a seed: one row for each number of labels.

    Raises BadParams for a `long_tail` above 1 of a file without `test`, or with `draw_test`.
    """
    with np.load(file) as arrays:
        x, y, test, sequences = (arrays.get(name) for name in ("x", "y", "test", "sequence"))
    if draw_test:
        test = None
    if long_tail > 1:
        if test is None:
            remedy = "Leave out --draw-test." if draw_test else "Add `test` (N,) to the file."
            raise BadParams(f"{file}: --long-tail={long_tail:g} needs test images. {remedy}")
        is_test = np.asarray(test, np.bool_)
        _, numbers = np.unique(y, return_inverse=True)
        pool = draw_long_tail(numbers, np.flatnonzero(~is_test), long_tail, np.random.default_rng(seed))
        rows = np.sort(np.concatenate([pool, np.flatnonzero(is_test)]))
        x, y, test, sequences = (None if each is None else each[rows] for each in (x, y, test, sequences))
    sampler, head, start = [*strategy.split(":"), "", ""][:3]
    given: dict[str, Any] = {"budget": budget, "batch": batch, "sampler": sampler, "start_sampler": start or None}
    if sampler == CEILING:
        given |= {"budget": len(x), "start": len(x), "sampler": "random", "start_sampler": "random"}
    if test is not None:
        given["test"] = test
    since = time.process_time()
    found = alframe.simulate(x, y, seeds=[seed], head=head or None, sequences=sequences, **given)[[*KEPT]]
    found.insert(0, "seed", seed)
    found.insert(0, "strategy", strategy)
    found.insert(0, "set", set_name(file, long_tail, draw_test))
    return found.assign(cpu_s=(time.process_time() - since) / len(found))


def set_name(file: Path, long_tail: float, draw_test: bool) -> str:
    """Return the name of the set in the reports."""
    return file.stem + LONG_TAIL * (long_tail > 1) + DRAWN * draw_test


def area(curves: Floats64, labels: Floats64) -> Floats64:
    """Return the mean over the labels spent (s,) of `curves` (s, l), in points."""
    return 100 * mean_over_labels(labels, curves)


def gather(curves: pd.DataFrame) -> dict[str, Any]:
    """Return the results by set and strategy: for each measure one row per seed, at the labels that all seeds have."""
    found: dict[str, Any] = {}
    for (name, strategy), rows in curves.groupby(["set", "strategy"]):
        if str(strategy).startswith(CEILING):  # pools with a long tail differ in size
            rows = rows.assign(labels=rows.labels.max())
        tables = {measure: rows.pivot(index="seed", columns="labels", values=measure) for measure in MEASURES}
        labels = tables["accuracy"].dropna(axis=1).columns
        found.setdefault(str(name), {"test": int(rows.n.iloc[0])})[str(strategy)] = {
            "labels": labels.tolist(),
            "seeds": tables["accuracy"].index.tolist(),
            "cpu_s": round(float(rows.cpu_s.median()), 2),
            **{measure: np.round(table[labels].to_numpy(float), 4).tolist() for measure, table in tables.items()},
        }
    return found


def common_rows(one: Mapping[str, Any], other: Mapping[str, Any], measure: str) -> tuple[Floats64, Floats64, Floats64]:
    """Return a measure (s, l) of two strategies at their common seeds and labels, and these labels (l,)."""
    labels = [count for count in one["labels"] if count in other["labels"]]
    seeds = [seed for seed in one["seeds"] if seed in other["seeds"]]
    tables = [
        np.array(each[measure], np.float64)[
            np.ix_([each["seeds"].index(seed) for seed in seeds], [each["labels"].index(count) for count in labels])
        ]
        for each in (one, other)
    ]
    return tables[0], tables[1], np.array(labels, np.float64)


def compare(ours: Mapping[str, Any], theirs: Mapping[str, Any], measure: str) -> dict[str, float] | None:
    """Return the area of `ours` minus the area of `theirs`; None for a ceiling, which has no curve."""
    one, other, labels = common_rows(ours, theirs, measure)
    if len(labels) < 2:
        return None
    gain = mean_interval(area(one, labels) - area(other, labels))
    return {"gain": round(gain.mean, 2), "low": round(gain.low, 2), "high": round(gain.high, 2)}


def labels_needed(by: Mapping[str, Any], strategy: str) -> Floats64:
    """Return the labels (s,) at which each seed of a strategy first reaches GOAL times the ceiling's accuracy; or inf.

    The ceiling has the same head and the same seed. If this ceiling was not run, the mean of the others is used.
    """
    curves, ceiling = by[strategy], by[f"{CEILING}:{strategy.split(':')[1]}"]
    reached = np.array(ceiling["accuracy"], np.float64)[:, 0]
    ceilings = dict(zip(ceiling["seeds"], reached.tolist(), strict=True))
    goals = GOAL * np.array([ceilings.get(seed, reached.mean()) for seed in curves["seeds"]])
    return labels_to_goal(np.array(curves["labels"], np.float64), np.array(curves["accuracy"], np.float64), goals)


def summarise_labels_needed(by: Mapping[str, Any]) -> dict[str, Any]:
    """Return the median of `labels_needed` for each strategy with a ceiling; null if most seeds never reach it."""
    found: dict[str, Any] = {}
    for strategy in by:
        sampler, _, rest = strategy.partition(":")
        if rest and sampler != CEILING and f"{CEILING}:{rest.split(':')[0]}" in by:
            needed = labels_needed(by, strategy)
            median = float(np.median(needed))
            reached = int(np.isfinite(needed).sum())
            found[strategy] = {
                "median": round(median, 1) if np.isfinite(median) else None,
                "reached": reached,
                "seeds": len(needed),
            }
    return found


def main() -> None:
    import pandas as pd

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("features", type=Path, nargs="+")
    parser.add_argument("--strategies", nargs="+", default=["uherding_bursts:auto", "random:auto", "margin:auto"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=200)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--long-tail", type=float, default=1.0, metavar="RATIO")
    parser.add_argument("--draw-test", action="store_true", help="hold out another part for each seed")
    parser.add_argument("--curves", type=Path, help="CSV of the runs; what it has is not run again")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    machine, found = describe(), []
    if options.curves and options.curves.exists():
        found.append(pd.read_csv(options.curves))
    done = {key for rows in found for key in rows[["set", "strategy", "seed"]].itertuples(index=False, name=None)}
    for strategy in dict.fromkeys(options.strategies):
        for file in options.features:
            for seed in range(options.first_seed, options.first_seed + options.seeds):
                name = set_name(file, options.long_tail, options.draw_test)
                if (name, strategy, seed) not in done:
                    sizes = (options.budget, options.batch)
                    rows = run(file, strategy, seed, *sizes, options.long_tail, options.draw_test)
                    found.append(rows)
                    if options.curves:
                        rows.to_csv(options.curves, mode="a", header=not options.curves.exists(), index=False)
    sets = gather(pd.concat(found))
    first, *others = options.strategies
    over = {
        name: {
            other: {each: compare(by[first], by[other], each) for each in MEASURES[:3]}
            for other in others
            if other in by
        }
        for name, by in sets.items()
        if first in by
    }
    needed = {name: summarise_labels_needed(by) for name, by in sets.items()}
    names = (
        "strategies",
        "seeds",
        "first_seed",
        "budget",
        "batch",
        "long_tail",
        "draw_test",
    )  # of this call; earlier ones added to the curves
    setting = {name: getattr(options, name) for name in names}
    report = {"benchmark": "strategies", "machine": machine, "setting": setting, "over": over, "needed": needed}
    write_report(report | {"sets": sets}, options.out)


if __name__ == "__main__":
    main()
