"""The uncertainty of a million images: alframe's scores compared with plain numpy, modAL and scikit-activeml.

    python -m benchmarks.micro.scoring                  # a minute
    python -m benchmarks.micro.scoring --rows 100000
    python -m benchmarks.micro.scoring --head           # BALD from a head's draws on: a minute, and 8 GB of memory

Peers run in turn (A B C A B C ...), so that other work on the machine affects all of them equally. Memory is traced in
a separate run, because tracing takes time; the probabilities themselves do not count.

With --head, the draws count too: from embeddings and a fitted head `laplace` to the scores, each time in a separate
process. The memory is then the peak of resident memory minus the memory with only the embeddings.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.contracts import Head
from alframe.kit.pool_views import make_pool_view
from alframe.samplers.bald import Bald, mutual_information, pool_mutual_information
from alframe.samplers.uncertainty import entropy, least_confidence, margin_uncertainty
from alframe.types import Floats
from benchmarks.machine import describe, reading_s, resident_mib, write_report

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
    """Return the scores to measure, and the programs that compute them."""
    found: dict[str, dict[str, Score]] = {
        "margin": {"alframe": margin_uncertainty, "numpy": numpy_margin},
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
    """A classifier with known probabilities, because modAL needs a classifier."""

    def __init__(self, probs: Floats) -> None:
        self._probs = probs

    def predict_proba(self, x: Floats) -> Floats:
        return self._probs


def _ask_modal(function: Callable[[_Answers, Floats], Floats], probs: Floats) -> Floats:
    return function(_Answers(probs), probs)


def measure(scores: dict[str, Score], probs: Floats, repeats: int) -> dict[str, object]:
    seconds: dict[str, list[float]] = {name: [] for name in scores}
    peaks = {}
    for name, score in scores.items():  # the first run also warms up
        tracemalloc.start()
        score(probs)
        peaks[name] = round(tracemalloc.get_traced_memory()[1] / 2**20, 1)
        tracemalloc.stop()
    for _ in range(repeats):
        for name, score in scores.items():
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
        for name in scores
    }


DIM, LABELLED = 64, 200  # of the pool that a head draws for


def in_parts(head: Head, x: Floats, classes: int, draws: int) -> Floats:
    labelled, unlabelled = np.arange(LABELLED), np.arange(LABELLED, len(x))
    view = make_pool_view(Bald(draws), x, unlabelled, labelled, labelled % classes, np.random.default_rng(1), head)
    return pool_mutual_information(view)


def at_once(score: Score, head: Head, x: Floats, classes: int, draws: int) -> Floats:
    return score(head.prob_samples(x[LABELLED:], draws, np.random.default_rng(1)))


WAYS: dict[str, Callable[[Head, Floats, int, int], Floats]] = {
    "alframe": in_parts,
    "all draws at once": partial(at_once, mutual_information),
    "numpy": partial(at_once, numpy_bald),
}


def run(way: str, rows: int, classes: int, draws: int) -> None:
    """Write one line of JSON with the seconds, the peak and the scores of one way from a head to BALD."""
    x = np.random.default_rng(0).standard_normal((LABELLED + rows, DIM), np.float32)
    head: Head = REGISTRIES["head"].build({"name": "laplace"})
    head.fit(x[:LABELLED], np.arange(LABELLED) % classes, classes, np.random.default_rng(0))
    WAYS[way](head, x[: LABELLED + 1000], classes, draws)  # imports and threads
    before = resident_mib(peak=False)
    start, cpu = time.perf_counter(), time.process_time()
    scores = WAYS[way](head, x, classes, draws)
    found = {"s": round(time.perf_counter() - start, 3), "cpu_s": round(time.process_time() - cpu, 3)}
    after = resident_mib(peak=True)
    more = None if before is None or after is None else round(after - before)
    best = np.argsort(-scores, kind="stable")[:100].tolist()
    sys.stdout.write(json.dumps(found | {"more_mib": more, "best": best}) + "\n")


def measure_from_head(rows: int, classes: int, draws: int, repeats: int) -> dict[str, object]:
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    shape = ["--rows", str(rows), "--classes", str(classes), "--draws", str(draws)]
    for _ in range(repeats):
        for way, runs in found.items():
            command = [sys.executable, "-m", "benchmarks.micro.scoring", "--run", way, *shape]
            runs.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    ours = statistics.median(run["cpu_s"] for run in found["alframe"])
    return {
        way: {
            "median_s": statistics.median(run["s"] for run in runs),
            "median_cpu_s": statistics.median(run["cpu_s"] for run in runs),
            "all_cpu_s": [run["cpu_s"] for run in runs],
            "more_mib": max((run["more_mib"] for run in runs if run["more_mib"] is not None), default=None),
            "ratio": round(statistics.median(run["cpu_s"] for run in runs) / ours, 2),
            "same_hundred": all(sorted(run["best"]) == sorted(found["alframe"][0]["best"]) for run in runs),
        }
        for way, runs in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--draws", type=int, default=20, help="for BALD; from given draws, on an eighth of the rows")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--head", action="store_true", help="BALD alone, from a head's draws on")
    parser.add_argument("--run", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    shape = options.rows, options.classes, options.draws
    if options.run:
        run(options.run, *shape)
        return
    machine = describe()  # before the work, so that the load is that of others
    if options.head:
        setting = {"bald": [options.draws, options.rows, options.classes], "dim": DIM, "labelled": LABELLED}
        results = measure_from_head(*shape, options.repeats)
        write_report({"benchmark": "bald", "machine": machine, "setting": setting, "results": results}, options.out)
        return
    rng = np.random.default_rng(0)
    probs = _probs(rng, (options.rows, options.classes))
    samples = _probs(rng, (options.draws, options.rows // 8, options.classes))
    report = {
        "benchmark": "scoring",
        "machine": machine,
        "setting": {"probs": probs.shape, "bald": samples.shape, "type": "float32", "order": "in turn"},
        "results": {
            name: measure(scores, samples if name == "bald" else probs, options.repeats)
            for name, scores in peers().items()
        },
        "limit_s": {"probs": reading_s(probs), "bald": reading_s(samples)},
    }
    write_report(report, options.out)


def _probs(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    out = rng.standard_exponential(shape, np.float32)
    out /= out.sum(axis=-1, keepdims=True)
    return out


if __name__ == "__main__":
    main()
