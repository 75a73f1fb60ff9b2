"""How people agree: by their first answers, and beyond chance."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from alframe.loop.agreement import cohens_kappa, describe_agreement, measure_agreement
from alframe.store.ledger import Ledger
from alframe.types import Item, Label, Selection


def test_kappa_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    first = rng.choice(["fox", "deer", "hare"], 200)
    second = np.where(rng.random(200) < 0.7, first, rng.choice(["fox", "deer", "owl"], 200))
    pairs = list(zip(first.tolist(), second.tolist(), strict=True))
    assert cohens_kappa(pairs) == pytest.approx(cohen_kappa_score(first, second))
    assert cohens_kappa([("fox", "deer"), ("deer", "fox")]) == -1
    assert math.isnan(cohens_kappa([("fox", "fox")]))


def test_only_first_answers_of_two_people_count(tmp_path: Path) -> None:
    """Not what was corrected later, nor `unsure`, nor what the pool knows, nor a label for another image of a burst."""
    with Ledger.open(tmp_path) as ledger:
        with ledger.transaction():
            ledger.add_items(0, [Item(f"{key}.jpg", tmp_path / f"{key}.jpg") for key in range(9)])
            ledger.add_round(1, {}, {}, {}, Selection(np.arange(9)))
            ledger.add_labels([(7, Label("7.jpg", "fox", "anna")), (7, Label("7.jpg", "fox", "ben"))], None, "pool")

        def say(key: int, *said: tuple[str, str]) -> None:
            labels = [(key, Label(f"{key}.jpg", name, annotator)) for annotator, name in said]
            with ledger.transaction():
                ledger.add_labels(labels, 1, "web")

        say(0, ("anna", "fox"), ("ben", "fox"))
        say(1, ("anna", "fox"))
        say(1, ("anna", "fox"), ("ben", "deer"))
        say(1, ("anna", "deer"), ("ben", "deer"))  # corrected
        say(2, ("anna", "deer"), ("ben", "deer"))
        say(3, ("anna", "fox"), ("ben", "unsure"))
        say(4, ("anna", "fox"), ("anna", "deer"), ("ben", "deer"))  # two animals
        say(5, ("anna", "fox"))
        say(8, ("ben", "fox"))
        say(8, ("anna", "fox"))  # the name was wrong
        with ledger.transaction():
            both = [(6, Label("5.jpg", "fox", "anna")), (6, Label("5.jpg", "fox", "ben"))]
            ledger.add_labels(both, 1, "web unrequested", labelled_on={6: 5})
        (found,) = measure_agreement(ledger.stored_labels())
    assert (found.first, found.second, found.images) == ("anna", "ben", 3)
    assert found.agreement == pytest.approx(2 / 3)
    assert describe_agreement([found]) == [
        "anna and ben agree on 67% of the 3 images that both answered (Cohen's kappa 0.40)."
    ]
