"""What is held out: in proportion, in whole groups, once and for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from alframe.engine.manifest import draw_groups, sync
from alframe.errors import PoolError
from alframe.store.ledger import Ledger
from alframe.types import Item


@dataclass
class Listed:
    """A pool that lists what it is given."""

    found: Sequence[Item]

    def items(self) -> Iterator[Item]:
        return iter(self.found)


def item(number: int, label: str | None = "fox", sequence: str | None = None) -> Item:
    return Item(id=f"{number:04d}.jpg", path=Path(f"{number:04d}.jpg"), label=label, sequence=sequence)


def split(ledger: Ledger, items: Sequence[Item], fraction: float = 0.2) -> list[str]:
    return [one.split for one in sync(ledger, Listed(items), fraction, "sequence", seed=0).items]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path) as book:
        yield book


@pytest.mark.parametrize("fraction", [0.1, 0.15, 0.3, 0.6])
def test_each_class_is_held_out_in_proportion(fraction: float) -> None:
    classes = ["fox"] * 200 + ["hare"] * 40
    chosen = draw_groups([str(n) for n in range(240)], classes, fraction, np.random.default_rng(0))
    counts = Counter(classes[int(name)] for name in chosen)
    assert counts == {"fox": round(200 * fraction), "hare": round(40 * fraction)}


def test_rare_classes_are_not_taken_away_whole() -> None:
    names, classes = [str(n) for n in range(7)], ["a", "b", "b", "c", "c", "c", "c"]
    chosen = draw_groups(names, classes, 0.2, np.random.default_rng(0))
    assert Counter(classes[int(name)] for name in chosen) == {"c": 1}


def test_a_group_is_held_out_with_its_unlabelled_images_and_with_those_to_come(ledger: Ledger) -> None:
    bursts = [item(n, "fox" if n % 3 == 0 else None, f"burst {n // 3}") for n in range(30)]
    splits = split(ledger, bursts)
    assert Counter(splits) == {"pool": 24, "test": 6}
    assert all(len(set(splits[at : at + 3])) == 1 for at in range(0, 30, 3))
    later = [item(100 + n, None, f"burst {n}") for n in range(10)]
    assert split(ledger, [*bursts, *later])[30:] == splits[::3]


def test_the_split_is_drawn_once(ledger: Ledger) -> None:
    items = [item(n) for n in range(20)]
    first = split(ledger, items)
    assert split(ledger, items, fraction=0.5) == first


def test_a_pool_with_a_split_of_its_own_keeps_it(ledger: Ledger) -> None:
    items = [item(n) for n in range(20)]
    items[3] = replace(items[3], split="test")
    assert split(ledger, items).count("test") == 1


def test_keys_stay_when_images_come_and_go(ledger: Ledger) -> None:
    sync(ledger, Listed([item(5), item(7), item(9)]), 0, "sequence", 0)
    manifest = sync(ledger, Listed([item(1), item(9), item(5)]), 0, "sequence", 0)
    assert [one.id for one in manifest.items] == ["0005.jpg", "0007.jpg", "0009.jpg", "0001.jpg"]
    assert manifest.present.tolist() == [True, False, True, True]


def test_another_pool_is_not_taken_for_this_one(ledger: Ledger) -> None:
    sync(ledger, Listed([item(5)]), 0, "sequence", 0)
    with pytest.raises(PoolError, match=r"None of the 1 images .* '0005.jpg', the first listed one '0009.jpg'"):
        sync(ledger, Listed([item(9)]), 0, "sequence", 0)
    with pytest.raises(PoolError, match="no images"):
        sync(ledger, Listed([]), 0, "sequence", 0)
