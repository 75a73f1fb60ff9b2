"""Show a sampler exactly what it declared in `needs`."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.contracts import DEFAULT_DRAWS, FixedDraws, Head, HiddenActivations, Sampler
from alframe.engine.fit import TrainingSet, predict_in_chunks
from alframe.errors import UnmetNeed
from alframe.types import Floats, Ints, LazyFeatures, LazySamples, Need, PoolView

MAX_KEPT_BYTES = (
    256 << 20
)  # bytes of them that are made once and kept; of more, a part where it is read, and again if read again


def require_needs(
    sampler: Sampler, name: str, head: Head, head_name: str, heads_with: Callable[[str], list[str]]
) -> None:
    """Raise UnmetNeed, before any image is read, if the head cannot give what the sampler needs.

    `heads_with` names the heads that have a true attribute of this name.
    """
    unmet = None
    if Need.PROB_SAMPLES in sampler.needs and not head.stochastic:
        unmet = ("samples of the probabilities", "gives only one answer", "stochastic")
    elif Need.ACTIVATIONS in sampler.needs and not isinstance(head, HiddenActivations):
        unmet = ("the outputs of hidden layers", "has none", "activations")
    if unmet is not None:
        what, why, attribute = unmet
        heads = heads_with(attribute)
        example = "laplace" if "laplace" in heads else (heads or ["mlp"])[0]  # the cheapest that gives samples
        raise UnmetNeed(
            f"sampler={name} needs {what}, and head={head_name} {why}. Heads that do: "
            f"{', '.join(heads) or 'none installed'}. For example: sampler={name} head={example}."
        )


def make_pool_view(
    sampler: Sampler,
    keys: Ints,
    features: Floats,
    sequences: Ints,
    training: TrainingSet,
    head: Head | None,
    rng: np.random.Generator,
    batch_errors: Callable[[], Floats] = lambda: np.zeros(0, np.float32),
) -> PoolView:
    """The view of the unlabelled `keys` (n,). By item key are features (N, D), and the number of the sequence (N,).

    `head` is None before any label.
    """
    ask = partial(predict_in_chunks, features, keys)
    makers: dict[Need, Callable[[], npt.NDArray[np.generic] | LazyFeatures | LazySamples]] = {
        Need.FEATURES: lambda: LazyFeatures(features, keys),
        Need.LABELLED_FEATURES: lambda: features[training.keys],
        Need.LABELS: lambda: training.y,
        Need.SEQUENCES: lambda: sequences[keys],
        Need.BATCH_ERRORS: batch_errors,
    }
    if head is not None:
        fitted: Any = head
        makers[Need.PROBS] = lambda: ask(fitted.probs)
        makers[Need.LABELLED_PROBS] = lambda: fitted.probs(features[training.keys])
        makers[Need.ACTIVATIONS] = lambda: ask(fitted.activations)
        draws = sampler.draws if isinstance(sampler, FixedDraws) else DEFAULT_DRAWS
        classes = len(training.classes)
        makers[Need.PROB_SAMPLES] = lambda: _lazy_samples(fitted, features, keys, draws, classes, rng)
    predict = head.probs if head is not None and Need.PREDICT in sampler.needs else None
    wanted = sampler.needs - ({Need.PREDICT} if predict is not None else set())
    missing = [need.value for need in wanted if need not in makers]
    if missing:
        raise UnmetNeed(
            f"{type(sampler).__name__} needs {', '.join(missing)}, which exists only after the first labels."
        )
    return PoolView(keys, {need: makers[need]() for need in wanted}, predict)


def _lazy_samples(
    head: Head, features: Floats, keys: Ints, draws: int, classes: int, rng: np.random.Generator
) -> LazySamples:
    """The probabilities of `keys` (n,) by models that are drawn from `rng` once: the same ones say every part."""
    models = deepcopy(rng)

    def make(keys: Ints) -> Floats:
        return np.asarray(head.prob_samples(features[keys], draws, deepcopy(models)))

    head.prob_samples(features[keys[:1]], draws, rng)  # what the sampler draws itself comes after the models
    samples = LazySamples(make, (draws, len(keys), classes), keys)
    return LazySamples.from_array(samples.to_array()) if samples.nbytes <= MAX_KEPT_BYTES else samples
