"""Active learning in about 100 lines: a small version of alframe, without files, people and restarts.

Run it with `python examples/minimal_loop.py` (some seconds). It learns to read handwritten digits, and shows that the
accuracy is higher if a sampler chooses the labelled images than if they are drawn at random. The docstrings name the
code of alframe that does the same in full.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BATCH = 10  # images whose labels are requested in each round
ROUNDS = 9


def load_pool() -> tuple[Floats, Ints, Floats, Ints]:
    """Return images (N, 64) and their classes (N,), then the images and classes of the test set.

    In alframe a pool lists image files (alframe/pools), a backbone turns them into embeddings (alframe/backbones), and
    whole bursts are held out for testing (alframe/engine/listing). Here the 64 pixels of an image are its embedding.
    """
    images, classes = load_digits(return_X_y=True)
    pool, test, pool_classes, test_classes = train_test_split(images / 16, classes, test_size=0.3, random_state=0)
    return pool, pool_classes, test, test_classes


def choose_first(pool: Floats, rng: np.random.Generator) -> Ints:
    """Return the first batch. There is no model yet, so it is drawn at random.

    By default, alframe takes images that are typical of the pool (alframe/samplers/kmeans.py).
    """
    return rng.choice(len(pool), BATCH, replace=False)


def choose_by_margin(head: LogisticRegression, pool: Floats, candidates: Ints) -> Ints:
    """Return the candidates whose two most probable classes have the most similar probabilities (Scheffer et al. 2001).

    This is `sampler=margin` (alframe/samplers/uncertainty.py). Other samplers choose images that differ from the
    labelled images (kcenter.py), or images with both properties (badge.py, adaptive.py).
    """
    second, first = np.sort(head.predict_proba(pool[candidates]), axis=1)[:, -2:].T
    return candidates[np.argsort(first - second, kind="stable")[:BATCH]]


def ask(chosen: Ints, true_classes: Ints) -> dict[int, int]:
    """Return the answers to a batch.

    Here the classes are known, as in a simulation (alframe/label_sources/simulated.py). People answer in the browser,
    in Timelapse or in a table; days may pass, and answers may be missing or contradict each other (alframe/loop).
    """
    return {int(row): int(true_classes[row]) for row in chosen}


def fit_head(pool: Floats, labels: dict[int, int]) -> LogisticRegression:
    """Return a small classifier, fitted to all labels so far (alframe/heads)."""
    rows = np.array(list(labels))
    return LogisticRegression(max_iter=1000).fit(pool[rows], list(labels.values()))


def run(sampler: str, seed: int) -> list[float]:
    """Return the accuracy on the test set after each round.

    alframe does the same in alframe/loop/round.py, and writes each step into a ledger, so that a stopped campaign
    continues where it was (alframe/store/ledger.py).
    """
    rng = np.random.default_rng(seed)
    pool, true_classes, test, test_classes = load_pool()
    labels = ask(choose_first(pool, rng), true_classes)
    accuracies = []
    for _ in range(ROUNDS):
        head = fit_head(pool, labels)
        accuracies.append(float(head.score(test, test_classes)))
        candidates = np.setdiff1d(np.arange(len(pool)), list(labels))
        if sampler == "margin":
            chosen = choose_by_margin(head, pool, candidates)
        else:
            chosen = rng.choice(candidates, BATCH, replace=False)
        labels |= ask(chosen, true_classes)
    return accuracies


def main() -> None:
    """Print the mean learning curves over five seeds."""
    curves = {sampler: np.mean([run(sampler, seed) for seed in range(5)], axis=0) for sampler in ("random", "margin")}
    print("labels  random  margin")
    for number, (random, margin) in enumerate(zip(*curves.values(), strict=True), start=1):
        print(f"{number * BATCH:6d}  {random:6.1%}  {margin:6.1%}")


if __name__ == "__main__":
    main()
