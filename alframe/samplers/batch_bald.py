"""The sampler `batch_bald`: BALD of a whole batch, in which two similar images count hardly more than one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from alframe.kit.parameters import require_at_least
from alframe.kit.progress import track
from alframe.kit.scoring import select_top_k
from alframe.samplers.bald import pool_mutual_information
from alframe.types import Floats64, Ints, Need, PoolView, Selection

PROBS_PER_CHUNK = 2**18  # predictive probabilities at a time: 2 MiB of them stay in the processor's cache


class BatchBald:
    """Build the batch image by image: the next image adds most to the mutual information of labels and weights.

    The mutual information is between the labels of all images of the batch and the weights of the head. The score of an
    image is the information that the image adds, in nats. A batch cannot have more than ln(`draws`) nats. Kirsch, van
    Amersfoort and Gal 2019, "BatchBALD: efficient and diverse batch acquisition for deep Bayesian active learning".
    """

    needs = frozenset({Need.PROB_SAMPLES})

    def __init__(self, candidates: int = 1000, labellings: int = 2000, draws: int = 50) -> None:
        require_at_least("sampler 'batch_bald'", 1, candidates=candidates, labellings=labellings)
        require_at_least("sampler 'batch_bald'", 2, draws=draws)
        self.candidates, self.labellings, self.draws = candidates, labellings, draws

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        information = pool_mutual_information(view)
        candidates = select_top_k(np.arange(len(view)), information, max(self.candidates, 4 * k), rng).keys
        probs = view.lazy_prob_samples[candidates].transpose(1, 0, 2).astype(np.float64)
        rows, gains = choose_greedily(probs, k, self.labellings, rng)
        return Selection(view.keys[candidates[rows]], gains.astype(np.float32))


def choose_greedily(probs: Floats64, k: int, labellings: int, rng: np.random.Generator) -> tuple[Ints, Floats64]:
    """Return k rows of `probs` (n, T, C) in the order of the greedy choice, and what each added, in nats.

    The gain of a row (what it adds) never grows when the batch grows. So earlier gains are upper bounds, and only the
    rows that may be best are computed again.
    """
    draw_entropy = entr(probs).sum(axis=2).mean(axis=1)  # the part of the uncertainty that is not the weights'
    draws, classes = probs.shape[1:]
    exact = LabelDistribution(np.ones(1), np.full((1, draws), 1 / draws))
    count = draws * -(-labellings // draws)  # as many labellings from each draw
    sampled = LabelDistribution(np.full(count, 1 / count), np.full((count, draws), 1 / draws))
    current = exact
    gains = current.entropy_given_labels(probs) - draw_entropy
    gain_steps = np.zeros(len(probs), np.int64)  # how many choices each of the gains takes into account
    rows: list[int] = []
    added: list[float] = []
    for step in track(range(k), "Choosing a batch", total=k, unit="img"):
        while gain_steps[best := int(gains.argmax())] < step:
            stale = np.flatnonzero((gain_steps < step) & (gains > -np.inf))
            limit = max(1, PROBS_PER_CHUNK // (len(current.probabilities) * classes))
            if limit < len(stale):
                stale = stale[np.argpartition(-gains[stale], limit)[:limit]]
            gains[stale] = current.entropy_given_labels(probs[stale]) - draw_entropy[stale]
            gain_steps[stale] = step
        rows.append(best)
        # Rounding, and drawn labellings, may let a gain grow by a little.
        added.append(max(0.0, min(gains[best], added[-1]) if added else gains[best]))
        gains[best] = -np.inf
        sampled = extend_by_drawing(sampled, probs[best], rng)
        if current is exact and len(exact.probabilities) * classes <= labellings:
            current = exact = extend_exactly(exact, probs[best])
        else:
            current = sampled
    return np.array(rows, np.int64), np.array(added, np.float64)


@dataclass(frozen=True)
class LabelDistribution:
    """The joint distribution of the labels of some images, over M labellings and T draws of the weights.

    `probabilities` (M,) are those of the labellings and add up to 1; `posterior` (M, T) are those of the draws once the
    labelling is known. Each is normalised at every step, so that nothing underflows however large the batch.
    """

    probabilities: Floats64
    posterior: Floats64

    def entropy_given_labels(self, probs: Floats64) -> Floats64:
        """Return the entropy in nats (n,) of the label of each row of `probs` (n, T, C), given the labels before."""
        rows, draws, classes = probs.shape
        predictive = self.posterior @ probs.transpose(1, 0, 2).reshape(draws, rows * classes)
        # Several times faster than scipy's entr. The logarithm of zero is then finite, and times zero is zero.
        nats = np.log(predictive + np.finfo(np.float64).tiny)
        nats *= predictive
        return np.asarray(-(self.probabilities @ nats).reshape(rows, classes).sum(axis=1))


def extend_exactly(before: LabelDistribution, probs: Floats64) -> LabelDistribution:
    """Return the distribution with one more image, of `probs` (T, C): over all labellings that are possible."""
    probabilities = (before.probabilities[:, None] * (before.posterior @ probs)).ravel()
    possible = np.flatnonzero(probabilities)
    labelling, label = np.divmod(possible, probs.shape[1])
    posterior = before.posterior[labelling] * probs.T[label]
    return LabelDistribution(
        probabilities[possible] / probabilities.sum(), posterior / posterior.sum(axis=1, keepdims=True)
    )


def extend_by_drawing(before: LabelDistribution, probs: Floats64, rng: np.random.Generator) -> LabelDistribution:
    """Return the distribution with one more image, of `probs` (T, C): each labelling gets a label from its own draw.

    Each draw has the same number of labellings, at every step. If labellings were drawn from all draws together at each
    step, soon all of them would come from a few draws.
    """
    draws = len(probs)
    per_draw = len(before.probabilities) // draws
    # Evenly spread quantiles in random order for each draw: nearly as many of each label as there should be.
    shuffled = rng.permuted(np.tile(np.arange(per_draw), (draws, 1)), axis=1)
    quantiles = (shuffled + rng.random((draws, per_draw))) / per_draw
    cumulated = np.cumsum(probs, axis=1)
    label = (quantiles[:, :, None] > (cumulated / cumulated[:, -1:])[:, None, :-1]).sum(axis=2).T.ravel()
    posterior = before.posterior * probs.T[label]
    return LabelDistribution(before.probabilities, posterior / posterior.sum(axis=1, keepdims=True))
