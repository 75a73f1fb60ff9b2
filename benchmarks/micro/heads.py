"""Training of a head: alframe's heads compared with scikit-learn's defaults and a plain MLPClassifier.

    python -m benchmarks.micro.heads                            # some minutes, on made-up clusters
    python -m benchmarks.micro.heads --features x.npy --classes y.npy --skip "MLPClassifier"

Peers run in turn (A B C A B C ...), so that other work on the machine affects all of them equally. The accuracy is
measured on images without a label.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.contracts import Head
from alframe.types import Floats, Ints
from benchmarks.machine import describe, write_report

TEST = 1000
Fit = Callable[[Floats, Ints, Floats], Ints]  # examples, their classes, and images whose classes are wanted


def ours(name: str) -> Fit:
    def predict(x: Floats, y: Ints, test: Floats) -> Ints:
        head: Head = REGISTRIES["head"].build({"name": name})
        head.fit(x, y, int(y.max()) + 1, np.random.default_rng(0))
        return np.asarray(head.probs(test).argmax(axis=1))

    return predict


def logistic_regression(x: Floats, y: Ints, test: Floats) -> Ints:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return np.asarray(make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y).predict(test))


def mlp_classifier(x: Floats, y: Ints, test: Floats) -> Ints:
    """Train two hidden layers until nothing changes, as in an earlier program for camera traps."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier((230, 100), alpha=1e-4, max_iter=2000, tol=1e-6, learning_rate_init=1e-4, random_state=0)
    return np.asarray(model.fit(x, y).predict(test))


PEERS: dict[str, Fit] = {
    name: ours(name) for name in ("auto", "linear", "laplace", "calibrated", "prototype", "knn", "mlp")
} | {
    "LogisticRegression": logistic_regression,
    "MLPClassifier": mlp_classifier,
}


def made_up(n: int, dim: int, seed: int) -> tuple[Floats, Ints]:
    """Return (n, dim) features of 10 overlapping classes of unequal size, and the classes."""
    rng = np.random.default_rng(seed)
    y = rng.choice(10, n, p=rng.dirichlet(np.full(10, 2.0)))
    centres = rng.normal(size=(10, dim)) * 0.12
    return np.maximum(centres[y] + rng.normal(size=(n, dim)), 0).astype(np.float32), y


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, nargs="*", default=[500, 5000])
    parser.add_argument("--dim", type=int, default=1280)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--features", type=Path, help=".npy (n, D) to use in place of made-up clusters")
    parser.add_argument("--classes", type=Path, help=".npy (n,) of class numbers, with --features")
    parser.add_argument("--skip", nargs="*", default=[], choices=list(PEERS), metavar="PEER")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # LogisticRegression's defaults stop early, and say so
    machine = describe()  # before the work, so that the load is that of others
    if options.features:
        x, y = np.load(options.features).astype(np.float32), np.load(options.classes).astype(np.int64)
    else:
        x, y = made_up(max(options.labels) + TEST, options.dim, options.seed)
    order = np.random.default_rng(options.seed).permutation(len(x))
    test, train = order[:TEST], order[TEST:]
    peers = {name: peer for name, peer in PEERS.items() if name not in options.skip}
    results = {}
    for m in options.labels:
        seconds: dict[str, list[float]] = {name: [] for name in peers}
        accuracy = {}
        for _ in range(options.repeats):
            for name, peer in peers.items():
                begin = time.perf_counter()
                predicted = peer(x[train[:m]], y[train[:m]], x[test])
                seconds[name].append(round(time.perf_counter() - begin, 3))
                accuracy[name] = float((predicted == y[test]).mean())
        results[str(m)] = {
            name: {"median_s": statistics.median(all_), "all_s": all_, "accuracy": round(accuracy[name], 3)}
            for name, all_ in seconds.items()
        }
    report = {
        "benchmark": "heads",
        "machine": machine,
        "setting": {
            "data": options.features.name if options.features else "clusters",
            "dim": x.shape[1],
            "test": TEST,
            "order": "in turn",
            "time": "fit, and the probabilities of the test images",
        },
        "results": results,
        "left_out": options.skip,
    }
    write_report(report, options.out)


if __name__ == "__main__":
    main()
