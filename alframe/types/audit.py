"""Images drawn at random, and what they say of the images they were drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.types.images import Ints

MIN_IMAGES = 30  # measured on fewer, an accuracy says little
UNLABELLED = "images without a label"
WHOLE_POOL = "images of the pool, labelled by people or else by the model"


@dataclass(frozen=True, slots=True)
class AuditDraw:
    """The random draw of one round: the `keys` (a,) that it took, and the images that it could have taken.

    `strata` (n,), by item key: the number of the image's stratum, from 1 up; 0 if the image could not be drawn. Items
    with a key of n or more did not exist yet. Within each stratum, every image was as likely to be drawn as any other.
    """

    keys: Ints
    strata: Ints


@dataclass(frozen=True, slots=True)
class Estimate:
    """The accuracy on all `images` of a population, estimated from `n` images drawn at random.

    `population` describes these images in words.

    `low` and `high` are its bounds with 95 % confidence, if one looks once. `always_low` and `always_high` are wider:
    with 95 % confidence, none of them is wrong in any round, however often one looks (see `anytime_multiplier`).
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
        """Whether the drawn images are too few for their accuracy to be given as one number, without its interval."""
        return self.n < MIN_IMAGES
