"""alframe's samplers pass scikit-activeml's own tests of query strategies, and choose what they choose in alframe.

The templates are in the wheel of scikit-activeml 0.5.0 alone: later ones leave the tests out. `make test` downloads it.
"""

from __future__ import annotations

import os
import sys
import unittest
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import skactiveml
from alframe_skactiveml import AlframeQueryStrategy
from skactiveml.utils import MISSING_LABEL

import alframe
from alframe.errors import UnmetNeed

WHEEL = "scikit_activeml-0.5.0-py3-none-any.whl"


def template() -> type:
    """Return scikit-activeml's template of tests, or a class whose tests are skipped."""
    folders = [Path(os.environ.get("ALFRAME_TEST_WHEELS", "wheels")), Path(sys.prefix, "wheels")]
    found = next((folder / WHEEL for folder in folders if (folder / WHEEL).is_file()), None)
    if found is None:

        class Skipped:
            def setUp(self, **_: object) -> None:
                pytest.skip(f"pip download --no-deps -d {sys.prefix}/wheels scikit-activeml==0.5.0 gets the templates")

            def test_templates(self) -> None:
                """Be skipped as the others are."""

        return Skipped
    skactiveml.__path__.append(f"{found}/skactiveml")  # after the installed one, which has no folder `tests`
    kind: type = import_module("skactiveml.tests.template_query_strategy").TemplateSingleAnnotatorPoolQueryStrategy
    return kind


class Templates(template()):
    """The tests of the template, and what it wants to know of each parameter."""

    sampler = "badge"

    def setUp(self) -> None:
        x = np.array([[1.0, 2.0], [5.0, 8.0], [8.0, 4.0], [5.0, 4.0], [3.0, 1.0], [7.0, 7.0]])
        y = np.array([0, 1, MISSING_LABEL, MISSING_LABEL, MISSING_LABEL, MISSING_LABEL])
        head = "laplace" if self.sampler == "bald" else "linear"
        super().setUp(
            qs_class=AlframeQueryStrategy,
            init_default_params={"sampler": self.sampler, "head": head, "classes": [0, 1]},
            query_default_params_clf={"X": x, "y": y},
        )

    def test_init_param_sampler(self) -> None:
        self._test_param("init", "sampler", [(0, TypeError), (None, TypeError), ("badgr", Exception), ("margin", None)])

    def test_init_param_params(self) -> None:
        self._test_param("init", "params", [(0, TypeError), ({"nonsense": 1}, ValueError), ({}, None), (None, None)])

    def test_init_param_head(self) -> None:
        self._test_param("init", "head", [(0, TypeError), (None, TypeError)])

    def test_init_param_head_params(self) -> None:
        self._test_param("init", "head_params", [(0, TypeError), ("c", TypeError), ({}, None)])

    def test_init_param_classes(self) -> None:
        self._test_param("init", "classes", [(["a", 1], ValueError), ([0, 1, 2], None)])

    def test_query(self) -> None:
        for batch_size in (1, 3):
            strategy = AlframeQueryStrategy(**self.init_default_params)
            indices, utilities = strategy.query(
                **self.query_default_params_clf, batch_size=batch_size, return_utilities=True
            )
            assert indices.tolist() == np.nanargmax(utilities, axis=1).tolist()


class TestBadge(Templates, unittest.TestCase):
    """It chooses each sample with regard to those before."""


class TestMargin(Templates, unittest.TestCase):
    """It scores each sample by itself."""

    sampler = "margin"


class TestKCenter(Templates, unittest.TestCase):
    """It needs no model."""

    sampler = "kcenter"


class TestBald(Templates, unittest.TestCase):
    """It needs draws."""

    sampler = "bald"


def clusters(n: int = 200, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(n) % classes
    return np.random.default_rng(0).normal(size=(n, 6)) + 3 * np.eye(classes, 6)[y], y


def test_it_scores_as_alframe_does() -> None:
    x, y = clusters()
    partly = np.where(np.arange(200) < 30, y, np.nan)
    strategy = AlframeQueryStrategy("entropy", head="linear", random_state=0)
    indices, utilities = strategy.query(x, partly, batch_size=7, return_utilities=True)
    expected = alframe.select("entropy", x, labels=partly, head="linear", k=7)
    assert indices.tolist() == expected.keys.tolist()
    np.testing.assert_allclose(utilities[0], expected.pool_scores, atol=1e-6)
    assert np.isnan(utilities[1, indices[0]]) and np.isnan(utilities[0, :30]).all()


def test_text_labels_and_samples_that_are_not_in_x() -> None:
    x, y = clusters()
    labels = np.where(np.arange(200) < 30, np.array(["ape", "bat", "cat"])[y], None)
    strategy = AlframeQueryStrategy("margin", missing_label=None, random_state=0)
    by_index = strategy.query(x, labels, candidates=np.arange(50, 90), batch_size=4)
    by_sample = strategy.query(x[:50], labels[:50], candidates=x[50:90], batch_size=4)
    assert by_index.tolist() == (by_sample + 50).tolist()


@pytest.mark.parametrize("head", ["linear", "auto", "prototype", "laplace"])
def test_weights_count(head: str) -> None:
    x, y = clusters(60)
    x, partly = x - 2, np.where(np.arange(60) < 12, y, np.nan)
    strategy = AlframeQueryStrategy("margin", head=head, random_state=0)
    ones, twice = np.ones(60), np.where(np.arange(60) < 6, 9.0, 1.0)
    first = strategy.query(x, partly, sample_weight=ones, return_utilities=True)[1]
    second = strategy.query(x, partly, sample_weight=twice, return_utilities=True)[1]
    np.testing.assert_allclose(first, strategy.query(x, partly, return_utilities=True)[1], atol=1e-4)
    assert np.nanmax(np.abs(first - second)) > 1e-2
    with pytest.raises(ValueError, match="at least 0"):
        strategy.query(x, partly, sample_weight=np.arange(60) - 1)
    with pytest.raises(UnmetNeed, match="takes no weights"):
        AlframeQueryStrategy("margin", head="knn").query(x, partly, sample_weight=twice)


@pytest.mark.parametrize("sampler", ["margin", "badge", "bald", "cluster_margin"])
def test_before_any_label_all_classes_are_equally_likely(sampler: str) -> None:
    x, _ = clusters()
    strategy = AlframeQueryStrategy(sampler, head="laplace", classes=[0, 1, 2], random_state=0)
    assert len(set(strategy.query(x, np.full(200, np.nan), batch_size=9).tolist())) == 9


def test_a_loop_of_scikit_activeml() -> None:
    x, y = clusters()
    partly = np.full(200, np.nan)
    strategy = AlframeQueryStrategy("typiclust", random_state=0)
    for _ in range(4):
        chosen = strategy.query(x, partly, batch_size=5)
        assert np.isnan(partly[chosen]).all()
        partly[chosen] = y[chosen]
    assert (~np.isnan(partly)).sum() == 20 and len(set(partly[~np.isnan(partly)])) == 3


def test_it_is_an_estimator_of_scikit_learn() -> None:
    from sklearn.base import clone

    strategy = clone(AlframeQueryStrategy("probcover", params={"radius": 0.5}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert strategy.get_params()["params"] == {"radius": 0.5}
