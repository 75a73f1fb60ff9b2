"""MaxHerding against scikit-activeml, UHerding against its definition."""

from __future__ import annotations

import numpy as np
import pytest
import skactiveml.pool

from alframe.errors import BadParams
from alframe.samplers.herding import MaxHerding, UHerding, UHerdingBursts, smallest_distance, soften
from alframe.samplers.objectives import OBJECTIVES
from alframe.testing.sampler import SamplerSuite
from alframe.types import Need, PoolView


def view_of(x, labelled, probs=None, sequences=None, labelled_sequences=None):
    labelled = np.zeros((0, x.shape[1]), np.float32) if labelled is None else labelled
    given = {
        Need.FEATURES: x,
        Need.LABELLED_FEATURES: labelled,
        Need.SEQUENCES: np.full(len(x), -1) if sequences is None else sequences,
        Need.LABELLED_SEQUENCES: np.full(len(labelled), -1) if labelled_sequences is None else labelled_sequences,
    }
    return PoolView(np.arange(len(x)), given if probs is None else {**given, Need.PROBS: probs})


def clustered(rng, n=200, dims=6):
    centres = rng.normal(size=(5, dims)) * 2
    return (centres[rng.integers(5, size=n)] + rng.normal(size=(n, dims))).astype(np.float32)


def kernel(a, b, sigma):
    a, b = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (a.astype(float), b.astype(float)))
    return np.exp(-(((a[:, None] - b) ** 2).sum(axis=2)) / sigma**2)


class TestMaxHerding(SamplerSuite):
    make = MaxHerding

    def obvious_choice(self):
        x = np.array([[-1, 0.1], [1, 0.1], [1, 0], [1, -0.1], [-1, -0.1]], np.float32)
        return view_of(x, np.array([[-1, 0]], np.float32)), 2


class TestUHerding(SamplerSuite):
    make = UHerding

    def obvious_choice(self):
        x = np.array([[0, 1], [1, 0], [-1, 0]], np.float32)
        probs = np.array([[0.99, 0.01], [0.5, 0.5], [0.99, 0.01]], np.float32)
        return view_of(x, np.array([[1, 1], [-1, 1]], np.float32), probs), 1


class TestUHerdingBursts(TestUHerding):
    make = UHerdingBursts
    # The sequences of the pool are those of the chosen images in the next turn.
    needs_that_may_not_matter = SamplerSuite.needs_that_may_not_matter | {Need.SEQUENCES}


@pytest.mark.parametrize("labelled", [0, 7])
@pytest.mark.parametrize("sigma", [1.0, 0.3])
def test_maxherding_chooses_as_scikit_activeml(labelled, sigma):
    rng = np.random.default_rng(labelled)
    x = clustered(rng)
    known = clustered(rng, labelled) if labelled else None
    chosen = MaxHerding(sigma=sigma).select(view_of(x, known), 15, np.random.default_rng(0))
    y = np.r_[np.zeros(labelled), np.full(len(x), np.nan)]
    whole = x if known is None else np.concatenate([known, x])
    query = skactiveml.pool.MaxHerding(metric_dict={"gamma": 1 / sigma**2}, normalize_samples=True, random_state=0)
    expected, utilities = query.query(whole, y, batch_size=15, return_utilities=True)
    np.testing.assert_array_equal(chosen.keys, expected - labelled)
    np.testing.assert_allclose(chosen.scores, [u[i] for u, i in zip(utilities, expected, strict=True)], rtol=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_uherding_takes_the_largest_gain(seed):
    rng = np.random.default_rng(seed)
    x, labelled = clustered(rng), clustered(rng, 6)
    probs = rng.dirichlet(np.ones(4), len(x)).astype(np.float32)
    chosen = UHerding().select(view_of(x, labelled, probs), 12, np.random.default_rng(seed))
    ordered = np.sort(probs, axis=1)
    doubt = 1 - (ordered[:, -1] - ordered[:, -2])
    sigma = smallest_distance(labelled)
    table, similarity = kernel(x, x, sigma), kernel(x, labelled, sigma).max(axis=1)
    for key, score in zip(chosen.keys, chosen.scores, strict=True):
        gains = (doubt * np.maximum(table - similarity, 0)).mean(axis=1)
        assert gains[key] == pytest.approx(gains.max(), rel=1e-3)
        assert score == pytest.approx(gains.max(), rel=1e-2)
        similarity = np.maximum(similarity, table[key])


def test_copies_among_the_labelled_images_do_not_make_it_margin_sampling():
    x = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert smallest_distance(x) == pytest.approx(np.sqrt(2), rel=1e-5)
    assert smallest_distance(x[:2]) == pytest.approx(0.01)
    assert smallest_distance(x[:1]) == smallest_distance(x[:0]) == 1.0


@pytest.mark.parametrize(
    ("sequences", "distance"),
    [([0, 0, 1, 1], 1.4), ([-1, -1, -1, -1], 0.1), ([0, 1, 1, 1], 0.1), ([5, 5, 5, 5], 1.0)],
    ids=["two bursts", "none", "near-copies in two bursts", "one burst"],
)
def test_images_of_one_burst_do_not_show_how_far_a_label_reaches(sequences, distance):
    x = np.array([[1, 0, 0], [1, 0.1, 0], [0, 0, 1], [0, 0.1, 1]], np.float32)
    assert smallest_distance(x, np.array(sequences)) == pytest.approx(distance, abs=0.02)


def test_with_two_labels_of_a_burst_other_bursts_are_covered_first():
    """Margin sampling would take the lonely image, which is doubted most; a heap of other bursts counts for more."""
    x = np.eye(4, dtype=np.float32)[[1] * 10 + [2]] + 0.05 * np.random.default_rng(0).normal(size=(11, 4))
    probs = np.array([[0.7, 0.3]] * 10 + [[0.5, 0.5]], np.float32)
    labelled = np.array([[1, 0, 0, 0], [1, 0.02, 0, 0], [0, 0, 0, 1]], np.float32)
    first = {}
    for seen_as in ([0, 0, 1], [-1, -1, -1]):
        view = view_of(x.astype(np.float32), labelled, probs, np.arange(11) + 2, np.array(seen_as))
        first[seen_as[0]] = UHerdingBursts().select(view, 1, np.random.default_rng(0)).keys[0]
        without = UHerding().select(view, 1, np.random.default_rng(0)).keys[0]
    assert first[0] < 10 == first[-1] == without


def test_what_was_chosen_in_an_earlier_turn_has_its_burst():
    x = np.array([[1, 0], [1, 0.1], [0, 1]], np.float32)
    probs = np.full((3, 2), 0.5, np.float32)
    view = view_of(x, np.array([[1, 0.05]], np.float32), probs, np.array([7, 7, 8]), np.array([7]))
    turn = view.after_choosing(np.array([True, False, False]), np.array([False, True, True]))
    assert turn.labelled_sequences.tolist() == [7, 7] and turn.sequences.tolist() == [7, 8]
    assert len(turn.labelled_features) == 2


def test_a_temperature_flattens_the_probabilities():
    probs = np.array([[0.8, 0.2]], np.float32)
    np.testing.assert_allclose(soften(probs, 2.0), [[2 / 3, 1 / 3]], rtol=1e-5)
    assert soften(probs, 1.0) is probs


def test_macro_lets_a_rare_class_be_covered_first():
    """A heap of three rare classes and a five times larger one of two common classes, doubted alike, far apart."""
    rng = np.random.default_rng(0)
    rare = np.arange(60) < 10
    x = (np.eye(3)[np.where(rare, 0, 1)] + 0.01 * rng.normal(size=(60, 3))).astype(np.float32)
    probs = np.where(rare[:, None], [1 / 3, 1 / 3, 1 / 3, 0, 0], [0, 0, 0, 0.5, 0.5]).astype(np.float32)
    view = view_of(x, np.array([[0, 0, 1], [0, 1, 1]], np.float32), probs)
    first = {name: UHerding(objective=name).select(view, 1, np.random.default_rng(0)).keys[0] for name in OBJECTIVES}
    assert first["accuracy"] >= 10 > first["macro"]


@pytest.mark.parametrize("make", [UHerding, UHerdingBursts])
@pytest.mark.parametrize("params", [{"sigma": 0}, {"sigma": -1.0}, {"rows": 0}, {"temperature": 0}, {"objective": ""}])
def test_parameters_are_checked(make, params):
    with pytest.raises(BadParams, match=f"sampler '{make.name}': {next(iter(params))}"):
        make(**params)
