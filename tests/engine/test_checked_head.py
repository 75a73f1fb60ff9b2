"""What a head answers is checked once, and a fault is told with the head's name and who owns it."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.engine.checked_head import CheckedHead
from alframe.engine.needs import require_needs
from alframe.errors import BadOutput, UnmetNeed
from alframe.heads.mlp import Mlp
from alframe.kit.composite import fit_head
from alframe.types import FitContext, Need

RECIPE = {"name": "linear"}


class Answers:
    """Gives the same to each row, whatever it is asked."""

    stochastic = True

    def __init__(self, *row: float) -> None:
        self.row = np.array(row, np.float32)

    def fit(self, *_: object) -> None: ...
    def state(self) -> dict: ...
    def load(self, *_: object) -> None: ...

    def probs(self, x: np.ndarray) -> np.ndarray:
        return np.tile(self.row, (len(x), 1))

    def prob_samples(self, x: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
        return np.tile(self.row, (draws, len(x), 1))


class WithLayers(Answers):
    def hidden_activations(self, x: np.ndarray) -> np.ndarray:
        return self.probs(x)


class WithContext(Answers):
    def fit_with_context(self, *_: object) -> None: ...
    def fit_weighted(self, *_: object) -> None: ...


X = np.zeros((4, 2), np.float32)


@pytest.mark.parametrize("row", [(0.25, 0.75), (0.0, 1.0), (0.3333, 0.6666)])
def test_probabilities_pass_as_they_are(row: tuple[float, ...]) -> None:
    head = CheckedHead(Answers(*row), RECIPE)
    np.testing.assert_array_equal(head.probs(X), Answers(*row).probs(X))
    np.testing.assert_array_equal(head.prob_samples(X, 3, None), Answers(*row).prob_samples(X, 3, None))
    assert head.probs(X[:0]).shape == (0, 2)
    assert head.stochastic


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((np.nan, 0.5), r"4 of 4 rows; the first: \[nan 0.5\]"),
        ((np.inf, 0.5), "not finite"),
        ((0.5, 0.7), "do not sum to 1"),
        ((-0.5, 1.5), r"below 0, down to -0\.5"),
    ],
)
def test_what_is_no_probability_names_the_head_and_its_owner(row: tuple[float, ...], message: str) -> None:
    head = CheckedHead(Answers(*row), RECIPE)
    with pytest.raises(BadOutput, match=rf"^head 'linear' \(alframe [^)]+\) gives probabilities .*{message}"):
        head.probs(X)
    with pytest.raises(BadOutput, match=r"gives samples of the probabilities"):
        head.prob_samples(X, 3, None)


def test_a_wrong_number_of_rows_is_told() -> None:
    head = Answers(0.5, 0.5)
    head.probs = lambda x: np.ones((len(x) + 1, 2), np.float32) / 2
    with pytest.raises(BadOutput, match=r"of the shape \(5, 2\), not \(4, classes\)"):
        CheckedHead(head, RECIPE).probs(X)


def test_a_head_that_no_registry_knows_is_named_all_the_same() -> None:
    with pytest.raises(BadOutput, match=r"^head 'mine' gives"):
        CheckedHead(Answers(np.nan, 1), {"name": "mine"}).probs(X)


def test_only_heads_with_hidden_layers_have_activations() -> None:
    class Layered:
        needs = frozenset({Need.HIDDEN_ACTIVATIONS})

    with pytest.raises(UnmetNeed, match="hidden layers"):
        require_needs(Layered(), "layered", CheckedHead(Answers(0.5, 0.5), RECIPE), "linear")
    require_needs(Layered(), "layered", CheckedHead(Mlp(), {"name": "mlp"}), "mlp")
    layers = CheckedHead(WithLayers(-3.0, 7.0), RECIPE)
    np.testing.assert_array_equal(layers.hidden_activations(X), WithLayers(-3.0, 7.0).probs(X))
    with pytest.raises(BadOutput, match="hidden layers that are not finite, for 4 of 4"):
        CheckedHead(WithLayers(np.inf, 1), RECIPE).hidden_activations(X)


@pytest.mark.parametrize(
    ("kind", "weights"), [(Answers, None), (WithContext, None), (WithContext, np.ones(4, np.float32))]
)
def test_a_head_answers_for_as_many_classes_as_it_was_fitted_to(kind: type, weights: np.ndarray | None) -> None:
    head = CheckedHead(kind(0.25, 0.75), RECIPE)
    rows = X, np.array([0, 1, 1, 0])
    fit_head(head, *rows, 2, np.random.default_rng(0), FitContext.unknown(4), weights)
    assert head.probs(X).shape == (4, 2)
    fit_head(head, *rows, 3, np.random.default_rng(0), FitContext.unknown(4), weights)
    with pytest.raises(BadOutput, match="2 classes, and was fitted to 3"):
        head.probs(X)
