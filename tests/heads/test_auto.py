"""Both models mixed, and as sure as they may be."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from alframe.engine.checked_head import CheckedHead
from alframe.engine.measuring.evaluate import calibration_error
from alframe.errors import BadParams
from alframe.heads import auto, sharpness
from alframe.heads.auto import Auto
from alframe.heads.linear import Linear
from alframe.heads.prototype import Prototype
from alframe.kit.composite import fit_head
from alframe.kit.pool_views import make_pool_view
from alframe.samplers.uncertainty import Margin
from alframe.testing.head import HeadSuite
from alframe.types import Bools, FitContext, Floats, Ints

DIM = 80


class TestAuto(HeadSuite):
    make = Auto
    weights_are_exact = False  # its folds hold each example once


def images(counts: list[int], seed: int, burst: int = 1, spread: float = 1.5) -> tuple[Floats, Ints, Ints]:
    """Embeddings of classes of these sizes that overlap, their classes, and their bursts of so many images."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    centres = np.random.default_rng(99).normal(size=(len(counts), DIM)) * 3.2 / np.sqrt(DIM)
    groups = np.arange(len(y)) // burst
    place = spread * rng.normal(size=(len(y) // burst + 1, DIM))[groups]
    noise = rng.normal(size=(len(y), DIM)) * (0.3 if burst > 1 else 1)
    x = centres[y] + (place if burst > 1 else 0) + noise
    return x.astype(np.float32), y, groups


def fitted(head, x, y, groups):
    context = FitContext(np.ones(len(y), np.bool_), groups)
    if isinstance(head, Auto):
        head.fit_with_context(x, y, int(y.max()) + 1, np.random.default_rng(0), context)
    else:
        head.fit(x, y, int(y.max()) + 1, np.random.default_rng(0))
    return head


def right(probs: Floats, y: Ints) -> Bools:
    return probs.argmax(axis=1) == y


def error(probs: Floats, y: Ints) -> float:
    return calibration_error(probs.max(axis=1), right(probs, y))


def test_it_is_as_sure_as_it_is_right() -> None:
    x, y, groups = images([40] * 5, seed=0)
    new, truth, _ = images([600] * 5, seed=1)
    probs, before = (fitted(head, x, y, groups).probs(new) for head in (Auto(), Linear()))
    assert error(before, truth) > 0.08
    assert error(probs, truth) < 0.05
    assert right(probs, truth).mean() >= right(before, truth).mean()


def test_rare_classes_are_found_as_prototypes_find_them() -> None:
    x, y, groups = images([120, 40, 15, 6, 4], seed=0)
    new, truth, _ = images([400] * 5, seed=1)
    scores = [
        f1_score(truth, fitted(head, x, y, groups).probs(new).argmax(axis=1), average="macro")
        for head in (Linear(), Prototype(), Auto())
    ]
    assert scores[1] > scores[0] + 0.05, "or there is nothing to gain"
    assert scores[2] > scores[0] + 0.8 * (scores[1] - scores[0]), scores


@pytest.mark.parametrize("seed", range(3))
def test_it_knows_new_bursts_from_known_ones(seed: int) -> None:
    x, y, groups = images([60] * 4, seed=seed, burst=5)
    known = np.random.default_rng(seed).random(len(y)) < 0.5
    new, truth, _ = images([300] * 4, seed=seed + 100, burst=5)
    with_bursts = fitted(Auto(), x[known], y[known], groups[known])
    without = fitted(Auto(), x[known], y[known], np.arange(known.sum()))
    surplus = [
        float(head.probs(new).max(axis=1).mean() - right(head.probs(new), truth).mean())
        for head in (with_bursts, without)
    ]
    assert abs(surplus[0]) < 0.08
    assert surplus[1] > 0.12, "or there is nothing to know"
    mates = with_bursts.probs(x[~known])
    assert right(mates, y[~known]).mean() > 0.9
    assert mates.max(axis=1).mean() > with_bursts.probs(new).max(axis=1).mean() + 0.1


def test_the_order_of_the_classes_is_the_same_near_and_far() -> None:
    x, y, groups = images([60] * 4, seed=0, burst=5)
    head = fitted(Auto(), x, y, groups)
    assert len(head.state()["references"]) == len(y)
    new, _, _ = images([100] * 4, seed=5, burst=5)
    flat = Auto()
    flat.load(head.state() | {"references": np.zeros((0, DIM), np.float32)})
    np.testing.assert_array_equal(head.probs(new).argsort(axis=1)[:, -2:], flat.probs(new).argsort(axis=1)[:, -2:])
    assert head.probs(new).max(axis=1).mean() < flat.probs(new).max(axis=1).mean()


def test_without_bursts_no_example_is_kept() -> None:
    x, y, groups = images([30] * 3, seed=0)
    assert fitted(Auto(), x, y, groups).state()["references"].shape == (0, DIM)


def test_more_labels_than_are_needed_to_measure_are_not_all_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alframe.heads.sharpness.MIN_HELD_OUT_LABELS", 30)
    fits = []
    fit = auto.fit_prototypes
    monkeypatch.setattr(auto, "fit_prototypes", lambda rows, *rest: (fits.append(len(rows)), fit(rows, *rest))[1])
    x, y, groups = images([50] * 3, seed=0)
    fitted(Auto(), x, y, groups)
    assert fits == [150, 120]


def test_samplers_choose_as_with_the_plain_linear_model() -> None:
    x, y, groups = images([30, 20, 5], seed=0)
    new, _, _ = images([40] * 3, seed=1)
    auto_head, plain = (CheckedHead(head, {"name": head.name}) for head in (Auto(), Linear()))
    for head in (auto_head, plain):
        fit_head(head, x, y, 3, np.random.default_rng(0), FitContext(np.ones(len(y), np.bool_), groups))
    features = np.concatenate([x, new])
    rows = np.arange(len(x), len(features)), np.arange(len(x)), y
    views = [
        make_pool_view(Margin(), features, *rows, np.random.default_rng(0), head=head) for head in (auto_head, plain)
    ]
    np.testing.assert_allclose(views[0].probs, views[1].probs, atol=1e-3)
    assert np.abs(views[0].probs - auto_head.probs(new)).max() > 0.05
    chosen = [set(Margin().select(view, 8, np.random.default_rng(0)).keys.tolist()) for view in views]
    assert len(chosen[0] & chosen[1]) >= 7


@pytest.mark.parametrize("params", [{"c": 0}, {"shrinkage": 0}, {"shrinkage": 1.1}, {"folds": 1}, {"max_iter": 0}])
def test_values_that_cannot_be(params: dict[str, float]) -> None:
    with pytest.raises(BadParams, match="head 'auto'"):
        Auto(**params)


def test_a_single_example_of_a_class_is_not_forgotten() -> None:
    """Held out, it leaves no example of its class, so only the other class can be measured."""
    y = np.repeat([0, 1], 40)
    side = np.where(y == 0, 4.0, -4.0)[:, None]
    x = (np.random.default_rng(0).normal(size=(80, DIM)) + side).astype(np.float32)
    kept = np.r_[0, 40:47]
    head = Auto()
    head.fit(x[kept], y[kept], 2, np.random.default_rng(0))
    assert (head.probs(x).argmax(axis=1) == y).all()


def test_a_few_images_do_not_decide_which_model_is_better() -> None:
    """The second model is right about all images; the first one guesses, and is sure."""
    shares = []
    for count in (4, 400):
        y, rng = np.arange(count) % 2, np.random.default_rng(0)
        logits = np.stack([2.0 * np.eye(2)[rng.integers(0, 2, count)], 2.0 * np.eye(2)[y]])
        factors = sharpness.fit_model_factors(logits, y, np.ones(count))
        shares.append(factors[1] / factors.sum())
    assert 0.5 < shares[0] < 0.7 < 0.78 < shares[1]


def test_models_that_are_wrong_about_all_images_still_predict() -> None:
    """Factors of 0 would make all classes equal, and so the first one the prediction for every image."""
    y = np.arange(20) % 2
    factors = sharpness.fit_model_factors(np.stack([-3.0 * np.eye(2)[y]] * 2), y, np.ones(20))
    assert (factors > 0).all()


@pytest.mark.parametrize("groups, totals", [(np.arange(9), [4.5, 4.5]), (np.arange(9) // 2, [6.0, 3.0])])
def test_all_classes_count_the_same_in_the_linear_model_except_with_bursts(
    groups: np.ndarray, totals: list[float]
) -> None:
    x = np.eye(9, dtype=np.float32)
    y = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    examples = auto._Examples(x, x, y, np.ones(9, bool), groups, np.ones(9, np.float32), 9, Auto())
    assert examples._balanced_targets(np.arange(9)).sum(axis=0) == pytest.approx(totals)
