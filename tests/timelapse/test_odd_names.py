"""Whatever images and classes are called, Timelapse shows each, and each answer comes back to its image."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from alframe.errors import LabelError
from alframe.kit.classes import class_resolver
from alframe.label_sources.timelapse.source import Timelapse as RoundSet
from alframe.types import UNSURE, Item, Request
from tests.timelapse.conftest import picture
from tests.timelapse.people import TDB, manifest_of
from tests.timelapse.simulator import Timelapse

QUICK = settings(max_examples=25, deadline=None)
LETTERS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="/\\\0")
PART = st.one_of(
    st.text(LETTERS, min_size=1, max_size=12).filter(lambda part: part.strip(". ") and not part.startswith(".")),
    st.sampled_from(
        ["CON", "aux", "Backups", "DeletedFiles", "@Recycle", "001", "a.", "a ", "A", "ä", "a\u0308", "x;y"]
    ),
)
SUFFIX = st.sampled_from([".jpg", ".JPG", ".jpeg", ".png", ".Jpg"])
NAME = st.builds(lambda parts, suffix: "/".join(parts) + suffix, st.lists(PART, min_size=1, max_size=3), SUFFIX)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="al-") as name:
        yield Path(name)


@QUICK
@given(st.lists(NAME, min_size=1, max_size=8, unique=True))
@example(["A/x.jpg", "a/x.jpg", "A/X.JPG", "A/x.jpeg", "A/x.png", "A/x_2.jpg"])
@example(["Backups/x.jpg", "Backups./x.jpg", "manifest.csv.jpg", "TimelapseTemplate.tdb.jpg", "DeletedFiles/b.jpg"])
@example(["CON.jpg", "con/a.jpg", "CON/a.jpg", "LPT1.x.jpg", "a./b.jpg", "a /b.jpg", "a/b .jpg", "\u00a0/c.jpg"])
def test_each_image_is_shown_and_answered(names: list[str]) -> None:
    with folder() as root:
        source = picture(root / "one.jpg")
        items = tuple(Item(name, source) for name in names)
        classes = tuple(f"kind {at}" for at in range(len(names)))
        request = Request(1, items, classes, root / "to_label")
        RoundSet().request(request)
        timelapse = Timelapse.open(root / "to_label" / "round-001" / TDB)
        shown = ["/".join(filter(None, (*row["RelativePath"].split("\\"), row["File"]))) for row in timelapse.records()]
        places = manifest_of(root / "to_label" / "round-001")
        assert sorted(shown) == sorted(places)
        assert sorted(places.values()) == sorted(names)
        assert len({place.casefold() for place in places}) == len(names), "also where case does not count"
        for row, place in zip(timelapse.records(), shown, strict=True):
            timelapse.set(row["Id"], "Species", classes[names.index(places[place])])
        answers = RoundSet().collect(request)
        assert answers.problems == []
        assert {(label.item, label.class_name) for label in answers.labels} == set(zip(names, classes, strict=True))


def accepted(names: list[str]) -> list[str]:
    """Those of the names that can be classes together."""
    resolve = class_resolver((), "add")
    kept = []
    for name in names:
        try:
            kept.append(resolve(name))
        except LabelError:
            continue
    return [name for name in dict.fromkeys(kept) if name != UNSURE]


@QUICK
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), min_size=1, max_size=8))
@example(["None", "NA", "null", "007", "1e3", "true", "weather (fog, rain)", "it's", '"quoted"', "a|b", "back\\slash"])
@example(["Empty", "animal", "blank", "Unsure", "?", "a,b", "[x]", "{y}", "x,]", "x ,}"])
def test_each_class_is_in_the_list_and_comes_back(names: list[str]) -> None:
    classes = accepted(names)
    if not classes:
        return
    with folder() as root:
        source = picture(root / "one.jpg")
        items = tuple(Item(f"{at}.jpg", source) for at in range(len(classes)))
        request = Request(1, items, tuple(classes), root / "to_label")
        RoundSet().request(request)
        timelapse = Timelapse.open(root / "to_label" / "round-001" / TDB)
        assert set(classes) <= set(timelapse.control("Species").choices)
        for at, name in enumerate(classes):
            timelapse.label(f"{at}.jpg", name)
        answers = RoundSet().collect(request)
        assert answers.problems == []
        assert {(label.item, label.class_name) for label in answers.labels} == {
            (f"{at}.jpg", name) for at, name in enumerate(classes)
        }
