"""What is held out: in proportion, in whole groups, once and for all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alframe.engine.listing import pool_listing
from alframe.engine.listing.groups import draw_stratified_groups
from alframe.engine.listing.pool_listing import sync_pool_listing
from alframe.errors import PoolError
from alframe.pools.csv import Csv
from alframe.settings import Boxes
from alframe.store.ledger import Ledger
from alframe.types import Box, Item, Label


@dataclass
class Listed:
    """A pool that lists what it is given."""

    found: Sequence[Item]

    def items(self) -> Iterator[Item]:
        return iter(self.found)


def item(number: int, label: str | None = "fox", sequence: str | None = None) -> Item:
    return Item(id=f"{number:04d}.jpg", path=Path(f"{number:04d}.jpg"), label=label, sequence=sequence)


def split(ledger: Ledger, items: Sequence[Item], fraction: float = 0.2) -> list[str]:
    return [one.split for one in sync_pool_listing(ledger, Listed(items), fraction, "sequence", seed=0).items]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path) as book:
        yield book


@pytest.mark.parametrize("fraction", [0.1, 0.15, 0.3, 0.6])
def test_each_class_is_held_out_in_proportion(fraction: float) -> None:
    classes = ["fox"] * 200 + ["hare"] * 40
    chosen = draw_stratified_groups([str(n) for n in range(240)], classes, fraction, np.random.default_rng(0))
    counts = Counter(classes[int(name)] for name in chosen)
    assert counts == {"fox": round(200 * fraction), "hare": round(40 * fraction)}


def test_rare_classes_are_not_taken_away_whole() -> None:
    names, classes = [str(n) for n in range(7)], ["a", "b", "b", "c", "c", "c", "c"]
    chosen = draw_stratified_groups(names, classes, 0.2, np.random.default_rng(0))
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
    sync_pool_listing(ledger, Listed([item(5), item(7), item(9)]), 0, "sequence", 0)
    listing = sync_pool_listing(ledger, Listed([item(1), item(9), item(5)]), 0, "sequence", 0)
    assert [one.id for one in listing.items] == ["0005.jpg", "0007.jpg", "0009.jpg", "0001.jpg"]
    assert listing.is_present.tolist() == [True, False, True, True]


def test_another_pool_is_not_taken_for_this_one(ledger: Ledger) -> None:
    sync_pool_listing(ledger, Listed([item(5)]), 0, "sequence", 0)
    with pytest.raises(
        PoolError, match=r"None of the 1 images .* '0005.jpg', and the first image in the pool is '0009.jpg'"
    ):
        sync_pool_listing(ledger, Listed([item(9)]), 0, "sequence", 0)
    with pytest.raises(PoolError, match="no images"):
        sync_pool_listing(ledger, Listed([]), 0, "sequence", 0)


def shot(id: str, second: int | None, camera: str | None = None, label: str | None = None) -> Item:
    taken = None if second is None else datetime(2024, 5, 31, 6) + timedelta(seconds=second)
    return Item(id, Path("/pool") / id, label=label, camera=camera, taken=taken)


def listing(ledger: Ledger, items: Sequence[Item], group: str = "sequence", **settings: Any) -> list[Item]:
    return list(sync_pool_listing(ledger, Listed(items), 0.3, group, 0, **settings).items)


def test_sequences_are_made_before_the_hold_out_and_never_cut(ledger: Ledger) -> None:
    shots = [shot(f"A/{n:03}.jpg", n // 4 * 1000 + n % 4, None, "fox") for n in range(80)]
    items = listing(ledger, shots)
    splits = {one.sequence: one.split for one in items}
    assert len(splits) == 20 and Counter(splits.values()) == {"pool": 14, "test": 6}
    assert all(one.split == splits[one.sequence] for one in items)


def test_a_later_image_of_a_held_out_burst_is_held_out(ledger: Ledger) -> None:
    shots = [shot(f"A/{n}.jpg", n * 1000, None, "fox") for n in range(10)]
    first = listing(ledger, shots)
    around = [shot(f"A/{side}{n}.jpg", n * 1000 + by) for n in range(10) for side, by in (("b", -30), ("c", 50))]
    again = listing(ledger, [*around, *shots])
    assert again[:10] == first
    splits = {one.sequence: one.split for one in first}
    assert len(splits) == 10 and Counter(splits.values())["test"] == 3
    assert all(one.split == splits[one.sequence] for one in again[10:])


def test_times_of_known_images_are_not_read_again(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2024:05:31 06:00:00"
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=exif)
    untimed = Item("a.jpg", tmp_path / "a.jpg")
    first = listing(ledger, [untimed])
    assert first[0].taken == datetime(2024, 5, 31, 6) and first[0].sequence == "/ 2024-05-31 06:00:00"
    monkeypatch.setattr(
        "alframe.engine.listing.sequences.read_exif_time_texts", lambda paths: pytest.fail(f"read {paths}")
    )
    assert listing(ledger, [untimed]) == first
    (tmp_path / "a.jpg").unlink()
    assert listing(ledger, [replace(untimed, camera="C")])[0].sequence == first[0].sequence


def test_what_the_pool_says_itself_counts_more_than_what_was_found(ledger: Ledger) -> None:
    listing(ledger, [shot("A/1.jpg", 0)])
    (one,) = listing(ledger, [replace(shot("A/1.jpg", 5), sequence="given")])
    assert (one.taken, one.sequence) == (datetime(2024, 5, 31, 6, 0, 5), "given")


def test_nan_is_unknown_only_where_a_project_does_not_know_it_as_a_name(ledger: Ledger) -> None:
    named = [replace(shot(f"{n}.jpg", n * 1000, "nan"), sequence="nan") for n in range(10)]
    first = listing(ledger, named)
    assert {(one.camera, one.sequence) for one in first} == {("nan", "nan")}
    unnamed = [replace(one, camera=None, sequence=None) for one in named[:6]]
    assert listing(ledger, unnamed) == first, "the others are absent now"
    assert listing(ledger, [replace(one, camera="C", sequence="s") for one in named])[0].camera == "C"


def test_later_images_of_a_held_out_camera_called_na_are_held_out(ledger: Ledger, tmp_path: Path) -> None:
    for n in range(4):
        (tmp_path / f"{n}.jpg").touch()
    rows = ["path,camera,split", "0.jpg,NA,test", "1.jpg,C,pool", "2.jpg,NA,pool", "3.jpg,C,pool"]
    pool = Csv(tmp_path / "list.csv", camera_column="camera", split_column="split")
    for count in (3, 5):
        (tmp_path / "list.csv").write_text("\n".join(rows[:count]))
        found = sync_pool_listing(ledger, pool, 0.5, "camera", 0).items
    assert found.cameras == ["NA", "C"] * 2 and found.splits == ["test", "pool"] * 2


@pytest.mark.parametrize("unknown", [False, True])
def test_by_camera_no_sequence_is_cut(ledger: Ledger, unknown: bool) -> None:
    """Not one of an unknown camera, nor one that spans two cameras or of which only some images have a camera."""
    shots = [
        replace(shot(f"{n:03}.jpg", None, None if unknown else f"camera {n // 20}", "fox"), sequence=f"s{n // 5}")
        for n in range(100)
    ]
    shots[22] = replace(shots[22], camera=None)
    shots[45] = replace(shots[45], sequence="s7")
    items = listing(ledger, shots, "camera")
    for key in ("sequence", "camera"):
        splits = {getattr(one, key): one.split for one in items if getattr(one, key)}
        assert all(one.split == splits[getattr(one, key)] for one in items if getattr(one, key))
    assert 0 < Counter(one.split for one in items)["test"] <= 50
    held = next(one for one in items if one.split == "test" and one.sequence)
    later = [*shots, replace(shot("new.jpg", None), sequence=held.sequence), shot("alone.jpg", None)]
    assert [one.split for one in listing(ledger, later, "camera")[100:]] == ["test", "pool"]


def test_boxes_of_one_image_are_never_parted(ledger: Ledger, tmp_path: Path) -> None:
    def detections(*confidences: float) -> Boxes:
        rows = [{"category": "1", "conf": p, "bbox": [0.1, 0.1, 0.2, p / 2]} for p in confidences]
        images = [{"file": f"{n}.jpg", "detections": rows} for n in range(20)]
        file = tmp_path / "found.json"
        file.write_text(json.dumps({"detection_categories": {"1": "animal"}, "images": images}))
        return Boxes(str(file), use="all")

    shots = [shot(f"{n}.jpg", None, None, "fox") for n in range(20)]
    for confidences in ((0.9, 0.5), (0.9, 0.5, 0.4)):
        items = listing(ledger, shots, boxes=detections(*confidences))
        splits = {one.image_id: one.split for one in items}
        assert len(items) == 20 * len(confidences) and Counter(splits.values()) == {"pool": 14, "test": 6}
        assert all(one.split == splits[one.image_id] for one in items)


def test_boxes_of_earlier_versions_without_a_sequence_stay_so(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"category": "1", "conf": 0.9, "bbox": [0.1 * n, 0.1, 0.1, 0.1]} for n in range(4)]
    images = [{"file": f"{n}.jpg", "detections": rows} for n in range(4)]
    file = tmp_path / "found.json"
    file.write_text(json.dumps({"detection_categories": {"1": "animal"}, "images": images}))
    with monkeypatch.context() as patch:  # more boxes than a clock that runs has images at one instant
        patch.setattr(pool_listing, "assign_sequences", lambda items, *_: [None] * len(items))
        listing(ledger, [shot(f"{n}.jpg", 0) for n in range(3)], boxes=Boxes(str(file), use="all"))
    items = listing(ledger, [shot(f"{n}.jpg", 0) for n in range(4)], boxes=Boxes(str(file), use="all"))
    assert [one.sequence is None for one in items] == [True] * 12 + [False] * 4


def test_no_box_at_all_is_an_error_that_says_why(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "found.json").write_text('{"images": [{"file": "1.jpg", "detections": []}]}')
    with pytest.raises(PoolError, match=r"Not one of the 1 images has a box of 'animal' .* Lower boxes.threshold"):
        listing(ledger, [shot("1.jpg", 0)], boxes=Boxes(str(tmp_path / "found.json"), empty="skip"))


def test_a_numbered_box_keeps_its_place_when_the_detectors_file_is_exchanged(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    left, right = Box(0.1, 0.1, 0.2, 0.2), Box(0.6, 0.6, 0.2, 0.2)

    def boxed(first: Box, second: Box) -> list[Item]:
        pair = enumerate((first, second), start=1)
        return [Item(f"x.jpg#{n}", Path("x.jpg"), box=box, meta={"box": f"{n} of 2"}) for n, box in pair]

    def boxes(*items: Item) -> list[Box | None]:
        return [item.box for item in sync_pool_listing(ledger, Listed(items), 0.0, "sequence", 0).items]

    assert boxes(*boxed(left, right)) == [left, right]
    assert boxes(*boxed(right, left)) == [left, right]
    assert "2 boxes have moved" in caplog.text
    wider = Box(0.05, 0.05, 0.3, 0.3)
    assert boxes(*boxed(wider, right)) == [wider, right], "a margin is no other place"


def test_a_clock_that_stands_still_is_noticed(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    noon = datetime(2024, 5, 1, 12)
    split(ledger, [replace(item(n), camera="C1", taken=noon) for n in range(10)], 0.0)
    assert "camera clock" not in caplog.text, "a camera may take ten images in a second"
    listing = sync_pool_listing(
        ledger, Listed([replace(item(n), camera="C1", taken=noon) for n in range(11)]), 0, "sequence", 0
    )
    assert {item.sequence for item in listing.items} == {None}, "also of those that had been a burst"
    message = "11 images of 1 camera have times at which the camera clock stopped or was reset: 11 of 'C1', the first"
    assert f"{message} 0000.jpg at 2024-05-01 12:00:00" in caplog.text


def test_a_sequence_that_is_too_long_is_noticed(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    split(ledger, [item(n, sequence="s") for n in range(200)], 0.0)
    assert "no bursts" not in caplog.text
    split(ledger, [item(n, sequence="s") for n in range(201)], 0.0)
    assert "Sequence 's' has 201 images in 0:00:00, too long for a burst" in caplog.text


def test_a_labelled_image_stays_whole_when_its_boxes_appear(
    ledger: Ledger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its label is of the image: it must neither be lost nor become that of each box."""
    pool = [item(number, label=None) for number in range(3)]
    sync_pool_listing(ledger, Listed(pool), 0, "sequence", seed=0)
    with ledger.transaction():
        ledger.add_labels([(1, Label(pool[1].id, "fox"))], None, "pool")
    two = [{"category": "1", "conf": conf, "bbox": [left, 0.1, 0.2, 0.2]} for conf, left in ((0.9, 0.1), (0.8, 0.6))]
    found = {"detection_categories": {"1": "animal"}, "images": [{"file": one.id, "detections": two} for one in pool]}
    (tmp_path / "found.json").write_text(json.dumps(found), encoding="utf-8")
    for _ in range(2):
        boxes = Boxes(str(tmp_path / "found.json"), use="all")
        listing = sync_pool_listing(ledger, Listed(pool), 0, "sequence", seed=0, boxes=boxes)
        present = [one.id for one, here in zip(listing.items, listing.is_present, strict=True) if here]
        assert sorted(present) == ["0000.jpg#1", "0000.jpg#2", "0001.jpg", "0002.jpg#1", "0002.jpg#2"]
        assert listing.items[1].box is None and listing.items[1].id == "0001.jpg"
        assert "1 images were labelled or requested as a whole" in caplog.text
