"""GALAXY."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.samplers.galaxy import Galaxy
from alframe.samplers.uncertainty import Margin
from alframe.testing.sampler import SamplerSuite, tiny_keys, tiny_view
from alframe.types import Need, PoolView

NEEDS = {Need.PROBS, Need.LABELLED_PROBS, Need.LABELS}


def two_classes(first, labelled, labels, keys=None):
    """A view by the probability of class 0 of each image; the rest of it is class 1's."""
    fields = {
        Need.PROBS: np.stack([first, 1 - np.array(first)], axis=1).astype(np.float32),
        Need.LABELLED_PROBS: np.stack([labelled, 1 - np.array(labelled)], axis=1).astype(np.float32),
        Need.LABELS: np.array(labels, np.int64),
    }
    return PoolView(np.arange(len(first)) if keys is None else keys, fields)


class TestGalaxy(SamplerSuite):
    make = Galaxy

    def obvious_choice(self):
        keys = tiny_keys(11)
        return two_classes(np.linspace(0.9, 0.1, 11), [0.95, 0.05], [0, 1], keys), int(keys[5])


def choose(view, k, seed=0):
    return Galaxy().select(view, k, np.random.default_rng(seed)).keys.tolist()


def by_scan(view, k, rng):
    """The line of a two-class pool, walked from end to end for each choice: the published algorithm, label by label."""
    probs = np.concatenate([view.probs, view.labelled_probs])[:, 0]
    label = [int(row.argmax()) for row in view.probs] + view.labels.tolist()
    order = sorted(range(len(probs)), key=lambda row: -probs[row])
    known = [row >= len(view) for row in range(len(probs))]
    chosen = []
    for _ in range(k):
        best: tuple[int, list[int]] | None = None
        run: list[int] = []
        last = None
        for row in order:
            if not known[row]:
                run.append(row)
                continue
            if last is not None and run and label[row] != label[last] and (best is None or len(run) < best[0]):
                best = (len(run), run)
            last, run = row, []
        assert best is not None, "this walk knows gaps only"
        row = best[1][(best[0] - 1) // 2]
        known[row] = True
        chosen.append(row)
    return chosen


@pytest.mark.parametrize("seed", range(5))
def test_gaps_are_halved_the_shortest_first(seed):
    rng = np.random.default_rng(seed)
    view = two_classes(rng.random(300), rng.random(12), rng.integers(0, 2, 12))
    assert choose(view, 4, seed) == by_scan(view, 4, rng)


def test_the_true_end_of_a_class_is_found_in_a_few_rounds():
    """The head's own threshold is at 0.5, the truth at 0.15: one label a round halves the gap, 7 find it in 100."""
    first = np.linspace(0.99, 0.005, 100)
    truth = (first < 0.15).astype(np.int64)  # class 1
    asked: list[int] = []
    for step in range(7):
        left = np.array([row for row in range(100) if row not in asked])
        known = np.concatenate([[0.999, 0.001], first[asked]])
        view = two_classes(first[left], known, [0, 1, *truth[asked]], left)
        asked += choose(view, 1, step)
    edge = int(truth.argmax())
    assert {edge - 1, edge} <= set(asked)


def test_beside_the_change_once_no_gap_is_left():
    first = np.linspace(0.9, 0.1, 9)
    # The two labelled ones stand side by side between rows 3 (0.6) and 4 (0.5); the head agrees with both.
    assert sorted(choose(two_classes(first, [0.56, 0.54], [0, 1]), 1)) in ([3], [4])
    assert sorted(choose(two_classes(first, [0.56, 0.54], [0, 1]), 2)) == [3, 4]
    assert sorted(choose(two_classes(first[:4], [0.56, 0.54], [0, 1]), 2)) == [2, 3], "the line ends on the other side"
    # As above, but known the other way round than the head has it: that is a change all the same.
    assert choose(two_classes(first, [0.56, 0.54], [1, 0]), 1)[0] in (3, 4)


def test_the_classes_take_turns_however_rare():
    """One in a hundred is rare: margin asks where the common classes meet, and hardly ever for the rare."""
    rng = np.random.default_rng(0)
    n = 2000
    rare = np.arange(n) % 100 == 0
    probs = np.zeros((n, 3))
    probs[:, 2] = np.where(rare, rng.uniform(0.3, 0.9, n), rng.uniform(0, 0.1, n))
    share = rng.uniform(0.4, 0.6, n)
    probs[:, 0] = (1 - probs[:, 2]) * share
    probs[:, 1] = (1 - probs[:, 2]) * (1 - share)
    known = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.05, 0.0, 0.95]])
    view = PoolView(
        np.arange(n),
        {
            Need.PROBS: probs.astype(np.float32),
            Need.LABELLED_PROBS: known.astype(np.float32),
            Need.LABELS: np.arange(3),
        },
    )
    by_margin = Margin().select(view, 30, np.random.default_rng(0)).keys
    assert rare[by_margin].sum() < 3
    for seed in range(4):
        assert 7 <= rare[choose(view, 30, seed)].sum() <= 20, "a third of the turns, and what is near by chance"


def test_with_labels_of_one_class_only_it_is_random():
    view = two_classes(np.full(50, 0.9), [0.9, 0.8], [0, 0])
    assert len({choose(view, 1, seed)[0] for seed in range(40)}) > 20


def test_equal_probabilities_are_not_in_the_pools_order():
    view = two_classes(np.full(101, 0.5), [0.9, 0.1], [0, 1])
    assert len({choose(view, 1, seed)[0] for seed in range(40)}) > 25


@pytest.mark.parametrize("classes", [1, 2, 3, 7])
def test_the_whole_pool_in_the_end(classes):
    view = tiny_view(NEEDS, n=60, labelled=20, classes=classes)
    assert sorted(choose(view, 60)) == sorted(view.keys.tolist())
