"""Labels that spread to images without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alframe.app.api import open_session
from alframe.engine.fit import draw_unlabelled_features
from alframe.engine.measuring.evaluate import calibration_error
from alframe.errors import BadParams
from alframe.heads.calibrated import Calibrated
from alframe.heads.linear import Linear
from alframe.heads.transductive import Transductive, _link_neighbours
from alframe.loop.experiment import run_until_stop
from alframe.testing.head import HeadSuite
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import FitContext, Floats, Ints


class TestTransductive(HeadSuite):
    make = Transductive


class TestCalibratedTransductive(HeadSuite):
    def make(self):
        return Calibrated(of={"name": "transductive"}, folds=2)


def clusters(per_class: int, seed: int) -> tuple[Floats, Ints]:
    """Classes of two clusters each, so that a label says little of the other one."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(5).normal(size=(8, 40)) * 0.25
    cluster = np.repeat(np.arange(8), per_class)
    return (centres[cluster] + 0.4 * rng.normal(size=(len(cluster), 40))).astype(np.float32), cluster % 4


def fitted(x: Floats, y: Ints, unlabelled: Floats, **params) -> Transductive:
    head = Transductive(**params)
    context = replace(FitContext.unknown(len(y)), unlabelled=unlabelled)
    head.fit_with_context(x, y, 4, np.random.default_rng(0), context)
    return head


def accuracy(head, x, y):
    return (head.probs(x).argmax(axis=1) == y).mean()


def test_images_without_a_label_help_with_others_that_are_in_no_graph() -> None:
    gains = []
    for seed in range(3):
        x, y = clusters(2, seed)
        unlabelled, _ = clusters(60, seed + 10)
        new, truth = clusters(100, seed + 20)
        plain = Linear()
        plain.fit(x, y, 4, np.random.default_rng(0))
        gains.append(accuracy(fitted(x, y, unlabelled), new, truth) - accuracy(plain, new, truth))
    assert min(gains) > 0.05, gains


def test_it_is_as_sure_as_it_is_right() -> None:
    x, y = clusters(15, 0)
    unlabelled, _ = clusters(60, 10)
    new, truth = clusters(200, 20)
    probs = fitted(x, y, unlabelled).probs(new)
    assert calibration_error(probs.max(axis=1), probs.argmax(axis=1) == truth) < 0.06


def test_a_label_reaches_what_is_linked_and_nothing_else() -> None:
    x = np.array([[1, 0, 0], [1, 0.1, 0], [1, 0.2, 0], [0, 0, 1], [0, 0.1, 1]], np.float32)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    graph = _link_neighbours(unit, 1)
    assert (graph.toarray() > 0).astype(int).tolist() == [
        [0, 1, 0, 0, 0],
        [1, 0, 1, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 1, 0],
    ]
    labels = np.zeros((5, 2))
    labels[0, 1] = 1
    spread = Transductive()._propagate(graph, labels)
    np.testing.assert_allclose(spread, [[0, 1], [0, 1], [0, 1], [0, 0], [0, 0]], atol=1e-9)


class Wanting:
    max_unlabelled = 5

    def fit_with_context(self, *_: object) -> None: ...


def test_rows_are_drawn_by_the_generator_up_to_what_is_wanted() -> None:
    features = np.arange(40, dtype=np.float32).reshape(20, 2)
    keys = np.arange(3, 20)
    drawn, again, other = (
        draw_unlabelled_features(Wanting(), features, keys, np.random.default_rng(s)) for s in (1, 1, 2)
    )
    assert drawn.shape == (5, 2)
    assert set(drawn[:, 0] / 2) <= set(keys.tolist())
    np.testing.assert_array_equal(drawn, again)
    assert not np.array_equal(drawn, other)
    assert len(draw_unlabelled_features(Wanting(), features, keys[:3], np.random.default_rng(0))) == 3
    assert len(draw_unlabelled_features(Linear(), features, keys, np.random.default_rng(0))) == 0


def test_in_a_campaign_it_never_meets_what_is_held_out_or_labelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    fit = Transductive.fit_with_context

    def spied(self, x, y, classes, rng, context):
        seen.append((x, context.unlabelled))
        fit(self, x, y, classes, rng, context)

    monkeypatch.setattr(Transductive, "fit_with_context", spied)
    words = tiny_overrides(tiny_pool(tmp_path / "images"), tmp_path / "runs")
    with open_session(*words, "head=transductive", "head.max_unlabelled=7", "audit=0.3", "tracker=[]") as session:
        run_until_stop(session)
        features, listing = session.features(), session.items()
    held_out = [row.tobytes() for row, item in zip(features, listing, strict=True) if item.split == "test"]
    assert seen
    for x, unlabelled in seen:
        assert 0 < len(unlabelled) <= 7
        given = {row.tobytes() for row in unlabelled}
        assert not given & {row.tobytes() for row in x}
        assert not given & set(held_out)


@pytest.mark.parametrize(
    "params", [{"neighbours": 0}, {"spread": 1}, {"weight": 0}, {"max_unlabelled": -1}, {"c": 0}, {"max_iter": 0}]
)
def test_values_that_cannot_be(params: dict[str, float]) -> None:
    with pytest.raises(BadParams, match="head 'transductive'"):
        Transductive(**params)
