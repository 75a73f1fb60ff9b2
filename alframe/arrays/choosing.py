"""Build the sampler and the head from the user's arguments, fit the head, and let the sampler choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe import seeding
from alframe.app.part_recipes import default_part_name, resolve_recipe
from alframe.arrays.pool import ArrayPool, Keys, RowLabels
from alframe.builtins import REGISTRIES
from alframe.contracts import Head, Sampler, ScoresPool
from alframe.engine.checked_head import CheckedHead
from alframe.engine.fit import draw_unlabelled_features
from alframe.engine.select import select_with_sequence_limit
from alframe.errors import BadParams, UnmetNeed
from alframe.kit import composite
from alframe.kit.pool_views import EarlierBatches, make_pool_view, require_no_pool_facts
from alframe.loop.contract_checks import require_members
from alframe.types import FitContext, Floats, Ints, Need

NO_EARLIER_BATCHES = EarlierBatches()


@dataclass(frozen=True, slots=True)
class ArraySelection:
    """The selected images: `keys` (k,) with the most useful first, `scores` (k,) or None, and row numbers `rows` (k,).

    `pool_scores` (N,) has the score of every candidate, and NaN for all other rows. It is None if the sampler has no
    such scores, because each choice depends on the earlier choices. `details` are numbers that the sampler has computed
    from the data, such as the radius of ProbCover. ``keys, scores = selection`` works too.
    """

    keys: Keys
    scores: Floats | None
    rows: Ints
    pool_scores: Floats | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    chosen_by: str = ""

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.keys, self.scores))


def choose_rows(
    sampler: Sampler,
    name: str,
    pool: ArrayPool,
    rows: Ints,
    labels: RowLabels,
    head: Head | None,
    k: int,
    rng: np.random.Generator,
    per_sequence: int | None,
    earlier: EarlierBatches = NO_EARLIER_BATCHES,
    given_probs: Mapping[Need, Floats] = {},
) -> ArraySelection:
    """Let the `sampler` choose k of the `rows` (n,) of the pool; `given_probs` has probabilities for all N rows."""
    fields: dict[Need, npt.NDArray[Any]] = {
        need: array[..., rows, :] for need, array in given_probs.items() if need is not Need.LABELLED_PROBS
    }
    if Need.PROBS in given_probs:
        fields[Need.LABELLED_PROBS] = given_probs[Need.PROBS][labels.rows]
    fields[Need.CLASS_NAMES] = np.array([str(name) for name in labels.classes], np.str_)
    view = make_pool_view(
        sampler, pool.features, rows, labels.rows, labels.y, rng, head, None, pool.sequences, earlier, fields
    )
    label = REGISTRIES["sampler"].describe({"name": name})
    chosen = select_with_sequence_limit(sampler, view, pool.sequences[rows], k, per_sequence, rng, label)
    pool_scores = None
    if isinstance(sampler, ScoresPool):
        pool_scores = np.full(len(pool), np.nan, np.float32)
        pool_scores[rows] = sampler.score_pool(view)
    keys = pool.keys[chosen.keys]
    return ArraySelection(keys, chosen.scores, chosen.keys, pool_scores, chosen.details, chosen.chosen_by)


def build_sampler(sampler: str | Sampler, seed: int) -> tuple[Sampler, str]:
    """Return the sampler and its name. Raises UnmetNeed if the sampler needs data that arrays do not have."""
    if isinstance(sampler, str):
        built: Sampler = REGISTRIES["sampler"].build(resolve_recipe("sampler", sampler, seed))
    else:
        built = _require_instance("sampler", sampler)
    require_no_pool_facts(built, built.needs)
    return built, sampler if isinstance(sampler, str) else type(sampler).__name__


def _require_instance(kind: str, part: Any) -> Any:
    """Return a part that the caller has built. Raises BadParams for a class, BrokenPlugin for another object."""
    if isinstance(part, type):
        raise BadParams(f"{kind}: {part.__name__} is a class. Give an instance: {part.__name__}().")
    if isinstance(part, Sequence):
        raise BadParams(f"{kind}={part!r}: give one {kind}.")
    require_members(kind, part)
    return part


def find_head_maker(head: str | Head | None) -> tuple[Callable[[], Head], str]:
    """Return a function that makes the head and checks its results, and the name of the head; None: the default head.

    If the caller gives a head and not a name, the same object is fitted each time.
    """
    if head is None or isinstance(head, str):
        recipe = resolve_recipe("head", head or default_part_name("head"))
        return lambda: CheckedHead(REGISTRIES["head"].build(recipe), recipe), str(recipe["name"])
    own, name = _require_instance("head", head), type(head).__name__
    return lambda: CheckedHead(own, {"name": name}), name


def fit_head_to_rows(
    head: Head, pool: ArrayPool, labels: RowLabels, rows: Ints, seed: int, round_number: int, sampler: str
) -> Head:
    """Fit the head to the labels and return it. It may also use `rows` (n,), which have no label.

    `round_number` is the number of batches so far. With the `seed`, it decides the random numbers, as in a campaign.
    Raises UnmetNeed with the name of the `sampler` if there are no labels of two classes.
    """
    if not labels.has_two_classes:
        found = "all are of one class" if labels.classes else "there are none"
        raise UnmetNeed(
            f"sampler '{sampler}' needs a model, and a model needs labels of two classes: {found}. Give labels=, or "
            f"the probs= of a model of your own, or begin with a sampler that needs no model, such as 'kmeans'."
        )
    sequences = pool.sequences[labels.rows]
    alone = np.arange(len(sequences)) + pool.sequences.max(initial=-1) + 1  # without a sequence: a group of its own
    rows_rng = seeding.generator(seed, "unlabelled", round_number)
    unlabelled = draw_unlabelled_features(head, pool.features, rows, rows_rng)
    context = FitContext(np.ones(len(sequences), np.bool_), np.where(sequences < 0, alone, sequences), unlabelled)
    rng = seeding.generator(seed, "head", round_number)
    composite.fit_head(head, pool.features[labels.rows], labels.y, len(labels.classes), rng, context)
    return head
