"""What is chosen shard by shard is what is chosen at once: the same images, in the same order, with the same scores."""

from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from alframe.builtins import REGISTRIES
from alframe.errors import BadParams
from alframe.samplers.kcenter import KCenter
from alframe.samplers.over_shards import OverShards
from alframe.testing.sampler import SamplerSuite
from alframe.types import LazyFeatures, Need, PoolView


def over_shards(sampler: str, shard_rows: int = 16, offers: int = 5) -> OverShards:
    made = OverShards(sampler, offers=offers)
    made.shard_rows = shard_rows  # fewer than a user may set
    return made


class TestOverShardsByMargin(SamplerSuite):
    make = partial(over_shards, "margin")

    def obvious_choice(self):
        x = np.tile(np.array([9.0, 0, 0, 0], np.float32), (40, 1))
        x[33] = 0
        return PoolView(np.arange(100, 140), {Need.FEATURES: x}, softmax), 133


class TestOverShardsByDistance(SamplerSuite):
    make = partial(over_shards, "kcenter")


def softmax(x):
    powers = np.exp(x[:, :3] - x[:, :3].max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def views(sampler, x, labelled=()):
    """Return the view of all rows without a label for `sampler`, and that for the sampler over shards."""
    keys = np.setdiff1d(np.arange(len(x)), labelled)
    own = {Need.FEATURES: LazyFeatures(x, keys), Need.LABELLED_FEATURES: x[list(labelled)]}
    predict = None if sampler == "kcenter" else softmax
    fields = own if predict is None else {Need.FEATURES: own[Need.FEATURES]}
    alone = own if predict is None else {Need.PROBS: softmax(x[keys])}
    return PoolView(keys, alone), PoolView(keys, fields, predict)


def assert_same(sampler, x, labelled, k, **parameters):
    alone, together = views(sampler, x, labelled)
    expected = REGISTRIES["sampler"].build({"name": sampler}).select(alone, k, np.random.default_rng(1))
    found = over_shards(sampler, **parameters).select(together, k, np.random.default_rng(1))
    np.testing.assert_array_equal(found.keys, expected.keys)
    np.testing.assert_array_equal(found.scores, expected.scores)


@pytest.mark.parametrize("sampler", ["margin", "entropy", "least_confidence", "ratio", "kcenter"])
@pytest.mark.parametrize(("n", "k"), [(40, 1), (400, 60), (100, 95)])
def test_it_chooses_what_the_sampler_chooses_alone(sampler, n, k):
    x = np.random.default_rng(0).normal(size=(n, 7)).astype(np.float32)
    assert_same(sampler, x, [3, 10, n - 1], k)


@pytest.mark.parametrize("sampler", ["margin", "kcenter"])
def test_copies_are_chosen_in_the_same_order(sampler):
    x = np.repeat(np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32), 6, axis=0)
    assert_same(sampler, x, [0, 50], 100)


def test_equally_far_rows_of_a_grid():
    x = np.stack(np.meshgrid(*[np.arange(6.0)] * 3), axis=-1).reshape(-1, 3).astype(np.float32)
    for seed in range(3):
        assert_same("kcenter", np.random.default_rng(seed).permutation(x), [7], 80, offers=3)


def test_without_labels_it_starts_in_the_middle():
    assert_same("kcenter", np.random.default_rng(2).normal(size=(200, 5)).astype(np.float32), [], 30)


@pytest.mark.parametrize("offers", [1, 2, 1000])
def test_few_offers_take_more_turns_and_end_the_same(offers):
    x = np.random.default_rng(4).standard_t(2, size=(300, 4)).astype(np.float32)
    assert_same("kcenter", x, [1, 2], 50, offers=offers)


def test_half_precision_in_a_file_is_sent_as_the_file(tmp_path: Path):
    x = np.random.default_rng(5).normal(size=(500, 6)).astype(np.float16)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    part = LazyFeatures(np.asarray(mapped)).part(slice(100, 400)).part(slice(5, 50))
    sent = pickle.dumps(part)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent).to_array(), x[105:150])
    some = LazyFeatures(mapped, np.arange(0, 500, 7)).part(slice(3, 9))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(some)).to_array(), x[21:63:7])
    copied = pickle.loads(pickle.dumps(LazyFeatures(x).part(slice(2, 4))))
    np.testing.assert_array_equal(copied.to_array(), x[2:4])
    assert_same("kcenter", mapped, [4], 40)


def test_the_compute_works_on_the_shards():
    x = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    counts = []

    class Compute:
        def map_shards(self, function, shards):
            counts.append(len(shards))
            return (next(function(pickle.loads(pickle.dumps([shard])))) for shard in shards)

    sampler = over_shards("kcenter")
    sampler.use_compute(Compute())
    _, view = views("kcenter", x, [0])
    expected = KCenter().select(view, 20, np.random.default_rng(0))
    np.testing.assert_array_equal(sampler.select(view, 20, np.random.default_rng(0)).keys, expected.keys)
    assert counts and set(counts) == {7}


def test_samplers_that_see_the_whole_pool_are_refused():
    with pytest.raises(BadParams, match=r"sampler\.sampler=badge: it cannot choose shard by shard.*margin"):
        _ = OverShards("badge").needs
    with pytest.raises(BadParams, match="shard_rows=1000: must be a multiple of 8192"):
        OverShards(shard_rows=1000)
