"""Optional abilities of parts.

A part has an ability if it offers the attribute or method below; there is nothing to inherit. alframe looks with
``isinstance``, which sees what the class or the instance itself defines, and nothing that `__getattr__` makes up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from alframe.types import Floats

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT_DRAWS = 20  # samples of the probabilities for a sampler that does not say how many


@runtime_checkable
class PersistentAnswers(Protocol):
    """A label source whose answers stay in one place whatever the round, as in a table of the user's own."""

    answers_persist: bool
    """Whether they do. A person who was unsure about an image would give that answer again, so it is not asked for."""


@runtime_checkable
class SyntheticPool(Protocol):
    """A pool of images made for trying things out."""

    synthetic: bool
    """Whether its labels are a truth that nobody knows at the start, which serves simulations and tests only.

    The labels of other pools count as given from the start, unless the campaign is a simulation.
    """


@runtime_checkable
class AuditBased(Protocol):
    """A stopping rule that decides by `RoundRecord.audit`."""

    needs_audit: bool
    """Whether a run that draws no audit is refused."""


@runtime_checkable
class FixedDraws(Protocol):
    """A sampler that says how many samples of the probabilities it needs; others get `DEFAULT_DRAWS`."""

    draws: int
    """The T of `PoolView.prob_samples` (T, n, C), at least 1."""


@runtime_checkable
class HiddenActivations(Protocol):
    """A head with hidden layers, for samplers that need `Need.ACTIVATIONS`."""

    def activations(self, x: Floats) -> Floats:
        """Return the outputs of the hidden layers, side by side: (n, A) for embeddings `x` (n, D)."""
        ...


@runtime_checkable
class CountsLabels(Protocol):
    """A bound loss that weighs classes by how many labels they have."""

    def count_labels(self, labels: Tensor) -> None:
        """Take note of the class numbers (m,) int64, on the CPU, of all labels; called once before the training."""
        ...
