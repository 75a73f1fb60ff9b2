"""Functions that heads share: scaled examples, softmax, classes without examples, and stored arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from alframe.contracts import UsesFitContext
from alframe.errors import AlframeError, UnmetNeed
from alframe.kit.chunks import row_slices
from alframe.types import FitContext, Floats, Floats64, Ints

if TYPE_CHECKING:
    from torch import nn

CACHE_BYTES = 256 << 10  # of rows at a time, for which every processor's cache has room
CHOLESKY_JITTER = 1e-7  # added to the squared length of rows, relative to the mean: the rounding error of float32


class ScaledExamples(NamedTuple):
    """Scaled examples for the fit of a head, with the values that scale other rows in the same way.

    `x` (m, D): scaled examples. `mean`, `scale` (D,): new rows become `(row - mean) / scale`. `present_classes` (P,):
    the class numbers with examples. `class_positions` (m,): the position of each example's class in `present_classes`.
    """

    x: Floats
    mean: Floats
    scale: Floats
    present_classes: Ints
    class_positions: Ints


def scale_examples(x: Floats, y: Ints, weights: Floats | None = None) -> ScaledExamples:
    """Scale the features `x` (m, D) of examples of the classes `y` (m,).

    The square of the scale is the variance of the feature among the examples, plus the mean variance of all features.
    Among 20 labels, some features hardly vary by chance. Without the second term, these features would become very
    large in the rest of the pool (compare the constant s0 of Tusher, Tibshirani & Chu 2001). Each example counts
    `weights` (m,) times; None: once. Raises AlframeError if there is no example.
    """
    if not len(x):
        raise AlframeError("The head has no labelled images to learn from: label at least one.")
    if weights is None or (weights == 1).all():
        variance, mean = x.var(axis=0, dtype=np.float64), x.mean(axis=0, dtype=np.float64)
    else:
        mean = np.average(x, axis=0, weights=weights.astype(np.float64))
        variance = np.average(np.square(x - mean), axis=0, weights=weights)
    # A single example, or equal ones, have no scale of their own.
    scale = np.sqrt(variance + (variance.mean() or 1.0)).astype(np.float32)
    mean = mean.astype(np.float32)
    present, target = np.unique(y, return_inverse=True)
    return ScaledExamples((np.asarray(x, np.float32) - mean) / scale, mean, scale, present, target)


@dataclass(frozen=True, slots=True)
class ReducedRows:
    """Rows (m, r) of r <= min(m, D) numbers that have the same products with each other as `x` (m, D).

    A model that depends on the examples only by these products can be fitted to fewer numbers: with an L2 penalty,
    weights are sums of examples. `cholesky_factor` (m, m) is the factor of the products, or None if the rows are `x`.
    """

    rows: Floats
    x: Floats
    cholesky_factor: Floats64 | None

    def expand(self, weight: Floats) -> Floats:
        """Return the weights (P, D) of the features whose products with `x` are those of `weight` (P, r) with rows."""
        if self.cholesky_factor is None:
            return weight
        from scipy.linalg import solve_triangular

        of_examples = solve_triangular(self.cholesky_factor, weight.T, lower=True, trans="T", check_finite=False)
        return np.asarray(of_examples.T.astype(np.float32) @ self.x)


def reduce_rows(x: Floats) -> ReducedRows:
    """Return rows for the fit instead of `x` (m, D), with min(m, D) numbers each.

    CHOLESKY_JITTER makes equal rows slightly different, so that their products have a Cholesky factor.
    """
    m, dim = x.shape
    if m >= dim:
        return ReducedRows(x, x, None)
    from scipy.linalg import cholesky  # here: a command that only stores labels builds a head as well, and fits none

    exact = x.astype(np.float64)
    products = exact @ exact.T
    products.flat[:: m + 1] += CHOLESKY_JITTER * (products.trace() / m or 1.0)
    # They are symmetric, and the transpose is in the order that needs no copy.
    factor = cholesky(products.T, lower=True, overwrite_a=True, check_finite=False)
    return ReducedRows(factor.astype(np.float32), x, factor)


def expand_layer_to_all_classes(weight: Floats, bias: Floats, present: Ints, classes: int) -> tuple[Floats, Floats]:
    """Return a last layer over all C classes from one over the `present` ones; others get minus infinity as bias."""
    all_weight = np.zeros((classes, weight.shape[1]), np.float32)
    all_bias = np.full(classes, -np.inf, np.float32)
    all_weight[present], all_bias[present] = weight, bias
    return all_weight, all_bias


def softmax(logits: Floats) -> Floats:
    """Return the softmax over the last axis, float32; a logit of minus infinity gives exactly 0."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def row_norms(x: Floats) -> Floats:
    """Return the length (n, 1) of each row of `x` (n, D), with the result of numpy.linalg.norm."""
    lengths = np.empty((len(x), 1), x.dtype)
    for rows in cache_sized_slices(x):
        np.sqrt(np.add.reduce(np.square(x[rows]), axis=1, keepdims=True), out=lengths[rows])
    return lengths


def cache_sized_slices(x: Floats) -> list[slice]:
    """Return slices of the rows of `x` (n, D) that fit into a processor's cache, so that several steps read them once.

    It is for steps on single rows, whose results do not depend on the slices.
    """
    return row_slices(len(x), bytes_per_row=x.itemsize * x.shape[1], limit=CACHE_BYTES)


def class_means_and_counts(x: Floats, y: Ints, weights: Floats) -> tuple[Floats, Floats64]:
    """Return the means (P, D) of the classes of `x` (m, D), and the sums (P,) of their `weights` (m,).

    `y` (m,) are the classes 0..P-1.
    """
    counts = np.asarray(np.bincount(y, weights), np.float64)
    sums = (np.eye(len(counts), dtype=np.float32)[y] * weights[:, None]).T @ x
    return np.asarray(sums / counts[:, None], np.float32), counts


@contextmanager
def limit_to_one_thread() -> Iterator[None]:
    """Let NumPy's and SciPy's linear algebra use one thread, in a block or in a decorated function.

    A fit has hundreds of small products and factors. With more than one thread, most of the time is waiting. On two
    busy cores, a fit of the head `auto` to 400 labels took 15 times as much processor time.
    """
    with _thread_pools().limit(limits=1):
        yield


@cache
def _thread_pools() -> ThreadpoolController:
    """Return the thread pools of the libraries, which take a millisecond to find."""
    import scipy.linalg  # noqa: F401 - it brings thread pools of its own, which must be there to be found

    return ThreadpoolController()


class FitsWithContext:
    """Common methods of heads that use a context. `fit` uses a context in which nothing is known."""

    def fit(self: UsesFitContext, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        self.fit_with_context(x, y, classes, rng, FitContext.unknown(len(y)))


class DeterministicHead:
    """A head without random draws, whose fit results are the arrays `_state`; `name` is the registry name.

    The state contains the `mean` (D,) and `scale` (D,) of the examples.
    """

    name: ClassVar[str]
    stochastic = False
    _state: Mapping[str, npt.NDArray[Any]] = MappingProxyType({})

    def scale_features(self, x: Floats) -> Floats:
        """Return `x` (n, D), scaled in the same way as the examples."""
        x = np.asarray(x, np.float32)
        scaled = np.empty_like(x)
        for rows in cache_sized_slices(x):
            np.subtract(x[rows], self._state["mean"], out=scaled[rows])
            scaled[rows] /= self._state["scale"]
        return scaled

    def probs_of_layer(self, x: Floats, weight: str, bias: str) -> Floats:
        """Return the probabilities (n, C) by a linear layer on scaled features; `x` (n, D) may be memory-mapped."""
        weight_of_class, bias_of_class = self._state[weight], self._state[bias]
        out = np.empty((len(x), len(bias_of_class)), np.float32)
        for rows in row_slices(len(x)):
            out[rows] = softmax(self.scale_features(x[rows]) @ weight_of_class.T + bias_of_class)
        return out

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """Raise UnmetNeed: all samples would be the same."""
        raise UnmetNeed(
            f"head '{self.name}' cannot draw samples of its probabilities. Choose a stochastic one: head=laplace."
        )

    def state(self) -> dict[str, npt.NDArray[Any]]:
        return dict(self._state)

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self._state = dict(state)


class LinearLogitsHead(DeterministicHead):
    """A head whose logits are linear in the scaled embedding, with the `weight` (C, D) and the `bias` (C,)."""

    def probs(self, x: Floats) -> Floats:
        return self.probs_of_layer(x, "weight", "bias")

    def logits_module(self) -> nn.Module:
        from alframe.heads.torch_modules import scaled_linear_layer

        s = self._state
        return scaled_linear_layer(s["weight"], s["bias"], s["mean"], s["scale"])
