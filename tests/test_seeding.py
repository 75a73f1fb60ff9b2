"""One seed decides everything, and purposes do not disturb each other."""

from __future__ import annotations

from alframe.seeding import generator, integer_seed


def test_the_same_names_give_the_same_numbers_in_any_process() -> None:
    assert generator(0, "sampler", 3).integers(1_000_000) == 210_149
    assert integer_seed(0, "holdout") == integer_seed(0, "holdout")


def test_purposes_rounds_and_seeds_are_independent() -> None:
    draws = {
        tuple(generator(seed, name, turn).integers(1_000_000, size=3).tolist())
        for seed in (0, 1)
        for name in ("sampler", "head")
        for turn in (1, 2)
    }
    assert len(draws) == 8
