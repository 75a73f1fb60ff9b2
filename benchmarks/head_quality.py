"""The accuracy and the calibration of heads, with few labels drawn at random.

    python -m benchmarks.real --images FOLDER --out FOLDER        # features.npy and classes.npy
    python -m benchmarks.head_quality --features features.npy --classes classes.npy --labels 50 200 --seeds 10
    ... --groups bursts.npy                                       # tested on other bursts than those of the pool
    ... --long-tail 100                                           # the commonest class has 100 times the rarest

All heads see the same labels, so their differences are paired. Test images have the class frequencies of the files,
even if the pool has a long tail.

With few images, the calibration error is never near 0, even if the probabilities of a head are right: by chance, the
accuracy in a bin differs from the confidence. So there are two more numbers. `pooled_error` is the calibration error of
the test images of all seeds together. `chance_error` is the mean calibration error of a head with the same confidence
and right probabilities, if the images of a burst are predicted correctly or wrongly together.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.engine.fit import draw_unlabelled_features
from alframe.engine.measuring.evaluate import calibration_error, evaluate_probs
from alframe.kit.composite import fit_head
from alframe.types import Bools, FitContext, Floats, Ints
from benchmarks.machine import describe, write_report

TEST_SHARE = 0.25
MEASURES = ("accuracy", "macro_f1", "calibration_error", "log_loss")
DRAWS = 50  # of who is right, for the calibration error by chance


@dataclass(frozen=True, slots=True)
class Run:
    """The `measures` of a head with one seed, and its test images: `confidence` (t,), and which are `right` (t,)."""

    measures: dict[str, float]
    confidence: Floats
    right: Bools


def split(y: Ints, groups: Ints, ratio: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Return the rows of the pool and of the test images, without common groups; the pool has this long tail."""
    order = rng.permutation(np.unique(groups))
    is_test: Bools = np.isin(groups, order[: round(TEST_SHARE * len(order))])
    pool, test = np.flatnonzero(~is_test), np.flatnonzero(is_test)
    return (pool if ratio <= 1 else draw_long_tail(y, pool, ratio, rng)), test


def draw_long_tail(y: Ints, pool: Ints, ratio: float, rng: np.random.Generator) -> Ints:
    """Return the rows of the `pool` that remain if its most common class has `ratio` times the images of the rarest.

    The classes are in a random order. A class with fewer images than it should have keeps all of them.
    """
    classes = rng.permutation(np.unique(y[pool]))
    largest = int(np.bincount(y[pool]).max())
    sizes = np.round(largest * ratio ** (-np.arange(len(classes)) / (len(classes) - 1))).astype(int)
    kept = [rng.permutation(pool[y[pool] == each])[:size] for each, size in zip(classes, sizes, strict=True)]
    return np.sort(np.concatenate(kept))


def measure(names: list[str], x: Floats, y: Ints, groups: Ints, count: int, ratio: float, seed: int) -> dict[str, Run]:
    """Return the run of each head with `count` labels drawn by `seed`; its measures include the seconds of the fit."""
    rng = np.random.default_rng(seed)
    pool, test = split(y, groups, ratio, rng)
    drawn = rng.permutation(pool)
    rows, rest = drawn[:count], np.sort(drawn[count:])
    present, target = np.unique(y[rows], return_inverse=True)
    known = [str(each) for each in present]
    found = {}
    for name in names:
        head = REGISTRIES["head"].build({"name": name})
        unlabelled = draw_unlabelled_features(head, x, rest, np.random.default_rng(seed))
        context = FitContext(np.ones(len(rows), np.bool_), groups[rows], unlabelled)
        begin = time.process_time()
        fit_head(head, x[rows], target, len(present), np.random.default_rng(seed), context)
        seconds = time.process_time() - begin
        probs = head.probs(x[test])
        result: Any = evaluate_probs(probs, known, [str(each) for each in y[test]], "held-out images")
        measures = {each: float(getattr(result, each)) for each in MEASURES} | {"cpu_s": seconds}
        confidence = probs.max(axis=1)
        measures["chance_error"] = error_by_chance(confidence, groups[test], rng)
        found[name] = Run(measures, confidence, present[probs.argmax(axis=1)] == y[test])
    return found


def error_by_chance(confidence: Floats, groups: Ints, rng: np.random.Generator) -> float:
    """Return the mean calibration error by chance for right `confidence` (t,); a group has one random number."""
    numbers = np.unique(groups, return_inverse=True)[1]
    luck = rng.random((DRAWS, numbers.max() + 1))
    return float(np.mean([calibration_error(confidence, each[numbers] < confidence) for each in luck]))


def summarise(runs: list[dict[str, Run]]) -> dict[str, dict[str, float]]:
    """Return the means over the seeds, and the gain in accuracy over the first head with half its 95 % interval."""
    first = next(iter(runs[0]))
    summary = {}
    for name in runs[0]:
        each = [run[name] for run in runs]
        gains = np.array([run[name].measures["accuracy"] - run[first].measures["accuracy"] for run in runs])
        half = 1.96 * float(gains.std(ddof=1)) / len(runs) ** 0.5 if len(runs) > 1 else float("nan")
        means = {measure: float(np.mean([run.measures[measure] for run in each])) for measure in each[0].measures}
        confidence, right = (np.concatenate([getattr(run, part) for run in each]) for part in ("confidence", "right"))
        pooled = {"pooled_error": calibration_error(confidence, right)}
        summary[name] = {
            key: round(float(value), 4)
            for key, value in (means | pooled | {"gain": gains.mean(), "half": half}).items()
        }
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, required=True, help=".npy (n, D)")
    parser.add_argument("--classes", type=Path, required=True, help=".npy (n,) of class numbers")
    parser.add_argument("--groups", type=Path, help=".npy (n,) of the numbers of bursts")
    parser.add_argument("--heads", nargs="+", default=["linear", "prototype", "auto"], help="the first is the baseline")
    parser.add_argument("--labels", type=int, nargs="+", default=[50, 200])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--long-tail", type=float, default=1.0, metavar="RATIO")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    machine = describe()
    x, y = np.load(options.features).astype(np.float32), np.load(options.classes).astype(np.int64)
    groups = np.load(options.groups).astype(np.int64) if options.groups else np.arange(len(y))
    results = {
        str(count): summarise(
            [measure(options.heads, x, y, groups, count, options.long_tail, seed) for seed in range(options.seeds)]
        )
        for count in options.labels
    }
    setting = {"images": len(y), "dim": x.shape[1], "long_tail": options.long_tail, "seeds": options.seeds}
    write_report({"benchmark": "head_quality", "machine": machine, "setting": setting, "results": results}, options.out)


if __name__ == "__main__":
    main()
