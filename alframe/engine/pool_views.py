"""Show a sampler exactly what it declared in `needs`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.contracts import DEFAULT_DRAWS, DeclaresDraws, Head, HiddenActivations, Sampler
from alframe.engine.fit import TrainingLabels, predict_in_chunks
from alframe.errors import UnmetNeed
from alframe.types import Floats, Ints, LazyFeatures, LazySamples, Need, PoolView

MAX_KEPT_SAMPLE_BYTES = (
    256 << 20
)  # of samples that are made once and kept; more are made in chunks, where they are read


@dataclass(frozen=True, slots=True)
class EarlierBatches:
    """Of each earlier batch: its round, the model's error rate on it, and which of several samplers chose it or ""."""

    rounds: Sequence[int] = ()
    error_rates: Sequence[float] = ()
    chosen_by: Sequence[str] = ()


def require_needs(
    sampler: Sampler, name: str, head: Head, head_name: str, heads_with: Callable[[str], list[str]]
) -> None:
    """Raise UnmetNeed, before any image is read, if the head cannot compute what the sampler needs.

    `heads_with` returns the names of the heads that have a true attribute of the given name.
    """
    if Need.PROB_SAMPLES in sampler.needs and not head.stochastic:
        needed, lack, attribute = "samples of the probabilities", "gives only one answer", "stochastic"
    elif Need.HIDDEN_ACTIVATIONS in sampler.needs and not isinstance(head, HiddenActivations):
        needed, lack, attribute = "the outputs of hidden layers", "has none", "hidden_activations"
    else:
        return
    heads = heads_with(attribute)
    example = "laplace" if "laplace" in heads else (heads or ["mlp"])[0]  # the cheapest that gives samples
    raise UnmetNeed(
        f"sampler={name} needs {needed}, but head={head_name} {lack}. Suitable heads: "
        f"{', '.join(heads) or 'none installed'}. For example: sampler={name} head={example}."
    )


def make_pool_view(
    sampler: Sampler,
    keys: Ints,
    features: Floats,
    sequences: Ints,
    training: TrainingLabels,
    head: Head | None,
    rng: np.random.Generator,
    earlier_batches: EarlierBatches = EarlierBatches(),
) -> PoolView:
    """Make the view of the unlabelled `keys` (n,) with exactly what `sampler` needs.

    `features` (N, D) and the numbers of the `sequences` (N,) are by item key. `head` is None while there is no model.
    Raises UnmetNeed if the sampler needs one.
    """
    predict = partial(predict_in_chunks, features, keys)
    makers: dict[Need, Callable[[], npt.NDArray[np.generic] | LazyFeatures | LazySamples]] = {
        Need.FEATURES: lambda: LazyFeatures(features, keys),
        Need.LABELLED_FEATURES: lambda: features[training.keys],
        Need.LABELS: lambda: training.y,
        Need.IS_UNSEEN_BY_BACKBONE: lambda: training.is_unseen_by_backbone,
        Need.SEQUENCES: lambda: sequences[keys],
        Need.BATCH_ERROR_RATES: lambda: np.array(earlier_batches.error_rates, np.float32),
        Need.CHOSEN_BY: lambda: np.array(earlier_batches.chosen_by, np.str_),
    }
    if head is not None:
        fitted: Any = head
        makers[Need.PROBS] = lambda: predict(fitted.probs)
        makers[Need.LABELLED_PROBS] = lambda: fitted.probs(features[training.keys])
        makers[Need.HIDDEN_ACTIVATIONS] = lambda: predict(fitted.hidden_activations)
        draws = sampler.draws if isinstance(sampler, DeclaresDraws) else DEFAULT_DRAWS
        shape = draws, len(keys), len(training.classes)
        makers[Need.PROB_SAMPLES] = lambda: _lazy_samples(fitted, features, keys, shape, rng)
    needs = sampler.needs - ({Need.PREDICT} if head is not None else set())
    unmet = [need.value for need in needs if need not in makers]
    if unmet:
        raise UnmetNeed(f"{type(sampler).__name__} needs {', '.join(unmet)}, which exists only after the first labels.")
    fields = {need: makers[need]() for need in needs}
    return PoolView(keys, fields, head.probs if head is not None and Need.PREDICT in sampler.needs else None)


def _lazy_samples(
    head: Head, features: Floats, keys: Ints, shape: tuple[int, int, int], rng: np.random.Generator
) -> LazySamples:
    """Return the probabilities of `keys` (n,) by models that are drawn from `rng` once, the same for every chunk."""
    draws = shape[0]
    model_rng = deepcopy(rng)

    def make(keys: Ints) -> Floats:
        return np.asarray(head.prob_samples(features[keys], draws, deepcopy(model_rng)))

    head.prob_samples(features[keys[:1]], draws, rng)  # what the sampler draws itself comes after the models
    samples = LazySamples(make, shape, keys)
    return LazySamples.from_array(samples.to_array()) if samples.nbytes <= MAX_KEPT_SAMPLE_BYTES else samples
