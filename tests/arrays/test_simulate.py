"""Simulations on arrays: a tidy table, and the same as a campaign on the images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import alframe as al
from alframe.comparison.tidy import evaluated_round_rows
from alframe.errors import BadParams, BrokenPlugin
from alframe.testing import tiny_overrides, tiny_pool
from alframe.types import Need, Selection

N = 150
y = np.array(["ape", "bat", "cat"])[np.arange(N) % 3]
x = (np.random.default_rng(0).normal(size=(N, 5)) + 2 * np.eye(3, 5)[np.arange(N) % 3]).astype(np.float32)


def test_a_row_for_each_sampler_seed_and_round() -> None:
    table = al.simulate(x, y, sampler=["margin", "random"], seeds=2, budget=40, batch=10, start=10)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns[:9]) == [
        *("sampler", "seed", "round", "labels", "seconds", "selection_seconds", "n", "accuracy", "low"),
    ]
    assert table[["sampler", "seed"]].drop_duplicates().values.tolist() == [
        *(["margin", 0], ["margin", 1], ["random", 0], ["random", 1]),
    ]
    assert table.groupby(["sampler", "seed"]).labels.apply(list).tolist() == [[10, 20, 30, 40]] * 4
    assert (table.n == 30).all() and table.accuracy.between(table.low, table.high).all()
    first = table[table.labels == 10].pivot(index="seed", columns="sampler", values="accuracy")
    assert (first.margin == first.random).all(), "seed for seed they start alike"
    assert first.margin[0] != first.margin[1] or table.accuracy.nunique() > 2


def test_the_same_seed_gives_the_same_table() -> None:
    first, second = (al.simulate(x, y, sampler="badge", seeds=[3], budget=30, batch=10, start=10) for _ in range(2))
    timed = ["seconds", "selection_seconds"]
    pd.testing.assert_frame_equal(first.drop(columns=timed), second.drop(columns=timed))


def test_test_rows_are_measured_on_and_never_learned_from() -> None:
    wrong = y.copy()
    wrong[:30] = "dog"  # nobody who learned from one of these would call all of them otherwise
    table = al.simulate(x, wrong, sampler="random", test=range(30), seeds=1, budget=120, batch=60, start=60)
    assert (table.n == 30).all() and (table.accuracy == 0).all()
    assert table.labels.tolist() == [60, 120]


def test_no_sequence_is_cut() -> None:
    sequences = [f"burst {row // 5}" for row in range(N)]
    leaked = np.repeat(np.random.default_rng(1).normal(size=(N // 5, 4)), 5, axis=0)  # tells each burst, and no class
    labels = np.repeat(np.random.default_rng(2).integers(0, 2, N // 5), 5).astype(str)
    given = {"sampler": "random", "head": "knn", "seeds": 3, "budget": 90}
    apart = al.simulate(leaked, labels, sequences=sequences, per_sequence=None, **given)
    mixed = al.simulate(leaked, labels, **given)
    assert mixed[mixed.labels == 90].accuracy.min() > 0.9 > apart[apart.labels == 90].accuracy.mean()


def test_a_simulation_is_the_campaign_on_the_same_features(tmp_path: Path) -> None:
    """The same rows are held out and chosen, so the learning curves are equal."""
    words = [*tiny_overrides(tiny_pool(tmp_path / "pool", each=20), tmp_path / "runs"), "seed=3", "start.labels=6"]
    words += ["sampler=margin", "head=linear", "start.sampler=kmeans", "sequences.gap=null", "compute.batch_size=16"]
    with al.open_session(*words) as session:
        session.parts.name_of("sampler")
        run = al.build("task", "run")
        run.run(session)
        history, features = session.history(), session.features()
        ids, labels = zip(*[(item.id, item.label) for item in session.items()], strict=True)
    table = al.simulate(
        features, labels, keys=ids, sampler="margin", head="linear", seeds=[3], budget=20, batch=4, start=6
    )
    expected = pd.DataFrame(evaluated_round_rows(history, sampler="margin", seed=3))
    others = ["seconds", "selection_seconds"]
    table = table.drop(columns=[*others, "pool_accuracy"])  # which a campaign estimates by an audit
    pd.testing.assert_frame_equal(table, expected.drop(columns=others), check_exact=False, atol=1e-5)


def test_the_accuracy_of_the_whole_pool_counts_labels_as_right() -> None:
    labels = np.random.default_rng(5).choice(["a", "b"], N)  # nothing can be learned
    table = al.simulate(x, labels, sampler="random", test=range(30), seeds=3, budget=120, batch=30, start=30)
    assert (table[table.labels == 120].pool_accuracy == 1).all(), "all 120 have a label"
    first = table[table.labels == 30].pool_accuracy
    assert first.between((30 + 0.3 * 90) / 120, (30 + 0.7 * 90) / 120).all()


def test_classes_are_counted_as_they_are_found() -> None:
    rare = np.where(np.arange(N) == 77, "owl", y)
    table = al.simulate(x, rare, sampler="random", test=range(10), seeds=2, budget=140, batch=70, start=5)
    counts = table.groupby("seed").classes.apply(list)
    assert all(count[0] <= 3 and count[-1] == 4 for count in counts)


def test_what_cannot_be_is_refused() -> None:
    for given, said in (
        ({"labels": y[:5]}, "there are 5 for 150 rows"),
        ({"labels": [*y[:-1], None]}, "1 of 150 are missing"),
        ({"labels": y, "sampler": ["margin", "random", "margin"]}, "two of the name 'margin'"),
        ({"labels": y, "seeds": [1, 1]}, r"seeds=\[1, 1\]: must be"),
        ({"labels": y, "sampler": {}}, "the list is empty"),
        ({"labels": y, "seeds": 0}, "seeds=0: must be"),
        ({"labels": y, "start": 500}, "start=500: must be from 1 to budget=200"),
        ({"labels": y, "test": 1.5}, "test=1.5: must be a part of the rows"),
        ({"labels": y, "test": []}, "test names no row"),
        ({"labels": y, "test": [1000]}, "1 of 1 are not keys"),
    ):
        with pytest.raises(BadParams, match=said):
            al.simulate(x, **given)


def test_a_sampler_and_a_head_of_ones_own() -> None:
    class Last:
        needs = frozenset({Need.PROBS})

        def select(self, view, k, rng):
            return Selection(view.keys[-k:])

    table = al.simulate(x, y, sampler={"last": Last()}, seeds=1, budget=30, batch=10, start=10)
    assert table.labels.tolist() == [10, 20, 30]
    for wrong, message in (
        (Last, r"Last is a class. Give an instance: Last\(\)"),
        (len, "has no method 'select'"),
    ):
        with pytest.raises((BadParams, BrokenPlugin), match=message):
            al.simulate(x, y, sampler={"mine": wrong}, seeds=1)
    with pytest.raises(BadParams, match="give one head"):
        al.simulate(x, y, sampler="random", seeds=1, head=["linear", "prototype"])


def test_two_settings_of_one_sampler_have_names_of_their_own() -> None:
    few, many = (al.build("sampler", "margin_cluster_mean", rows=rows) for rows in (20, 50))
    with pytest.raises(BadParams, match="two of the name 'MarginClusterMean'"):
        al.simulate(x, y, sampler=[few, many])
    table = al.simulate(x, y, sampler={"few": few, "many": many}, seeds=1, budget=20, batch=10, start=10)
    assert table.sampler.unique().tolist() == ["few", "many"]
