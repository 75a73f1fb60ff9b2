"""alframe's k-center compared with the textbook and scikit-activeml: time, memory, and whether the choice is the same.

    python -m benchmarks.micro.kcenter                                  # under a minute
    python -m benchmarks.micro.kcenter --pool 100000 --labelled 1000 --k 200 --skip scikit-activeml
    python -m benchmarks.micro.kcenter --pool 200000 --dim 256 --labelled 500 --k 1000 --from-file 1000000
    python -m benchmarks.micro.kcenter --features features.npy          # drawn from real embeddings

All peers run in turn (A B C A B C ...), so that other work on the machine affects all of them equally. Memory is traced
in a separate run, because tracing takes time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from alframe.samplers.kcenter import KCenter
from alframe.types import Floats, Need, PoolView
from benchmarks.machine import describe, reading_s, write_report
from benchmarks.real import resampled

Peer = Callable[[Floats, Floats, int], list[int]]


def ours(x: Floats, labelled: Floats, k: int) -> list[int]:
    view = PoolView(np.arange(len(x)), {Need.FEATURES: x, Need.LABELLED_FEATURES: labelled})
    chosen: list[int] = KCenter().select(view, k, np.random.default_rng(0)).keys.tolist()
    return chosen


def textbook(x: Floats, labelled: Floats, k: int) -> list[int]:
    """The greedy rule in good numpy code: norms are computed once, and each step is one BLAS product over the pool."""
    norms = np.einsum("ij,ij->i", x, x)
    others = np.einsum("ij,ij->i", labelled, labelled)
    nearest = np.empty(len(x), np.float32)
    for start in range(0, len(x), 4096):
        rows = slice(start, start + 4096)
        nearest[rows] = norms[rows] + (others - 2 * (x[rows] @ labelled.T)).min(axis=1)
    chosen: list[int] = []
    for _ in range(k):
        best = int(nearest.argmax())
        chosen.append(best)
        np.minimum(nearest, norms + norms[best] - 2 * (x @ x[best]), out=nearest)
        nearest[chosen] = -1
    return chosen


def textbook_faiss(x: Floats, labelled: Floats, k: int) -> list[int]:
    """The greedy rule with FAISS for all distances: an index of the labelled rows, then one of each new centre."""
    import faiss

    def distances(centres: Floats) -> Floats:
        index = faiss.IndexFlatL2(x.shape[1])
        index.add(np.ascontiguousarray(centres))
        found: Floats = index.search(x, 1)[0][:, 0]
        return found

    nearest = distances(labelled)
    chosen: list[int] = []
    for _ in range(k):
        best = int(nearest.argmax())
        chosen.append(best)
        np.minimum(nearest, distances(x[best : best + 1]), out=nearest)
        nearest[chosen] = -1
    return chosen


def reference_code(x: Floats, labelled: Floats, k: int) -> list[int]:
    """The rule of most published core-set code: each step computes distances to one new centre by scikit-learn."""
    from sklearn.metrics import pairwise_distances, pairwise_distances_argmin_min

    nearest = pairwise_distances_argmin_min(x, labelled)[1]
    chosen: list[int] = []
    for _ in range(k):
        best = int(nearest.argmax())
        chosen.append(best)
        nearest = np.minimum(nearest, pairwise_distances(x, x[best : best + 1])[:, 0])
        nearest[chosen] = -1
    return chosen


def scikit_activeml(x: Floats, labelled: Floats, k: int) -> list[int]:
    from skactiveml.pool import CoreSet

    both = np.concatenate([x, labelled])
    y = np.concatenate([np.full(len(x), np.nan), np.zeros(len(labelled))])
    chosen: list[int] = CoreSet(random_state=0).query(both, y, batch_size=k).tolist()
    return chosen


PEERS: dict[str, Peer] = {
    "alframe": ours,
    "textbook (numpy, BLAS)": textbook,
    "textbook (FAISS)": textbook_faiss,
    "textbook (scikit-learn)": reference_code,
    "scikit-activeml": scikit_activeml,
}


def embeddings(n: int, dim: int, seed: int) -> Floats:
    """Return rows (n, dim) of 200 clusters of unequal size and width, rectified as pooled activations are."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(200, 0.5))
    cluster = rng.choice(200, n, p=weights)
    centres = rng.gamma(0.5, 1.0, (200, dim)).astype(np.float32)
    width = rng.gamma(4.0, 0.1, (n, 1)).astype(np.float32)
    x: Floats = np.maximum(centres[cluster] + width * rng.normal(size=(n, dim)).astype(np.float32), 0)
    return x


def measure(peers: dict[str, Peer], x: Floats, labelled: Floats, k: int, repeats: int) -> dict[str, object]:
    """Measure seconds (median and all), peak MiB without the data, and whether all choose the same images."""
    chosen, peaks = {}, {}
    for name, peer in peers.items():  # the first run also warms up imports and threads
        tracemalloc.start()
        chosen[name] = peer(x, labelled, k)
        peaks[name] = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name, peer in peers.items():
            begin = time.perf_counter()
            peer(x, labelled, k)
            seconds[name].append(round(time.perf_counter() - begin, 4))
    first = set(next(iter(chosen.values())))
    return {
        name: {
            "median_s": statistics.median(seconds[name]),
            "all_s": seconds[name],
            "peak_mib": round(peaks[name], 1),
            "same_images": set(chosen[name]) == first,
            "ratio": round(statistics.median(seconds[name]) / statistics.median(seconds[next(iter(peers))]), 1),
        }
        for name in peers
    }


def from_file(rows: int, dim: int, m: int, k: int, seed: int) -> dict[str, object]:
    """Measure a choice from a mapped float16 file of artificial clusters: seconds and, on Linux, anonymous MiB."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "features.npy"
        mapped = np.lib.format.open_memmap(file, "w+", np.float16, (rows, dim))
        for start in range(0, rows, 50_000):
            part = mapped[start : start + 50_000]
            part[:] = embeddings(len(part), dim, seed + start)
        del mapped, part
        words = ["--file", str(file), "--labelled", str(m), "--k", str(k)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.micro.kcenter", *words], capture_output=True, text=True, check=True
        )
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return {"rows": rows, "dim": dim, "labelled": m, "k": k, "type": "float16, memory-mapped"} | found


def choose_from(file: Path, m: int, k: int) -> dict[str, object]:
    x = np.load(file, mmap_mode="r")
    peak, done = [0.0], threading.Event()

    def watch() -> None:  # mapped pages of the file are the system's to keep or drop: they do not count
        while not done.wait(0.01):
            peak[0] = max(peak[0], anonymous_mib())

    watcher = threading.Thread(target=watch)
    if sys.platform == "linux":
        watcher.start()
    view = PoolView(np.arange(len(x) - m), {Need.FEATURES: x[m:], Need.LABELLED_FEATURES: x[:m]})
    sampler, seconds = KCenter(), []
    for _ in range(2):  # the second finds distances remembered
        begin = time.perf_counter()
        sampler.select(view, k, np.random.default_rng(0))
        seconds.append(round(time.perf_counter() - begin, 3))
    done.set()
    return {"first_s": seconds[0], "again_s": seconds[1], "peak_anonymous_mib": round(peak[0]) or None}


def anonymous_mib() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=int, default=8_000, help="unlabelled images")
    parser.add_argument("--labelled", type=int, default=200)
    parser.add_argument("--dim", type=int, default=1280)
    parser.add_argument("--k", type=int, default=25, help="images to choose")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--features", type=Path, help=".npy (n, D) of real embeddings, to draw the pool from")
    parser.add_argument("--skip", nargs="*", default=[], choices=list(PEERS), metavar="PEER")
    parser.add_argument("--from-file", type=int, help="one choice from so many rows of a memory-mapped float16 file")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    if options.file:
        sys.stdout.write(json.dumps(choose_from(options.file, options.labelled, options.k)) + "\n")
        return

    missing = [] if find_spec("skactiveml") else ["scikit-activeml"]
    peers = {name: peer for name, peer in PEERS.items() if name not in [*options.skip, *missing]}
    machine = describe()  # before the work, so that the load is that of others
    if options.features:
        x = resampled(np.load(options.features), options.pool + options.labelled, options.dim, options.seed)
    else:
        x = embeddings(options.pool + options.labelled, options.dim, options.seed)
    order = np.random.default_rng(options.seed).permutation(len(x))
    labelled, pool = x[order[: options.labelled]], x[order[options.labelled :]]
    results = measure(peers, pool, labelled, options.k, options.repeats)
    report: dict[str, object] = {
        "benchmark": "kcenter",
        "machine": machine,
        "setting": {
            "data": options.features.name if options.features else "clusters",
            "pool": len(pool),
            "labelled": len(labelled),
            "dim": pool.shape[1],
            "k": options.k,
            "seed": options.seed,
            "order": "in turn",
            "memory": "tracemalloc: what Python and numpy allocate; inside FAISS it sees nothing",
        },
        "results": results,
        "limit_s": reading_s(pool),
        "left_out": options.skip + missing,
    }
    if options.from_file:
        report["from_file"] = from_file(options.from_file, options.dim, options.labelled, options.k, options.seed)
    write_report(report, options.out)


if __name__ == "__main__":
    main()
