"""The time of a batch with the default sampler, as a multiple of margin's, for 100,000 images of 1,280 numbers.

    python -m benchmarks.micro.batch_cost                         # a minute, and 2 GB of memory

A batch means: predict the pool, and choose 100 images, with a linear head that was fitted on 200 images of 20 classes.
The samplers take turns in one process. Seconds are processor time, which hardly depends on other work on the machine.
The first turn, which imports and compiles, does not count.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.kit.chunks import row_slices
from alframe.kit.pool_views import make_pool_view
from benchmarks.machine import describe, resident_mib, write_report
from benchmarks.micro.samplers import build_sampler

IMAGES, DIM, CLASSES, LABELLED, K = 100_000, 1280, 20, 200, 100
NAMES = ("margin", "adaptive", "uherding")
TURNS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    machine, rng, count = describe(), np.random.default_rng(0), options.images + LABELLED
    centres = rng.normal(size=(5 * CLASSES, DIM)).astype(np.float32)
    heap = rng.integers(0, len(centres), count)
    x = np.empty((count, DIM), np.float32)
    for rows in row_slices(count):
        x[rows] = centres[heap[rows]] + 1.5 * rng.normal(size=(rows.stop - rows.start, DIM)).astype(np.float32)
    y, labelled, pool = heap[:LABELLED] % CLASSES, np.arange(LABELLED), np.arange(LABELLED, count)
    head = REGISTRIES["head"].build({"name": "linear"})
    head.fit(x[:LABELLED], y, CLASSES, rng)
    before = resident_mib(peak=False)
    seconds: dict[str, list[float]] = {name: [] for name in NAMES}
    for _ in range(TURNS):
        for name in NAMES:
            sampler, since = build_sampler(name), time.process_time()
            view = make_pool_view(sampler, x, pool, labelled, y, rng, head)
            sampler.select(view, K, np.random.default_rng(0))
            seconds[name].append(time.process_time() - since)
    medians = {name: statistics.median(each[1:]) for name, each in seconds.items()}
    results = {
        name: {"cpu_s": round(medians[name], 2), "times_margin": round(medians[name] / medians["margin"], 2)}
        for name in NAMES
    }
    setting = {"images": options.images, "dim": DIM, "classes": CLASSES, "labelled": LABELLED, "batch": K}
    report = {"benchmark": "batch_cost", "machine": machine, "setting": setting, "results": results}
    after = resident_mib(peak=True)
    more = None if before is None or after is None else round(after - before)
    write_report(report | {"more_mib": more}, options.out)


if __name__ == "__main__":
    main()
