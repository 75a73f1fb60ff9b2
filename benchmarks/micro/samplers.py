"""The growth of each sampler's cost with the pool: seconds, memory and the exponent, from 1,000 to 100,000 images.

    python -m benchmarks.micro.samplers                           # some ten minutes
    python -m benchmarks.micro.samplers --names badge galaxy --sizes 1000 10000

Each sampler, with its defaults, chooses 100 images of artificial clusters. Its head is fitted on 200 labelled images:
`mlp` if the sampler needs activations, `laplace` if it needs draws, else `linear`. These inputs are computed before and
do not count. Each measurement has its own process, which ends if a choice takes longer than the limit. Then larger
pools are left out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from alframe import compose
from alframe.builtins import BUILTIN_PARTS, REGISTRIES
from alframe.contracts import Sampler
from alframe.kit.pool_views import EarlierBatches, make_pool_view
from alframe.progress import track
from alframe.types import Floats, Ints, Need, PoolView
from benchmarks.machine import describe, resident_mib, write_report

DIM, CLASSES, HEAPS = 256, 10, 5  # heaps of each class
LABELLED, K = 200, 100
REPEATS, ENOUGH = 3, 2.0  # a choice is made again while all took fewer seconds


def clusters(n: int, seed: int) -> tuple[Floats, Ints]:
    """(n, DIM) embeddings in CLASSES x HEAPS unequal heaps that overlap, and the class (n,) of each."""
    centres = np.random.default_rng(seed).normal(size=(CLASSES * HEAPS, DIM))
    rng = np.random.default_rng([seed, n])
    heap = rng.choice(len(centres), n, p=rng.dirichlet(np.full(len(centres), 2.0)))
    x = centres[heap] + rng.normal(scale=2.0, size=(n, DIM))
    return x.astype(np.float32), (heap % CLASSES).astype(np.int64)


def build_sampler(name: str) -> Sampler:
    recipe: Any = OmegaConf.to_container(compose(f"sampler={name}").sampler, resolve=True)
    sampler: Sampler = REGISTRIES["sampler"].build(recipe)
    return sampler


def view_of(sampler: Sampler, n: int, seed: int) -> PoolView:
    """Return the view of `n` unlabelled images that the engine would give to the sampler."""
    x, y = clusters(LABELLED + n, seed)
    rng = np.random.default_rng(seed)
    needs = sampler.needs
    name = "mlp" if Need.HIDDEN_ACTIVATIONS in needs else "laplace" if Need.PROB_SAMPLES in needs else "linear"
    head = REGISTRIES["head"].build({"name": name})
    head.fit(x[:LABELLED], y[:LABELLED], CLASSES, rng)
    labelled, unlabelled = np.arange(LABELLED), np.arange(LABELLED, LABELLED + n)
    earlier = EarlierBatches(range(10), [0.3] * 10, [""] * 10)
    return make_pool_view(sampler, x, unlabelled, labelled, y[:LABELLED], rng, head, earlier_batches=earlier)


def run(name: str, n: int, limit: float, seed: int) -> None:
    """Write one line of JSON. If a choice takes longer than the limit, the process ends without it."""
    sampler = build_sampler(name)
    sampler.select(view_of(sampler, 500, seed), 10, np.random.default_rng(seed))  # imports and threads
    view = view_of(sampler, n, seed)
    before = resident_mib(peak=False)
    seconds: list[float] = []
    while len(seconds) < REPEATS and sum(seconds) < ENOUGH:
        end = threading.Timer(limit, os._exit, [0])
        end.daemon = True
        end.start()
        start = time.perf_counter()
        sampler.select(view, K, np.random.default_rng(seed))
        seconds.append(time.perf_counter() - start)
        end.cancel()
    after = resident_mib(peak=True)
    more = None if before is None or after is None else round(after - before)
    result = {"n": n, "median_s": round(statistics.median(seconds), 6), "more_mib": more}
    sys.stdout.write(json.dumps(result) + "\n")


def measure(name: str, sizes: list[int], limit: float, seed: int) -> dict[str, Any]:
    """Measure one size after another, each in its own process."""
    found: list[dict[str, Any]] = []
    for n in sizes:
        words = ["--run", name, "--sizes", str(n), "--limit", str(limit), "--seed", str(seed)]
        command = [sys.executable, "-m", "benchmarks.micro.samplers", *words]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name}: {done.stderr}")
        if not done.stdout:
            break
        found.append(json.loads(done.stdout))
    exponents = [
        round(math.log(more["median_s"] / less["median_s"]) / math.log(more["n"] / less["n"]), 2)
        for less, more in pairwise(found)
    ]
    return {"sizes": found, "exponents": exponents, "over_the_limit": sizes[len(found) :]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(BUILTIN_PARTS["sampler"][1])
    parser.add_argument("--names", nargs="*", default=names, choices=names, metavar="NAME")
    parser.add_argument("--sizes", nargs="*", type=int, default=[1_000, 10_000, 100_000], help="unlabelled images")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of one choice")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", choices=names, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    if options.run:
        run(options.run, options.sizes[0], options.limit, options.seed)
        return
    machine = describe()  # before the work, so that the load is that of others
    results = {
        name: measure(name, options.sizes, options.limit, options.seed) for name in track(options.names, "Samplers")
    }
    report = {
        "benchmark": "samplers",
        "machine": machine,
        "setting": {
            "dim": DIM,
            "classes": CLASSES,
            "labelled": LABELLED,
            "k": K,
            "limit_s": options.limit,
            "seed": options.seed,
            "memory": "the peak of the process's resident memory over what it had before the choice",
        },
        "results": results,
    }
    write_report(report, options.out)


if __name__ == "__main__":
    main()
