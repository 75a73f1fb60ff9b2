"""A campaign on a pool of many millions of rows, by shards: time, peak memory, and whether the choice is the same.

    python -m benchmarks.large_pool                                    # 10 million rows: minutes of one core, 0.7 GB
    python -m benchmarks.large_pool --rows 1000000 --alone             # and the samplers by themselves, to compare
    python -m benchmarks.large_pool --compute ray                      # on a Ray cluster (plugin alframe-ray)

The rows are artificial: clusters of unequal size, in half precision, in one mapped file. In each round, `over_shards`
chooses a batch by kcenter and a batch by margin (head=linear). The labels of both batches are their clusters.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.kit.chunks import row_slices
from alframe.kit.pool_views import make_pool_view
from alframe.samplers.over_shards import OverShards
from alframe.types import Ints
from benchmarks.machine import describe, resident_mib, write_report

CLUSTERS, CLASSES = 2000, 20


def make_pool(file: Path, rows: int, dim: int) -> tuple[Any, Ints]:
    """Write `rows` embeddings of clusters of unequal size; return them (mapped, float16) and their classes (n,)."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CLUSTERS, dim)).astype(np.float32)
    shares = 1 / np.arange(1, CLUSTERS + 1)
    classes = np.empty(rows, np.int64)
    x = np.lib.format.open_memmap(file, "w+", np.float16, (rows, dim))
    for chunk in row_slices(rows, 1 << 18):
        cluster = rng.choice(CLUSTERS, chunk.stop - chunk.start, p=shares / shares.sum())
        x[chunk] = centres[cluster] + 0.3 * rng.normal(size=(len(cluster), dim)).astype(np.float32)
        classes[chunk] = cluster % CLASSES
    x.flush()
    return np.load(file, mmap_mode="r"), classes


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return the time and memory of each round, and whether the choices are the same."""
    x, classes = make_pool(folder / "pool.npy", options.rows, options.dim)
    labelled = np.sort(np.random.default_rng(1).choice(options.rows, 500, replace=False))
    compute = None if options.compute is None else REGISTRIES["compute"].build({"name": options.compute})
    rounds = []
    for number in range(options.rounds):
        head: Any = REGISTRIES["head"].build({"name": "linear"})
        head.fit(np.asarray(x[labelled], np.float32), classes[labelled], CLASSES, np.random.default_rng(number))
        candidates = np.setdiff1d(np.arange(options.rows), labelled)
        found: dict[str, Any] = {"labels": len(labelled)}
        batch = [labelled]
        for name in ("kcenter", "margin"):
            samplers: dict[str, Any] = {"over_shards": OverShards(name)}
            if compute is not None:
                samplers["over_shards"].use_compute(compute)
            if options.alone:
                samplers["alone"] = REGISTRIES["sampler"].build({"name": name})
            keys = {}
            for how, sampler in samplers.items():
                start, cpu_start = time.perf_counter(), time.process_time()
                rng = np.random.default_rng(number)
                view = make_pool_view(sampler, x, candidates, labelled, classes[labelled], rng, head)
                keys[how] = sampler.select(view, options.k, rng).keys
                found[f"{name}_{how}_s"] = round(time.perf_counter() - start, 2)
                found[f"{name}_{how}_cpu_s"] = round(time.process_time() - cpu_start, 2)
            if options.alone:
                found[f"{name}_same"] = bool((keys["alone"] == keys["over_shards"]).all())
            batch.append(keys["over_shards"])
        labelled = np.unique(np.concatenate(batch))
        rounds.append({**found, "peak_resident_mib": resident_mib(peak=True)})
    return {"file_mib": x.nbytes >> 20, "rounds": rounds}


def main() -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--dim", type=int, default=32)
    parser.add_argument("--k", type=int, default=1000, help="images of each batch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="let the samplers choose without shards as well")
    parser.add_argument("--compute", help="the name of a compute; without one, this process works on the shards")
    parser.add_argument("--folder", type=Path, help="where the file is written; by default a temporary folder")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        found = run(options, Path(folder))
    sizes = {name: getattr(options, name) for name in ("rows", "dim", "k", "compute")}
    write_report({"machine": describe(), **sizes, **found}, options.out)


if __name__ == "__main__":
    main()
