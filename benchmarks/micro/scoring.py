"""Uncertainty of a million images: alframe's scores against plain numpy, modAL and scikit-activeml.

    python -m benchmarks.micro.scoring                  # a minute
    python -m benchmarks.micro.scoring --rows 100000

Peers run in turn (A B C A B C ...), so that whatever else the machine does meets all of them alike. Memory is traced in
a run of its own, because tracing costs time; the probabilities themselves do not count.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from alframe.samplers.bald import mutual_information
from alframe.samplers.uncertainty import entropy, least_confidence, margin
from alframe.types import Floats
from benchmarks.machine import describe

Score = Callable[[Floats], Floats]


def numpy_margin(probs: Floats) -> Floats:
    two = np.sort(probs, axis=1)[:, -2:]
    return np.asarray(1 - (two[:, 1] - two[:, 0]))


def numpy_entropy(probs: Floats) -> Floats:
    return np.asarray(-(probs * np.log(np.maximum(probs, 1e-30))).sum(axis=1))


def numpy_bald(samples: Floats) -> Floats:
    mean = samples.mean(axis=0)
    within = -(samples * np.log(np.maximum(samples, 1e-30))).sum(axis=2).mean(axis=0)
    return np.asarray(numpy_entropy(mean) - within)


def peers() -> dict[str, dict[str, Score]]:
    """What is scored, and by whom."""
    found: dict[str, dict[str, Score]] = {
        "margin": {"alframe": margin, "numpy": numpy_margin},
        "entropy": {"alframe": entropy, "numpy": numpy_entropy},
        "least_confidence": {"alframe": least_confidence, "numpy": lambda probs: np.asarray(1 - probs.max(axis=1))},
        "bald": {"alframe": mutual_information, "numpy": numpy_bald},
    }
    if find_spec("skactiveml"):
        from skactiveml.pool import uncertainty_scores

        methods = {"margin": "margin_sampling", "entropy": "entropy", "least_confidence": "least_confident"}
        for name, method in methods.items():
            found[name]["scikit-activeml"] = partial(uncertainty_scores, method=method)
    if find_spec("modAL"):
        from modAL import uncertainty

        for name, function in {
            "margin": uncertainty.classifier_margin,
            "entropy": uncertainty.classifier_entropy,
            "least_confidence": uncertainty.classifier_uncertainty,
        }.items():
            found[name]["modAL"] = partial(_ask_modal, function)
    return found


class _Answers:
    """A classifier whose probabilities are known, as modAL wants one."""

    def __init__(self, probs: Floats) -> None:
        self._probs = probs

    def predict_proba(self, x: Floats) -> Floats:
        return self._probs


def _ask_modal(function: Callable[[_Answers, Floats], Floats], probs: Floats) -> Floats:
    return function(_Answers(probs), probs)


def measure(ones: dict[str, Score], probs: Floats, repeats: int) -> dict[str, object]:
    seconds: dict[str, list[float]] = {name: [] for name in ones}
    peaks = {}
    for name, score in ones.items():  # the first run also warms up
        tracemalloc.start()
        score(probs)
        peaks[name] = round(tracemalloc.get_traced_memory()[1] / 2**20, 1)
        tracemalloc.stop()
    for _ in range(repeats):
        for name, score in ones.items():
            begin = time.perf_counter()
            score(probs)
            seconds[name].append(round(time.perf_counter() - begin, 4))
    medians = {name: statistics.median(all_) for name, all_ in seconds.items()}
    return {
        name: {
            "median_s": medians[name],
            "all_s": seconds[name],
            "peak_mib": peaks[name],
            "ratio": round(medians[name] / medians["alframe"], 1),
        }
        for name in ones
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--draws", type=int, default=20, help="for BALD, which is measured on an eighth of the rows")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    machine = describe()  # before the work, so that the load is that of others
    rng = np.random.default_rng(0)
    probs = _probs(rng, (options.rows, options.classes))
    samples = _probs(rng, (options.draws, options.rows // 8, options.classes))
    report = {
        "benchmark": "scoring",
        "machine": machine,
        "setting": {"probs": probs.shape, "bald": samples.shape, "type": "float32", "order": "in turn"},
        "results": {
            name: measure(ones, samples if name == "bald" else probs, options.repeats) for name, ones in peers().items()
        },
    }
    text = json.dumps(report, indent=2)
    sys.stdout.write(text + "\n")
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")


def _probs(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    out = rng.standard_exponential(shape, np.float32)
    out /= out.sum(axis=-1, keepdims=True)
    return out


if __name__ == "__main__":
    main()
