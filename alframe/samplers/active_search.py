"""The sampler `active_search`: images that most probably show the classes that people search for."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence

import numpy as np

from alframe.class_names import class_name_key
from alframe.kit.composite import CompositeSampler, restrict_view
from alframe.kit.parameters import did_you_mean, require_parameter
from alframe.kit.scoring import require_finite, select_top_k
from alframe.types import Bools, Floats, Ints, Need, PoolView, Selection

log = logging.getLogger(__name__)


class ActiveSearch(CompositeSampler):
    """Select the images that most probably have one of some classes, to find many images of these classes.

    This is active search (Garnett et al. 2012, "Bayesian optimal active search and surveying"), which looks only at the
    next label. If there are several classes, each image is chosen for the class with the fewest labels. The most
    probable image of this class is chosen, and counts as one more label of this class.

    A class can be searched for when at least one image has its label. A warning names the classes without a label.
    Another sampler (`otherwise`) chooses the rest of the batch. This sampler treats the images found in the search as
    labelled.
    """

    def __init__(self, classes: Sequence[str] = (), share: float = 0.5, otherwise: str = "uherding") -> None:
        names = [classes] if isinstance(classes, str) else [str(name) for name in classes]
        keys = {class_name_key(name) for name in names}
        require_parameter("sampler 'active_search'", len(keys) == len(names), "names that differ", classes=names)
        require_parameter("sampler 'active_search'", 0 < share <= 1, "above 0 and at most 1", share=share)
        self.classes, self.share, self.samplers = names, share, (otherwise,)

    @property
    def needs(self) -> frozenset[Need]:
        own = {Need.PROBS, Need.LABELS} | ({Need.CLASS_NAMES} if self.classes else set())
        return super().needs | own

    def select(self, view: PoolView, k: int, rng: np.random.Generator) -> Selection:
        require_finite(view.probs, "class probabilities")
        counts = np.bincount(view.labels, minlength=view.probs.shape[1])
        class_indices = self._find_classes(view, counts)
        wanted = math.ceil(self.share * k - 1e-9) if len(class_indices) else 0
        found = choose_evenly_by_class(view.probs, counts, class_indices, wanted, rng)
        if len(found) == k:
            return Selection(view.keys[found])
        is_found: Bools = np.isin(np.arange(len(view)), found)
        (other,) = self.members
        rest = restrict_view(other, view).after_choosing(is_found, ~is_found)
        chosen = other.select(rest, k - len(found), rng).keys
        # The beginning of the batch is mixed like the whole.
        positions = [(np.arange(len(part)) + 0.5) / len(part) for part in (found, chosen) if len(part)]
        order = np.argsort(np.concatenate(positions), kind="stable")
        return Selection(np.concatenate([view.keys[found], chosen])[order])

    def _find_classes(self, view: PoolView, counts: Ints) -> Ints:
        """Return the class indices (s,) to search for: the wanted classes that have a label."""
        if not self.classes:
            return np.flatnonzero(counts)
        names = view.class_names.tolist()
        numbers = {class_name_key(name): number for number, name in enumerate(names)}
        found = {name: numbers.get(class_name_key(name)) for name in self.classes}
        missing = [name for name, number in found.items() if number is None or not counts[number]]
        if missing and view.chosen_features is None:  # once for a batch that is chosen in several turns
            labelled = [name for name, count in zip(names, counts.tolist(), strict=False) if count]
            log.warning(
                "sampler 'active_search' cannot search for %s yet, since no labelled image shows it.%s Sampler '%s' "
                "chooses in its place. Label one image of it to begin, for example with 'find more like this' on the "
                "page of label_source=web.",
                " or ".join(missing),
                "".join(did_you_mean(name, labelled) for name in missing if name not in names),
                self.samplers[0],
            )
        return np.array([number for number in found.values() if number is not None and counts[number]], np.int64)


def choose_evenly_by_class(probs: Floats, counts: Ints, class_indices: Ints, k: int, rng: np.random.Generator) -> Ints:
    """Return k rows (k,) of `probs` (n, C) in the order of choice: each the most probable of one of the classes.

    Each time, the class of the `class_indices` (s,) comes that has the fewest images by `counts` (C,), in which the
    images chosen for it count. Classes with equal counts come in random order.
    """
    order = rng.permutation(class_indices)
    counts = counts[order]
    ranked: dict[int, Iterator[int]] = {}  # by class: its k most probable rows, of which at most k - 1 can be taken
    chosen: dict[int, None] = {}
    while len(chosen) < k:
        position = int(counts.argmin())
        if position not in ranked:
            best = select_top_k(np.arange(len(probs)), probs[:, order[position]], k, rng)
            ranked[position] = iter(best.keys.tolist())
        chosen[next(row for row in ranked[position] if row not in chosen)] = None
        counts[position] += 1
    return np.array(list(chosen), np.int64)
