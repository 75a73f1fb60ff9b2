"""Several heads that were each trained anew."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from alframe.contracts import Head
from alframe.errors import BadParams
from alframe.kit.parts import build_part
from alframe.types import Floats, Ints

MLP = MappingProxyType({"name": "mlp"})


class Ensemble:
    """The mean of `members` heads, each made by the recipe `member` and trained from another random start.

    Lakshminarayanan, Pritzel and Blundell 2017, "Simple and scalable predictive uncertainty estimation using deep
    ensembles". A head without a random start needs the `bootstrap` (Efron 1979; Breiman 1996, "Bagging predictors"):
    each member learns from as many examples of each class, drawn with replacement; no class is lost. The draws are the
    members, in random order and, where more are asked for, again. Raises BadParams for fewer than two members, and for
    members that come out all the same.
    """

    stochastic = True

    def __init__(self, member: Mapping[str, Any] = MLP, members: int = 5, bootstrap: bool = False) -> None:
        if members < 2 or "name" not in member:
            raise BadParams(
                f"head 'ensemble' needs two members or more and the name of the head they are, and was given "
                f"members={members}, member={dict(member)}."
            )
        self.member = dict(member)
        self.members = members
        self.bootstrap = bootstrap
        self._heads: list[Head] = []

    def fit(self, x: Floats, y: Ints, classes: int, rng: np.random.Generator) -> None:
        """See the Head contract."""
        self._heads = [self._made() for _ in range(self.members)]
        for head in self._heads:
            rows = _resample(y, rng) if self.bootstrap else np.arange(len(y))
            head.fit(x[rows], y[rows], classes, rng)
        first, second = (head.state() for head in self._heads[:2])
        same = all(np.array_equal(first[name], second[name]) for name in first)
        if same and not self.bootstrap and len(set(y.tolist())) > 1:
            raise BadParams(
                f"All members of the ensemble are the same, for head '{self.member['name']}' has nothing random. "
                "Set head.bootstrap=true."
            )

    def _made(self) -> Head:
        head: Head = build_part("head", self.member)
        return head

    def probs(self, x: Floats) -> Floats:
        """See the Head contract: the mean over the members."""
        total = np.array(self._heads[0].probs(x), np.float32)
        for head in self._heads[1:]:
            total += head.probs(x)
        return total / np.float32(len(self._heads))

    def prob_samples(self, x: Floats, draws: int, rng: np.random.Generator) -> Floats:
        """See the Head contract: every draw is a member, and each member is drawn as often as any, give or take one."""
        count = len(self._heads)
        order = np.concatenate([rng.permutation(count) for _ in range(-(-draws // count))])[:draws]
        members = {at: self._heads[at].probs(x) for at in sorted(set(order.tolist()))}
        return np.stack([members[at] for at in order.tolist()])

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The states of the members; the names of the first one's begin with ``0.``."""
        return {f"{at}.{name}": array for at, head in enumerate(self._heads) for name, array in head.state().items()}

    def load(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """See the Head contract."""
        parts: dict[int, dict[str, npt.NDArray[Any]]] = {}
        for name, array in state.items():
            number, _, rest = name.partition(".")
            parts.setdefault(int(number), {})[rest] = array
        self._heads = []
        for at in sorted(parts):
            self._heads.append(self._made())
            self._heads[-1].load(parts[at])


def _resample(y: Ints, rng: np.random.Generator) -> Ints:
    classes = (np.flatnonzero(y == label) for label in np.unique(y))
    return np.concatenate([rng.choice(rows, len(rows)) for rows in classes])
