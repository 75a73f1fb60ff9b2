"""Images that together tell the most about the weights: BALD of a whole batch, in which two alike count once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from alframe.errors import BadParams
from alframe.kit.scoring import select_top_k
from alframe.progress import track
from alframe.samplers.bald import enough, information
from alframe.types import Ints, Need, PoolView, Selection

Doubles = npt.NDArray[np.float64]

CELLS = 2**18  # predictive probabilities at a time: 2 MiB of them stay in the processor's cache


class BatchBald:
    """Greedily, the image whose label adds most to the mutual information of the batch's labels and the weights.

    Kirsch, van Amersfoort and Gal 2019, "BatchBALD: efficient and diverse batch acquisition for deep Bayesian active
    learning". Of the pool, the `candidates` with the highest BALD are looked at (at least four for each image asked
    for). The sum over all labellings of the batch so far is exact while there are at most `labellings` of them (classes
    to the power of the batch); from then on over so many drawn from their joint distribution. Scores are what each
    image added, in nats. No batch is worth more than ln(draws). Raises BadParams for numbers that are too small.
    """

    needs = frozenset({Need.PROB_SAMPLES})

    def __init__(self, candidates: int = 1000, labellings: int = 2000, draws: int = 50) -> None:
        if min(candidates, labellings) < 1:
            raise BadParams(
                "sampler 'batch_bald' needs candidates and labellings of 1 or more; "
                f"it was given candidates={candidates}, labellings={labellings}."
            )
        self.candidates = candidates
        self.labellings = labellings
        self.draws = enough(draws, "batch_bald")

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        """See the Sampler contract."""
        order = np.arange(len(view))
        first = select_top_k(order, information(view, "batch_bald"), max(self.candidates, 4 * k), rng).keys
        probs = view.lazy_prob_samples[first].transpose(1, 0, 2).astype(np.float64)
        rows, gains = greedy(probs, min(k, len(view)), self.labellings, rng)
        return Selection(view.keys[first[rows]], gains.astype(np.float32))


def greedy(probs: Doubles, k: int, labellings: int, rng: np.random.Generator) -> tuple[Ints, Doubles]:
    """k rows of `probs` (n, T, C), in the order of the greedy choice, and what each added, in nats.

    What a row adds never grows with the batch. So the old numbers are upper bounds, and only the rows that may be best
    are measured again.
    """
    sure = entr(probs).sum(axis=2).mean(axis=1)  # no choice takes this doubt away: it is not the weights'
    draws, classes = probs.shape[1:]
    joint = Joint(np.ones(1), np.full((1, draws), 1 / draws))
    many = draws * -(-labellings // draws)  # as many from each draw
    sampled = Joint(np.full(many, 1 / many), np.full((many, draws), 1 / draws))
    few = True
    gains = joint.doubt(probs) - sure
    seen = np.zeros(len(probs), np.int64)  # how many choices each of the gains takes into account
    rows: list[int] = []
    added: list[float] = []
    for step in track(range(k), "Choosing a batch", total=k, unit="img"):
        while seen[best := int(gains.argmax())] < step:
            stale = np.flatnonzero((seen < step) & (gains > -np.inf))
            count = max(1, CELLS // (len(joint.chance) * classes))
            if count < len(stale):
                stale = stale[np.argpartition(-gains[stale], count)[:count]]
            gains[stale] = joint.doubt(probs[stale]) - sure[stale]
            seen[stale] = step
        rows.append(best)
        # Rounding, and drawn labellings, may let it grow by a little.
        added.append(max(0.0, min(gains[best], added[-1]) if added else gains[best]))
        gains[best] = -np.inf
        sampled = drawn(sampled, probs[best], rng)
        few = few and len(joint.chance) * classes <= labellings
        joint = exact(joint, probs[best]) if few else sampled
    return np.array(rows, np.int64), np.array(added, np.float64)


class Joint:
    """The joint distribution of the labels of some images.

    `chance` (M,) of each labelling, which add up to 1, and the `posterior` (M, T) over the draws once it is known: each
    is normalised at every step, so that nothing underflows however large the batch.
    """

    def __init__(self, chance: Doubles, posterior: Doubles) -> None:
        self.chance = chance
        self.posterior = posterior

    def doubt(self, probs: Doubles) -> Doubles:
        """(n,) nats: the entropy of the label of each row of `probs` (n, T, C), if the labels before are known."""
        rows, draws, classes = probs.shape
        flat = self.posterior @ probs.transpose(1, 0, 2).reshape(draws, rows * classes)
        # Several times faster than scipy's entr. The logarithm of zero is then finite, and times zero is zero.
        nats = np.log(flat + np.finfo(np.float64).tiny)
        nats *= flat
        doubt: Doubles = -(self.chance @ nats).reshape(rows, classes).sum(axis=1)
        return doubt


def exact(before: Joint, probs: Doubles) -> Joint:
    """With one more image, of `probs` (T, C): all labellings that can be."""
    chance = (before.chance[:, None] * (before.posterior @ probs)).ravel()
    kept = np.flatnonzero(chance)
    labelling, label = np.divmod(kept, probs.shape[1])
    posterior = before.posterior[labelling] * probs.T[label]
    return Joint(chance[kept] / chance.sum(), posterior / posterior.sum(axis=1, keepdims=True))


def drawn(before: Joint, probs: Doubles, rng: np.random.Generator) -> Joint:
    """With one more image, of `probs` (T, C): each labelling of `before` gets the label that its own draw gives it.

    As many labellings come from each draw, and stay with it: drawn from all together at each step, they would soon be
    the offspring of a few.
    """
    draws = len(probs)
    each = len(before.chance) // draws
    # For each draw, places spread evenly over 0..1, in random order: nearly as many of each label as there should be.
    places = (rng.permuted(np.tile(np.arange(each), (draws, 1)), axis=1) + rng.random((draws, each))) / each
    total = np.cumsum(probs, axis=1)
    label = (places[:, :, None] > (total / total[:, -1:])[:, None, :-1]).sum(axis=2).T.ravel()
    posterior = before.posterior * probs.T[label]
    return Joint(before.chance, posterior / posterior.sum(axis=1, keepdims=True))
