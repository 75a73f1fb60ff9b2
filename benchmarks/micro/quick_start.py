"""The quick start of each library for active learning, on the same task: lines of code, seconds, and peak memory.

    python -m benchmarks.micro.quick_start                  # some minutes

modAL 0.4.2 needs scikit-learn before 1.6: ``--python modAL=PATH`` runs it with another Python.

Each peer does the task as in its own documentation, in its own process. Processes take turns, and the median of the
repeats counts. Lines are the lines of the function below, with imports and without blank lines. Seconds are processor
time, which hardly depends on other programs. Seconds and memory are counted after the imports and after a first run on
400 rows.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alframe.types import Floats, Ints
from benchmarks.machine import describe, resident_mib, write_report

CLASSES, TEST = 10, 2000
Peer = Callable[[Floats, Ints, Floats, Ints], float]  # rows, their classes, test rows and theirs: what the task gives


def loop_alframe(x: Floats, y: Ints, x_test: Floats, y_test: Ints) -> float:
    import alframe as al

    campaign = al.Campaign(x, sampler="margin", head="linear")
    campaign.tell(range(20), y[:20])
    for _ in range(10):
        chosen = campaign.ask(20)
        campaign.tell(chosen.keys, y[chosen.rows])
    return campaign.evaluate(x_test, y_test).accuracy


def loop_scikit_activeml(x: Floats, y: Ints, x_test: Floats, y_test: Ints) -> float:
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import UncertaintySampling
    from skactiveml.utils import MISSING_LABEL
    from sklearn.linear_model import LogisticRegression

    known = np.full(len(x), MISSING_LABEL)
    known[:20] = y[:20]
    clf = SklearnClassifier(LogisticRegression(), classes=range(CLASSES))
    strategy = UncertaintySampling(method="margin_sampling")
    for _ in range(10):
        rows = strategy.query(X=x, y=known, clf=clf, batch_size=20)
        known[rows] = y[rows]
    return float(clf.fit(x, known).score(x_test, y_test))


def loop_modal(x: Floats, y: Ints, x_test: Floats, y_test: Ints) -> float:
    from modAL.models import ActiveLearner
    from modAL.uncertainty import margin_sampling
    from sklearn.linear_model import LogisticRegression

    learner = ActiveLearner(LogisticRegression(), margin_sampling, X_training=x[:20], y_training=y[:20])
    pool, answers = x[20:], y[20:]
    for _ in range(10):
        rows, _found = learner.query(pool, n_instances=20)
        learner.teach(pool[rows], answers[rows])
        pool, answers = np.delete(pool, rows, axis=0), np.delete(answers, rows)
    return float(learner.score(x_test, y_test))


def loop_small_text(x: Floats, y: Ints, x_test: Floats, y_test: Ints) -> float:
    from sklearn.linear_model import LogisticRegression
    from small_text import BreakingTies, PoolBasedActiveLearner, SklearnClassifierFactory, SklearnDataset

    pool = SklearnDataset(x, y, target_labels=np.arange(CLASSES))
    test = SklearnDataset(x_test, y_test, target_labels=np.arange(CLASSES))
    factory = SklearnClassifierFactory(LogisticRegression(), CLASSES)
    learner = PoolBasedActiveLearner(factory, BreakingTies(), pool)
    learner.initialize_data(np.arange(20), y[:20])
    for _ in range(10):
        rows = learner.query(num_samples=20)
        learner.update(y[rows])
    return float((learner.classifier.predict(test) == y_test).mean())


def batch_alframe(x: Floats, y: Ints, x_test: Floats, y_test: Ints) -> float:
    import alframe as al

    chosen = al.select("kcenter", x, labelled=range(len(x) // 20), k=len(x) // 100)
    return float(chosen.rows.sum())


def batch_scikit_activeml(x: Floats, y: Ints, x_test: Floats, y_test: Ints) -> float:
    from skactiveml.pool import CoreSet
    from skactiveml.utils import MISSING_LABEL

    known = np.full(len(x), MISSING_LABEL)
    known[: len(x) // 20] = y[: len(x) // 20]
    rows = CoreSet().query(X=x, y=known, batch_size=len(x) // 100)
    return float(rows.sum())


def batch_small_text(x: Floats, y: Ints, x_test: Floats, y_test: Ints) -> float:
    from small_text.query_strategies.coresets import greedy_coreset

    labelled, rest = np.arange(len(x) // 20), np.arange(len(x) // 20, len(x))
    places = greedy_coreset(x, rest, labelled, len(x) // 100)
    return float(rest[places].sum())


TASKS: dict[str, dict[str, Peer]] = {
    "10 rounds of 20 by margin, from 20 labels": {
        "alframe": loop_alframe,
        "scikit-activeml": loop_scikit_activeml,
        "modAL": loop_modal,
        "small-text": loop_small_text,
    },
    "k-center: 1 % of the rows, 5 % labelled": {
        "alframe": batch_alframe,
        "scikit-activeml": batch_scikit_activeml,
        "small-text": batch_small_text,
    },
}


def lines_of(peer: Peer) -> int:
    """Count the lines of code, without the first one and blank ones."""
    return sum(bool(line.strip()) for line in inspect.getsource(peer).splitlines()[1:])


def made_up(n: int, dim: int) -> tuple[Floats, Ints]:
    """Return artificial blobs of overlapping classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, CLASSES, n)
    centres = rng.normal(size=(CLASSES, dim)) * 0.15
    return (centres[y] + rng.normal(size=(n, dim))).astype(np.float32), y


def measure(task: str, name: str, n: int, dim: int) -> dict[str, float]:
    """Do a task once in this process."""
    warnings.simplefilter("ignore")
    peer = TASKS[task][name]
    begin = time.process_time()
    x, y = made_up(400 + TEST, dim)
    peer(x[:400], y[:400], x[400:], y[400:])
    first = time.process_time() - begin
    x, y = made_up(n + TEST, dim)
    before = resident_mib(peak=False)
    begin = time.process_time()
    result = peer(x[:n], y[:n], x[n:], y[n:])
    seconds = time.process_time() - begin
    peak = resident_mib(peak=True)
    memory = {} if before is None or peak is None else {"peak_mib": peak - before}
    return {"seconds": seconds, "imports_and_400_rows_s": first, "result": result, **memory}


def packages_of(python: str) -> dict[str, str]:
    """Return the versions of the peers' packages in another Python."""
    names = ("scikit-learn", "modAL-python", "small-text", "numpy")
    code = "import json\nfrom importlib.metadata import distributions\nfound = {}\n"
    code += f"for one in distributions():\n    if one.name in {names}: found.setdefault(one.name, one.version)\n"
    done = subprocess.run([python, "-c", code + "print(json.dumps(found))"], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], metavar="PEER", help="modAL, small-text, scikit-activeml")
    parser.add_argument("--python", nargs="*", default=[], metavar="PEER=PATH", help="run a peer by another Python")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    parser.add_argument("--one", nargs=2, metavar=("TASK", "PEER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        sys.stdout.write(json.dumps(measure(options.one[0], options.one[1], options.rows, options.dim)))
        return
    machine = describe()
    pythons = dict(word.split("=", 1) for word in options.python)
    results: dict[str, dict[str, dict[str, object]]] = {}
    for task, peers in TASKS.items():
        found: dict[str, list[dict[str, float]]] = {name: [] for name in peers if name not in options.skip}
        for _ in range(options.repeats):
            for name in found:
                words = ["--rows", str(options.rows), "--dim", str(options.dim), "--one", task, name]
                command = [pythons.get(name, sys.executable), "-m", "benchmarks.micro.quick_start", *words]
                done = subprocess.run(
                    command, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
                )
                found[name].append(json.loads(done.stdout))
        own = statistics.median(one["seconds"] for one in found["alframe"])
        results[task] = {
            name: {
                "lines": lines_of(peers[name]),
                **{key: round(statistics.median(one[key] for one in all_), 3) for key in all_[0]},
                "ratio": round(statistics.median(one["seconds"] for one in all_) / own, 2),
                "all_s": [round(one["seconds"], 3) for one in all_],
            }
            for name, all_ in found.items()
        }
    report = {
        "benchmark": "quick_start",
        "machine": machine,
        "setting": {
            "data": "clusters",
            "rows": options.rows,
            "dim": options.dim,
            "order": "in turn",
            "time": "processor time of the task on one thread, after the imports and after 400 rows",
            "result": "accuracy on 2,000 test rows; of k-center, the sum of the chosen rows",
        },
        "results": results,
        "left_out": options.skip,
        "packages_of": {name: packages_of(path) for name, path in pythons.items()},
    }
    write_report(report, options.out)


if __name__ == "__main__":
    main()
