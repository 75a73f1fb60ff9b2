"""The speed of embedding on a Ray cluster, by number of machines: `compute=ray` compared with `local`.

    python -m benchmarks.cluster --images FOLDER --work FOLDER --out cluster.json

All machines are simulated on this machine. Each is a Ray node with one CPU. The command runs on a further node, which
stays free. So this machine needs a core for each node, and should do nothing else. Each compute embeds the same images,
512 in a shard, with one thread in each process, and stores them. The files must be identical. The start of the cluster,
the actors and their libraries is timed separately (`start_s`). Needs alframe-ray.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.contracts import Compute
from alframe.engine.embedding.embed_pool import SHARD_SIZE, update_pool_embedding
from alframe.engine.embedding.embedder import Embedder, make_embedder
from alframe.store.features import FeatureStore
from alframe.store.file_cache import FileCache
from alframe.testing.shard_functions import shard_lengths
from alframe.types import Item
from benchmarks.machine import describe, write_report
from benchmarks.real import RECIPE

Runs = list[dict[str, float]]


@contextmanager
def local(_: int) -> Iterator[Compute]:
    """Yield a compute with one thread of this process."""
    yield REGISTRIES["compute"].build({"name": "local", "device": "cpu", "workers": 0})


@contextmanager
def cluster(nodes: int) -> Iterator[Compute]:
    """Yield a compute with so many machines of one CPU each, after the start of its actors."""
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        for _ in range(nodes):
            made.add_node(num_cpus=1)
        compute: Compute = REGISTRIES["compute"].build({"name": "ray", "address": made.address})
        assert list(compute.map_shards(shard_lengths, [[0]] * 8 * nodes)) == [1] * 8 * nodes
        yield compute
    finally:
        ray.shutdown()
        made.shutdown()


def embed(items: list[Item], embedder: Embedder, folder: Path, compute: Compute) -> dict[str, bytes]:
    """Embed the items, and return the content of each file of features."""
    cache = FileCache(folder / "contents.sqlite")
    present = np.ones(len(items), np.bool_)
    update_pool_embedding(items, present, embedder, lambda name: FeatureStore(folder / name), cache, compute)
    return {file.name: file.read_bytes() for file in sorted(folder.rglob("*.npy"))}


def measure(
    where: Callable[[int], Any], nodes: int, items: list[Item], embedder: Embedder, work: Path
) -> tuple[dict[str, float], dict[str, bytes]]:
    """Return the seconds of one run, and its files."""
    since = time.perf_counter()
    with where(nodes) as compute:
        started = time.perf_counter()
        files = embed(items, embedder, Path(mkdtemp(dir=work)), compute)
        seconds = time.perf_counter() - started
    rounded = {"start_s": round(started - since, 1), "seconds": round(seconds, 1)}
    return rounded | {"images_per_s": round(len(items) / seconds, 1)}, files


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="a folder with images, at any depth")
    parser.add_argument("--work", type=Path, required=True, help="a folder for the features")
    parser.add_argument("--limit", type=int, default=5120, help="take so many images at most")
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=2, help="the computes take turns so often")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    os.environ["RAY_AUTH_MODE"], os.environ["OMP_NUM_THREADS"] = "disabled", "1"
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    machine = describe()
    items = list(REGISTRIES["pool"].build({"name": "folder", "root": options.images}).items())[: options.limit]
    embedder = make_embedder(REGISTRIES["backbone"].build(RECIPE), RECIPE, 0, "cpu")
    computes = {"local": (local, 1), **{f"ray on {count} nodes": (cluster, count) for count in options.nodes}}
    runs: dict[str, Runs] = {name: [] for name in computes}
    expected: dict[str, bytes] = {}
    for _ in range(options.repeats):
        for name, (where, nodes) in computes.items():
            found, files = measure(where, nodes, items, embedder, options.work)
            expected = expected or files
            assert files == expected, f"{name}: other features than those of one process"
            runs[name].append(found)
    best = {name: min(run["seconds"] for run in found) for name, found in runs.items()}
    shards = -(-len(items) // SHARD_SIZE)
    report = {"benchmark": "cluster", "machine": machine, "images": len(items), "shards": shards, "runs": runs}
    report["over_local"] = {name: round(best["local"] / seconds, 2) for name, seconds in best.items()}
    write_report(report, options.out)


if __name__ == "__main__":
    main()
