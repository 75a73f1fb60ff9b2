"""Images drawn at random, and the estimates that are made from them."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.types.images import Ints

MIN_ACCURACY_IMAGES = 30  # measured on fewer, an accuracy says little
UNLABELLED = "images without a label"
WHOLE_POOL = "images of the pool, labelled by people or else by the model"


@dataclass(frozen=True, slots=True)
class AuditDraw:
    """The random draw of one round: the `keys` (a,) that it took, and the images that it could have taken.

    `strata` (n,), by item key: the number of the image's stratum, from 1 up; 0 if the image could not be drawn. Items
    with a key of n or more did not exist yet. Within a stratum, all images have the same probability of being drawn.
    """

    keys: Ints
    strata: Ints


@dataclass(frozen=True, slots=True)
class Estimate:
    """The accuracy on all `images` of a population, estimated from `n` images drawn at random.

    `population` describes these images in words.

    `low` and `high` are the bounds of a 95 % interval for one round. `always_low` and `always_high` are wider: with
    95 % confidence, the bounds of all rounds are right (see `anytime_multiplier`).
    """

    population: str
    images: int
    n: int
    accuracy: float
    low: float
    high: float
    always_low: float
    always_high: float

    @property
    def is_small(self) -> bool:
        """Whether the drawn images are so few that alframe shows only the interval of the accuracy."""
        return self.n < MIN_ACCURACY_IMAGES
