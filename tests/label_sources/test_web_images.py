"""The file of images can be made again, and what it shows is always what a round requests."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from alframe.label_sources.web import images as images_module
from alframe.label_sources.web.images import IMAGES_NAME, ImageDatabase
from alframe.label_sources.web.source import Web, web_folder
from alframe.types import Box, Item, Request
from tests.label_sources.conftest import Serve
from tests.label_sources.test_label_source_web import write_answers_and_confirm_classes


def make_request(folder: Path, *names: str) -> Request:
    items = tuple(Item(name, folder / name) for name in names)
    for number, item in enumerate(items):
        write_grey(item.path, 40 * number)
    return Request(1, items, ("fox",), folder / "to_label")


def write_grey(file: Path, grey: int) -> None:
    Image.fromarray(np.full((24, 32, 3), grey, np.uint8)).save(file)


def thumbnails(request: Request) -> dict[str, bytes]:
    with ImageDatabase.open(web_folder(request.folder)) as images:
        rows = images._db.execute("SELECT id, jpeg FROM image JOIN thumbnail ON image = number")
        return dict(rows.fetchall())


def test_an_answer_that_was_kept_is_for_the_same_image_when_the_file_is_made_again(tmp_path: Path) -> None:
    request = make_request(tmp_path, "a.png", "b.png", "c.png")
    numbers = []
    for items in (request.items, request.items[::-1]):
        Web(browser=False).request(replace(request, items=items))
        with ImageDatabase.open(web_folder(request.folder)) as images:
            numbers.append(images.numbers_by_id())
        for name in (IMAGES_NAME, f"{IMAGES_NAME}-wal", f"{IMAGES_NAME}-shm"):
            (web_folder(request.folder) / name).unlink(missing_ok=True)
    assert numbers[0] == numbers[1] and max(numbers[0].values()) < 2**53


def test_images_whose_numbers_would_be_equal_get_different_ones(tmp_path: Path) -> None:
    items = [Item(f"{number}.png", tmp_path / f"{number}.png") for number in range(5)]
    assert len({images_module._stable_number(item.id, set()) for item in items}) == 5
    first = images_module._stable_number(items[0].id, set())
    assert images_module._stable_number(items[0].id, {first, first + 1}) == first + 2


def test_a_round_that_is_another_one_replaces_the_batch_and_names_its_answers(tmp_path: Path) -> None:
    """The ledger was restored from a backup: round 1 is chosen anew, of as many images, and others were answered."""
    before, now = make_request(tmp_path, "a.png", "b.png"), make_request(tmp_path, "b.png", "c.png")
    source = Web(browser=False)
    source.request(before)
    write_answers_and_confirm_classes(before, {"a.png": ["fox"], "b.png": ["fox"]})
    source.request(now)
    with ImageDatabase.open(web_folder(now.folder)) as images:
        assert images.batch_ids(1) == {"b.png", "c.png"}
    answers = source.collect(now)
    assert [label.item for label in answers.labels] == ["b.png"]
    (problem,) = answers.problems
    assert "1 answer to images that round 1 has not requested (for example 'a.png')" in str(problem)
    assert source.collect(before).problems == []


def test_a_thumbnail_is_cut_anew_when_its_file_or_box_has_changed(tmp_path: Path) -> None:
    request = make_request(tmp_path, "a.png", "b.png")
    source = Web(browser=False)
    source.request(request)
    before = thumbnails(request)
    source.request(request)
    assert thumbnails(request) == before
    write_grey(request.items[0].path, 250)
    os.utime(request.items[0].path, (1, 1))
    boxed = replace(request.items[1], box=Box(0.0, 0.0, 0.5, 0.25))
    source.request(replace(request, items=(request.items[0], boxed)))
    after = thumbnails(request)
    assert all(after[name] != before[name] for name in before)


def test_what_another_round_1_has_asked_counts_once_it_is_answered_again_in_the_review(serve: Serve) -> None:
    served = serve(asked=3)
    browser = served.browser()
    number = next(image["image"] for image in browser.lease(3) if image["name"] == served.items[0].id)
    browser.answer({number: ["fox"]})
    now = replace(
        served.request, items=tuple(served.items[1:4]), suggestions=(), similarity_order=(), without_suggestion=()
    )
    served.source.request(now)
    assert len(served.source.collect(now).problems) == 1
    browser.answer({number: ["fox"]}, origin="review")
    assert served.source.collect(now).problems == []
    (unrequested,) = served.source.collect_unrequested(now.folder, now.classes)
    assert [(id_, label.class_name) for id_, label in unrequested.labels] == [(served.items[0].id, "fox")]
