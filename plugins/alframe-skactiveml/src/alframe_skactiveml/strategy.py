"""A sampler of alframe as a query strategy of scikit-activeml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from skactiveml.base import SingleAnnotatorPoolQueryStrategy
from skactiveml.utils import MISSING_LABEL, check_type, is_labeled
from sklearn.utils.validation import _check_sample_weight

import alframe
from alframe.contracts import Head, ScoresPool
from alframe.errors import BadParams
from alframe.kit.arrays import as_features, number_classes
from alframe.kit.composite import fit_head
from alframe.kit.pool_views import make_pool_view
from alframe.kit.uniform_head import UniformHead
from alframe.types import MODEL_NEEDS, FitContext, Floats, Ints, Need

Array = npt.NDArray[Any]
FEWEST_CLASSES = 2  # of a head before any label


class AlframeQueryStrategy(SingleAnnotatorPoolQueryStrategy):  # type: ignore[misc]  # scikit-activeml has no types
    """Query as a sampler of alframe selects.

    Parameters
    ----------
    sampler : str, default="badge"
        The sampler's name, as ``sampler=`` on alframe's command line.
    params : dict, default=None
        Its parameters.
    head : str, default="linear"
        The name of the head that is fitted to the labels, if the sampler needs a model.
    head_params : dict, default=None
        Its parameters.
    classes : array-like of shape (n_classes,), default=None
        The classes; None: those among the labels.
    missing_label : scalar or string or np.nan or None, default=np.nan
        Value to represent a missing label.
    random_state : int or np.random.RandomState or None, default=None
        The random state to use.

    """

    def __init__(
        self,
        sampler: str = "badge",
        params: Mapping[str, Any] | None = None,
        head: str = "linear",
        head_params: Mapping[str, Any] | None = None,
        classes: Sequence[Any] | None = None,
        missing_label: Any = MISSING_LABEL,
        random_state: Any = None,
    ) -> None:
        super().__init__(missing_label=missing_label, random_state=random_state)
        self.sampler, self.params = sampler, params
        self.head, self.head_params = head, head_params
        self.classes = classes

    def query(
        self,
        X: Any,  # noqa: N803  # scikit-learn's name
        y: Any,
        sample_weight: Any = None,
        candidates: Any = None,
        batch_size: int = 1,
        return_utilities: bool = False,
    ) -> Any:
        """Return the indices of the samples to label next.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples, labelled or not.
        y : array-like of shape (n_samples,)
            Their labels, `missing_label` where there is none.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the labelled samples, for a head that takes weights.
        candidates : None or array-like of shape (n_candidates,) or (n_candidates, n_features), default=None
            The samples to choose from: indices of `X`, or samples. None: those without a label.
        batch_size : int, default=1
            How many to choose.
        return_utilities : bool, default=False
            Whether to return the utilities as well.

        Returns
        -------
        query_indices : numpy.ndarray of shape (batch_size,)
            Indices of `X`, or of `candidates` if these are samples.
        utilities : numpy.ndarray of shape (batch_size, n_samples) or (batch_size, n_candidates)
            Row i has the utilities when sample i of the batch was chosen: the scores of a sampler that scores every
            sample, without those chosen before; else 1 for the sample that was chosen and 0 for the others. NaN for
            what is no candidate.

        """
        X, y, candidates, batch_size, return_utilities = self._validate_data(  # noqa: N806 - as scikit-activeml names it
            X, y, candidates, batch_size, return_utilities, reset=True
        )
        for name in ("sampler", "head"):
            check_type(getattr(self, name), name, str)
        for name in ("params", "head_params"):
            check_type(getattr(self, name), name, dict, Mapping, target_vals=[None])
        x_candidates, mapping = self._transform_candidates(candidates, X, y)
        features = as_features(X if mapping is not None else np.concatenate([X, x_candidates]), "X")
        rows = np.arange(len(X), len(features)) if mapping is None else np.asarray(mapping)
        sampler = alframe.build("sampler", self.sampler, **(self.params or {}))
        rng = np.random.default_rng(self.random_state_.randint(2**31))
        labelled = np.flatnonzero(is_labeled(y, self.missing_label_))
        numbers, classes = number_classes(y[labelled], () if self.classes is None else self.classes)
        weights = self._weights(sample_weight, X, labelled)
        head = (
            self._fit(features[labelled], numbers, len(classes), weights, rng) if sampler.needs & MODEL_NEEDS else None
        )
        names = {Need.CLASS_NAMES: np.array([str(name) for name in classes], np.str_)}
        view = make_pool_view(sampler, features, rows, labelled, numbers, rng, head, fields=names)
        scores = sampler.score_pool(view) if isinstance(sampler, ScoresPool) else None
        keys = sampler.select(view, batch_size, rng).keys
        chosen = np.argsort(rows, kind="stable")[np.searchsorted(np.sort(rows), keys)]  # places among the candidates
        indices = chosen if mapping is None else keys
        if not return_utilities:
            return indices
        width = len(x_candidates) if mapping is None else len(X)
        places = np.arange(width) if mapping is None else rows
        return indices, _utilities(chosen, scores, places, width)

    def _fit(self, x: Floats, y: Ints, classes: int, weights: Floats | None, rng: np.random.Generator) -> Head:
        if not len(x):
            return UniformHead(max(classes, FEWEST_CLASSES))
        head = alframe.build("head", self.head, **(self.head_params or {}))
        fit_head(head, x, y, classes, rng, FitContext.unknown(len(x)), weights)
        return head

    def _weights(self, sample_weight: Any, x: Array, labelled: Ints) -> Floats | None:
        if sample_weight is None:
            return None
        weights = np.asarray(_check_sample_weight(sample_weight, x, dtype=np.float32))[labelled]
        if not (weights >= 0).all():  # NaN is not either; a sampler without a head would not notice
            raise BadParams("sample_weight: the weight of each labelled sample must be at least 0.")
        return None if (weights == 1).all() else weights  # any head can be fitted to examples that all count once


def _utilities(chosen: Ints, scores: Floats | None, places: Ints, width: int) -> Array:
    """Return the utilities (batch_size, width) of candidates at `places` (n,), of which `chosen` were chosen."""
    utilities = np.full((len(chosen), width), np.nan, np.float64)
    utilities[:, places] = 0 if scores is None else scores
    for turn, candidate in enumerate(chosen.tolist()):
        utilities[turn + 1 :, places[candidate]] = np.nan
        if scores is None:
            utilities[turn, places[candidate]] = 1
    return utilities
