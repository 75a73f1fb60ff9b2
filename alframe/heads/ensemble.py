"""The head `ensemble`: several heads, each trained separately."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from alframe.contracts import CheckableHead, ExportableHead, Head, UsesFitContext, UsesUnlabelled
from alframe.errors import BadParams
from alframe.kit.composite import build_part, fit_head, forward_abilities
from alframe.kit.parameters import require_at_least, require_parameter
from alframe.types import FitContext, Floats, Ints

if TYPE_CHECKING:
    from torch import nn


class Ensemble:
    """Predict the mean of several heads (members) with the same settings, each trained from another random start.

    Each draw (a random sample of the probabilities) is the prediction of one member. The members come in random order,
    and are repeated if more draws are requested than there are members. If all members are the same, `fit` raises
    BadParams. Lakshminarayanan, Pritzel and Blundell 2017, "Simple and scalable predictive uncertainty estimation using
    deep ensembles".
    """

    stochastic = True

    def __init__(self, member: Mapping[str, Any] = {"name": "mlp"}, members: int = 5, bootstrap: bool = False) -> None:
        require_at_least("head 'ensemble'", 2, members=members)
        require_parameter("head 'ensemble'", "name" in member, "a recipe with the name of a head", member=dict(member))
        self.member = dict(member)
        self.members, self.bootstrap = members, bootstrap
        self._heads: list[Head] = []
        forward_abilities(
            self, build_part("head", self.member), (CheckableHead, ExportableHead, UsesFitContext, UsesUnlabelled)
        )

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        self._fit_with_context(x, y, classes, rng, FitContext.unknown(len(y)))

    def _fit_with_context(
        self, x: Floats, y: Ints, classes: int, rng: np.random.Generator, context: FitContext
    ) -> None:
        self._heads = [build_part("head", self.member) for _ in range(self.members)]
        for head in self._heads:
            rows = _bootstrap_rows(y, rng) if self.bootstrap else np.arange(len(y))
            fit_head(head, x[rows], y[rows], classes, rng, context.take(rows))
        first, second = (head.state() for head in self._heads[:2])
        are_equal = all(np.array_equal(first[name], second[name]) for name in first)
        if are_equal and not self.bootstrap and len(set(y.tolist())) > 1:
            raise BadParams(
                f"head 'ensemble': all members are the same, because head '{self.member['name']}' is not random. "
                "Set head.bootstrap=true."
            )

    def probs(self, x: Floats) -> Floats:
        """See the Head contract: the mean over the members."""
        total = np.array(self._heads[0].probs(x), np.float32)
        for head in self._heads[1:]:
            total += head.probs(x)
        return total / np.float32(len(self._heads))

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """See the Head contract. Every draw is a member. The numbers of draws of two members differ by at most one."""
        count = len(self._heads)
        order = np.concatenate([rng.permutation(count) for _ in range(-(-draws // count))])[:draws]
        probs = {number: self._heads[number].probs(x) for number in sorted(set(order.tolist()))}
        return np.stack([probs[number] for number in order.tolist()])

    def _logits_module(self) -> nn.Module:
        from alframe.heads.torch_modules import MeanOfProbabilities

        return MeanOfProbabilities([head.logits_module() for head in self._heads if isinstance(head, ExportableHead)])

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the states of all members. The names in the state of the first member begin with ``0.``."""
        return {
            f"{number}.{name}": array for number, head in enumerate(self._heads) for name, array in head.state().items()
        }

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        states: dict[int, dict[str, npt.NDArray[Any]]] = {}
        for name, array in state.items():
            number, _, member_name = name.partition(".")
            states.setdefault(int(number), {})[member_name] = array
        self._heads = [build_part("head", self.member) for _ in states]
        for index, head in enumerate(self._heads):
            head.load(states[index])


def _bootstrap_rows(y: Ints, rng: np.random.Generator) -> Ints:
    """Return row numbers (m,), drawn with replacement. Each class of `y` (m,) keeps its number of rows."""
    classes = (np.flatnonzero(y == label) for label in np.unique(y))
    return np.concatenate([rng.choice(rows, len(rows)) for rows in classes])
