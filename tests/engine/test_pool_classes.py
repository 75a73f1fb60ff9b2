"""The classes that a pool names: spellings of one are one class, and what is no class is none, with a word on both."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alframe.engine.listing.pool_classes import unify_pool_classes
from alframe.engine.listing.pool_listing import sync_pool_listing
from alframe.pools.folder import Folder
from alframe.store.ledger import Ledger
from alframe.types import Item, ItemColumns, Label, Selection
from tests.each import check_each


@dataclass
class Listed:
    """A pool that lists what it is given."""

    found: Sequence[Item]

    def items(self) -> Iterator[Item]:
        return iter(self.found)


def items(*labels: str | None) -> list[Item]:
    return [Item(f"{n}.jpg", Path(f"/pool/{n}.jpg"), label) for n, label in enumerate(labels)]


def labels_after(*labels: str | None, declared: Sequence[str] = (), earlier: Sequence[str] = ()) -> list[str | None]:
    return [item.label for item in unify_pool_classes(ItemColumns.of(items(*labels)), declared, earlier)]


def test_class_folders_that_are_twins_are_one_class(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folders = [
        *("st1/Fox", "st2/fox", "st2b/fox", "st3/FOX", "st4/fox "),
        *("st1/Füchslein", "st2/Fu\u0308chslein", "st1/wild boar", "st2/wild boar", "st2b/wild_boar"),
    ]
    for folder in folders:
        (tmp_path / "pool" / folder).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "pool" / folder / "a.png")
    pool = Folder(tmp_path / "pool", classes=True, class_level=2, camera_level=1)
    with Ledger.open(tmp_path / "project") as ledger, caplog.at_level(logging.WARNING):
        listing = sync_pool_listing(ledger, pool, 0, "sequence", 0)
    assert Counter(item.label for item in listing.items) == {"fox": 5, "Füchslein": 2, "wild boar": 3}
    assert "'Fox' (1 images), 'FOX' (1 images) as 'fox'; 'wild_boar' (1 images) as 'wild boar'" in caplog.text


def test_several_words_for_nothing_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    assert labels_after("empty", "fox", "Empty") == ["empty", "fox", "empty"]
    assert "nothing on it" not in caplog.text
    assert labels_after("empty", "fox", "blank") == ["empty", "fox", "blank"]
    assert "2 classes of the pool are words for a picture with nothing on it: 'blank', 'empty'." in caplog.text


def test_which_spelling_is_the_class() -> None:
    assert labels_after("1", "1.0", "1.0") == ["1", "1.0", "1.0"], "numbers are names, and these differ"
    assert labels_after("Fox", "fox", "fox") == ["fox"] * 3, "the commonest"
    assert labels_after("Fox", "fox", "fox", earlier=["Fox"]) == ["Fox"] * 3, "what it was before"
    assert labels_after("Fox", "fox", "fox", earlier=["Fox"], declared=["FOX"]) == ["FOX"] * 3, "what people say"


def test_what_is_no_class_is_no_label_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    cells = ["#N/A", "#REF!", "nan", "NULL", "None", "NA", "-", "=NA()", '{"choices": ["fox", "hare"]}', '["a"]']
    cells += ["fox, hare", "fox + hare", "hare/fox", "fox and hare", "unsure", "Unsure ", "\u200b"]

    def check(cell: str) -> None:
        caplog.clear()
        assert labels_after("fox", cell, "hare", cell, None) == ["fox", None, "hare", None, None]
        assert "2 images count as unlabelled" in caplog.text and "the first 1.jpg" in caplog.text

    check_each([(cell,) for cell in cells], check)


def test_the_remedy_that_is_named_works(caplog: pytest.LogCaptureFixture) -> None:
    assert labels_after("fox", "None", "fox/hare") == ["fox", None, None]
    assert caplog.text.count("if it is a class, add it to the setting classes") == 2
    assert labels_after("fox", "None", "fox/hare", declared=["None", "fox/hare"]) == ["fox", "None", "fox/hare"]


def test_names_stay_and_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    names = ("black and white colobus", "deer, red", "bird/bat", "001", "Ursus sp.", "狐", None)
    assert labels_after(*names) == list(names)
    assert not caplog.records


def test_a_project_goes_on_with_the_spelling_that_people_gave(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        sync_pool_listing(ledger, Listed(items("fox", None, None)), 0, "sequence", 0)
        with ledger.transaction():
            ledger.add_round(1, {}, {}, {}, Selection(np.array([1])))
            ledger.add_labels([(1, Label("1.jpg", "Red Fox"))], 1, "csv")
        listing = sync_pool_listing(ledger, Listed(items("fox", "red fox", "none")), 0, "sequence", 0)
        assert [item.label for item in listing.items] == ["fox", "Red Fox", None]
        again = sync_pool_listing(ledger, Listed(items("Fox", "Fox", "none")), 0, "sequence", 0, classes=["none"])
        assert [item.label for item in again.items] == ["fox", "fox", "none"]


def test_classes_that_look_like_lists_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    several = ("fox;hare", "fox,hare", "fox|hare", "fox\nhare")
    assert labels_after("deer, mule", "deer, white-tailed", "Lynx (Linnaeus,1758)", "1,5") and not caplog.text
    assert labels_after(*several) == list(several)
    assert "4 classes of the pool look like lists of several classes" in caplog.text
    assert "'fox;hare' (1 images)" in caplog.text and "pool.several" in caplog.text
    caplog.clear()
    assert labels_after("fox;hare", declared=("fox;hare",)) == ["fox;hare"] and not caplog.text


def test_classes_that_differ_in_punctuation_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    assert labels_after("1.0", "10", "fox 1", "fox 2") and not caplog.text
    assert labels_after("fox", "fox", "fox?", "redfox", "red fox") == ["fox", "fox", "fox?", "redfox", "red fox"]
    assert "2 classes of the pool differ from others only in punctuation marks or spaces" in caplog.text
    assert "'fox' (2 images), 'fox?' (1 images); 'redfox' (1 images), 'red fox' (1 images)" in caplog.text
