"""Make the view of a pool that a sampler gets, from arrays and a fitted head."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from alframe.contracts import DEFAULT_DRAWS, AcquisitionProbs, DeclaresDraws, Head, Sampler
from alframe.errors import UnmetNeed
from alframe.kit.chunks import row_slices
from alframe.types import (
    POOL_FACTS,
    Bools,
    Floats,
    Ints,
    LazyFeatures,
    LazyProbs,
    LazySamples,
    Need,
    PoolView,
    Texts,
    Times,
)

# Of samples that are made once and kept; more are made in chunks, where they are read.
MAX_KEPT_SAMPLE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class EarlierBatches:
    """For each earlier batch: its round, the model's error rate on it, and the sampler that chose it (or "")."""

    rounds: Sequence[int] = ()
    error_rates: Sequence[float] = ()
    chosen_by: Sequence[str] = ()


class PoolFacts(Protocol):
    """Facts about the N images of a pool: times, cameras and ids. `PoolView` gives them for some of the images."""

    @property
    def taken(self) -> Times:
        """(N,) when each image was taken."""

    @property
    def cameras(self) -> Ints:
        """(N,) the number of each image's camera."""

    @property
    def ids(self) -> Texts:
        """(N,) the id of each image."""


def make_pool_view(
    sampler: Sampler,
    features: Floats,
    candidates: Ints,
    labelled: Ints,
    y: Ints,
    rng: np.random.Generator,
    head: Head | None = None,
    is_unseen_by_backbone: Bools | None = None,
    sequences: Ints | None = None,
    earlier_batches: EarlierBatches = EarlierBatches(),
    fields: Mapping[Need, npt.NDArray[Any]] = MappingProxyType({}),
    facts: PoolFacts | None = None,
) -> PoolView:
    """Make the view of the rows `candidates` (n,) of `features` (N, D) with exactly what `sampler` needs.

    The row numbers are the view's keys. `labelled` (m,) are the rows with a label and `y` (m,) their class numbers.
    `head` is fitted to these rows, or None before there is a model. `rng` gives the random numbers of its draws.
    `is_unseen_by_backbone` (m,) is true for labels that fine-tuning did not use (None: it used no label). `sequences`
    (N,) has the number of the burst of each row, or -1 (None: there are no bursts).
    `fields` are arrays that are known already, such as probabilities (n, C). `facts` are the times, cameras and ids
    (N,); None: they are not known. The arrays are not checked: `alframe.kit.arrays` makes valid arrays.
    Raises UnmetNeed if the sampler needs a model and there is none, or facts that are not known.
    """
    predict = partial(predict_in_chunks, features, candidates)
    makers: dict[Need, Callable[[], npt.NDArray[np.generic] | LazyFeatures | LazyProbs | LazySamples]] = {
        Need.FEATURES: lambda: LazyFeatures(features, candidates),
        Need.LABELLED_FEATURES: lambda: features[labelled],
        Need.LABELS: lambda: y,
        Need.IS_UNSEEN_BY_BACKBONE: lambda: (
            np.ones(len(labelled), np.bool_) if is_unseen_by_backbone is None else is_unseen_by_backbone
        ),
        Need.SEQUENCES: lambda: np.full(len(candidates), -1) if sequences is None else sequences[candidates],
        Need.LABELLED_SEQUENCES: lambda: np.full(len(labelled), -1) if sequences is None else sequences[labelled],
        Need.BATCH_ERROR_RATES: lambda: np.array(earlier_batches.error_rates, np.float32),
        Need.CHOSEN_BY: lambda: np.array(earlier_batches.chosen_by, np.str_),
    }
    if head is not None:
        fitted: Any = head
        predict_probs = head.acquisition_probs if isinstance(head, AcquisitionProbs) else head.probs
        makers[Need.PROBS] = lambda: LazyProbs(
            lambda rows: predict_in_chunks(features, candidates[rows], predict_probs), len(candidates)
        )
        makers[Need.LABELLED_PROBS] = lambda: predict_probs(features[labelled])
        makers[Need.HIDDEN_ACTIVATIONS] = lambda: predict(fitted.hidden_activations)
        draws = sampler.draws if isinstance(sampler, DeclaresDraws) else DEFAULT_DRAWS
        makers[Need.PROB_SAMPLES] = lambda: _lazy_samples(fitted, features, candidates, draws, rng)
    if facts is not None:
        for need, of_labelled in POOL_FACTS.items():
            makers[need] = partial(_take_rows, facts, need, candidates)
            makers[of_labelled] = partial(_take_rows, facts, need, labelled)
    makers |= {need: partial(np.asarray, array) for need, array in fields.items()}
    needs = sampler.needs - ({Need.PREDICT} if head is not None else set())
    unmet = needs - makers.keys()
    require_no_pool_facts(sampler, unmet)
    if unmet:
        names = ", ".join(sorted(need.value for need in unmet))
        raise UnmetNeed(f"{type(sampler).__name__} needs {names}, known after the first labels. Choose another one.")
    made = {need: makers[need]() for need in needs}
    return PoolView(candidates, made, predict_probs if head is not None and Need.PREDICT in sampler.needs else None)


def require_no_pool_facts(sampler: Sampler, needs: Collection[Need]) -> None:
    """Raise UnmetNeed if times, cameras or ids are among the `needs` of the sampler: arrays do not give them."""
    facts = {*POOL_FACTS, *POOL_FACTS.values()}.intersection(needs)
    if facts:
        raise UnmetNeed(
            f"{type(sampler).__name__} needs {', '.join(sorted(need.value for need in facts))}, which only the pool of "
            f"a campaign gives. With arrays, choose another sampler."
        )


def _take_rows(facts: PoolFacts, need: Need, rows: Ints) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = getattr(facts, need.value)
    return array[rows]


def predict_in_chunks(features: Floats, rows: Ints, predict: Callable[[Floats], Floats]) -> Floats:
    """Return the result (n, ...) of `predict` for the `rows` (n,) of `features` (N, D), without copying all rows."""
    first, *rest = row_slices(len(rows)) or [slice(0)]
    predicted = predict(features[rows[first]])
    if not rest:
        return predicted
    out = np.empty((len(rows), *predicted.shape[1:]), predicted.dtype)
    out[first] = predicted
    for chunk in rest:
        out[chunk] = predict(features[rows[chunk]])
    return out


def _lazy_samples(head: Head, features: Floats, keys: Ints, draws: int, rng: np.random.Generator) -> LazySamples:
    """Return the probabilities of `keys` (n,) by models that are drawn from `rng` once, the same for every chunk."""
    model_rng = deepcopy(rng)

    def make(keys: Ints) -> Floats:
        return np.asarray(head.prob_samples(features[keys], draws, deepcopy(model_rng)))

    # What the sampler draws itself comes after the models.
    classes = head.prob_samples(features[keys[:1]], draws, rng).shape[2]
    samples = LazySamples(make, (draws, len(keys), classes), keys)
    return LazySamples.from_array(samples.to_array()) if samples.nbytes <= MAX_KEPT_SAMPLE_BYTES else samples
