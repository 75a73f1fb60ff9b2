"""Errors on unseen labelled images, and the images of the pool that are like them."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from alframe.errors import BadParams, UnmetNeed
from alframe.samplers.active_transfer import ActiveTransfer, cross_validated_unseen_errors
from alframe.testing.sampler import SamplerSuite, tiny_keys
from alframe.types import Need, PoolView


def with_a_difficult_place(n=30, difficult=(7,), seed=0):
    """Two classes far apart, and a third place where labels are by chance; the pool has few images there."""
    rng = np.random.default_rng(seed)
    places = np.array([[20.0, 0, 0], [0, 20, 0], [0, 0, 20]])
    where = np.repeat([0, 1, 2], 20)
    labels = np.where(where == 2, rng.integers(0, 2, 60), where)
    pool = np.where(np.isin(np.arange(n), difficult), 2, np.arange(n) % 2)
    return {
        Need.FEATURES: (places[pool] + rng.normal(size=(n, 3))).astype(np.float32),
        Need.LABELLED_FEATURES: (places[where] + rng.normal(size=(60, 3))).astype(np.float32),
        Need.LABELS: labels.astype(np.int64),
        Need.IS_UNSEEN_BY_BACKBONE: np.ones(60, bool),
    }


class TestActiveTransfer(SamplerSuite):
    make = ActiveTransfer

    def obvious_choice(self):
        return PoolView(tiny_keys(30), with_a_difficult_place()), int(tiny_keys(30)[7])


def choose(fields, k, seed=0, **params):
    n = len(fields[Need.FEATURES])
    view = PoolView(np.arange(n), fields)
    return ActiveTransfer(**params).select(view, k, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(5))
def test_likely_errors_come_first_in_pools_of_any_size(seed):
    """The predecessor's needed 10,000 images."""
    chosen = choose(with_a_difficult_place(200, (3, 50, 51, 190), seed), 4, seed, batches=1)
    assert set(chosen.keys.tolist()) == {3, 50, 51, 190}


def test_a_batch_is_not_one_kind_of_error():
    fields = with_a_difficult_place(200, range(60))
    fields[Need.FEATURES][40:60] += [0, 0, 20]  # more of the difficult direction than the rest
    whole, parts = (choose(fields, 20, batches=batches).keys for batches in (1, 20))
    assert (whole >= 40).sum() == 20
    assert (parts >= 40).sum() < 20


def test_errors_are_those_on_images_not_seen():
    """One label is a slip: a model that has learned it may repeat it, one that has not finds it."""
    rng = np.random.default_rng(0)
    x = np.repeat([[9.0, 0], [0, 9]], 15, axis=0) + rng.normal(size=(30, 2))
    y = np.repeat([0, 1], 15)
    y[4] = 1
    assert np.flatnonzero(cross_validated_unseen_errors(x, y, np.ones(len(y), bool), 5, 1.0, rng)).tolist() == [4]


def test_errors_on_labels_that_fine_tuning_has_used_do_not_count():
    """Embeddings that know their labels show no errors there; those of a class that only they have are no error."""
    rng = np.random.default_rng(0)
    unseen = np.arange(60) % 2 == 0
    y = rng.integers(0, 2, 60)
    x = np.where(unseen[:, None], rng.normal(size=(60, 2)), np.eye(2)[y] * 9)
    seen_too = cross_validated_unseen_errors(x, y, np.ones(60, bool), 5, 1.0, np.random.default_rng(0))
    only_unseen = cross_validated_unseen_errors(x, y, unseen, 5, 1.0, np.random.default_rng(0))
    assert seen_too.mean() < 0.3
    assert only_unseen[unseen].mean() > 0.3
    assert not only_unseen[~unseen].any()


def test_without_a_label_that_fine_tuning_has_not_used_it_is_random(caplog):
    fields = with_a_difficult_place(200) | {Need.IS_UNSEEN_BY_BACKBONE: np.zeros(60, bool)}
    chosen = [choose(fields, 5, seed).keys.tolist() for seed in range(4)]
    assert "the model gets 0 of 0 labelled images wrong (of those that fine-tuning did not use)" in caplog.text
    assert len({tuple(one) for one in chosen}) == 4


def test_an_only_image_of_its_class_is_an_error():
    x = np.concatenate([np.repeat([[9.0, 0], [0, 9]], 10, axis=0), [[5, 5]]])
    assert np.flatnonzero(
        cross_validated_unseen_errors(
            x, np.array([0] * 10 + [1] * 10 + [2]), np.ones(21, bool), 5, 1.0, np.random.default_rng(0)
        )
    ).tolist() == [20]


@pytest.mark.parametrize(
    ("x", "y"), [(np.zeros((0, 2)), []), (np.zeros((1, 2)), [0]), (np.zeros((4, 2)), [1, 1, 1, 1])]
)
def test_nothing_to_learn_errors_from(x, y):
    assert not cross_validated_unseen_errors(
        x, np.array(y, np.int64), np.ones(len(y), bool), 5, 1.0, np.random.default_rng(0)
    ).any()


def test_without_errors_it_says_so_and_is_random(caplog):
    fields = with_a_difficult_place(200)
    easy = np.arange(40)  # the difficult ones left out
    fields |= {need: fields[need][easy] for need in (Need.LABELLED_FEATURES, Need.LABELS, Need.IS_UNSEEN_BY_BACKBONE)}
    with caplog.at_level(logging.WARNING):
        chosen = [choose(fields, 5, seed).keys.tolist() for seed in range(4)]
    assert "the model gets 0 of 40 labelled images wrong" in caplog.text
    assert len({tuple(one) for one in chosen}) == 4


def test_a_feature_that_varies_only_in_the_pool_does_no_harm():
    fields = with_a_difficult_place()
    for need in (Need.FEATURES, Need.LABELLED_FEATURES):
        fields[need] = np.column_stack([fields[need], np.full(len(fields[need]), 1e-6)]).astype(np.float32)
    fields[Need.FEATURES][:, 3] = np.random.default_rng(0).normal(size=30)
    assert choose(fields, 1).keys[0] == 7


def test_bad_input_is_refused():
    for wrong in ({"batches": 0}, {"folds": 1}, {"c": 0}):
        with pytest.raises(BadParams, match=f"sampler 'active_transfer': {next(iter(wrong))}="):
            ActiveTransfer(**wrong)
    fields = with_a_difficult_place()
    fields[Need.LABELLED_FEATURES][3] = np.nan
    with pytest.raises(UnmetNeed, match=r"1 of 60 labelled images \(first: row 3\)"):
        choose(fields, 3)
