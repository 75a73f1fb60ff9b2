"""One image, the review, and a person's own keys, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.label_sources.conftest import Serve
from tests.label_sources.web.person import Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


def test_one_image_its_burst_several_animals_and_a_comment(serve: Serve, chromium: Browser) -> None:
    served = serve(suggestions=False)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    page = person.page
    shown = page.locator(".single h2")
    first = served.items[0].id  # of one burst with the last two images of the pool
    tiles = [page.locator(".tile").nth(number).get_attribute("title") for number in range(9)]
    page.locator(f".tile[title='{first}']").focus()
    person.press("Control+Enter")
    page.wait_for_selector(".single .frame.own")
    assert page.locator(".single .frame").count() == 3
    person.press("F2")
    page.keyboard.type("limps")
    person.press("Enter", "Shift+F")
    person.wait_until_saved()
    page.wait_for_selector("#messages .message")
    (unrequested,) = served.source.collect_unrequested(served.request.folder, ("fox", "red deer"))
    assert sorted(item for item, _ in unrequested.labels) == [item.id for item in served.items[-2:]]
    assert {label.item for _, label in unrequested.labels} == {first}
    second = shown.get_attribute("title")
    assert second == next(name for name in tiles if name != first)
    person.press("+", "f", "r", "Enter")
    person.wait_until_saved()
    assert served.labels() == {first: {"fox"}, second: {"fox", "red deer"}}
    person.press("Escape")
    assert page.locator(f".tile[title='{first}'] .comment-badge").is_visible()
    assert page.evaluate("document.activeElement.classList.contains('tile')")
    assert not person.faults


def test_the_review_corrects_what_another_has_said(serve: Serve, chromium: Browser) -> None:
    served = serve(suggestions=False)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    (_, name), *_ = person.group()["images"]
    person.say("fox")
    person.wait_until_saved()
    person.press("Alt+Shift+2")
    person.page.wait_for_selector(".tile.answered")
    person.say("red deer")
    person.wait_until_saved()
    assert served.labels() == {name: {"red deer"}}
    person.press("Control+z")
    person.wait_for("document.querySelector('.tile .answer').textContent === 'fox'")
    person.wait_until_saved()
    assert served.labels() == {name: {"fox"}}
    assert not person.faults


def test_keys_are_a_persons_own(serve: Serve, chromium: Browser) -> None:
    served = serve(suggestions=False)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    (_, name), *_ = person.group()["images"]
    person.page.locator(".class-row", has_text="red deer").locator(".class-key").click()
    person.page.wait_for_selector("dialog")
    person.press("x")
    person.wait_for("document.querySelectorAll('.class-key')[1].textContent === 'x'")
    person.press("x")
    person.page.wait_for_selector(".tile.answered")
    person.wait_until_saved()
    assert served.labels() == {name: {"red deer"}}
    person.press("q")  # no class has it: a search begins
    assert person.page.locator(".class-search").input_value() == "q"


def test_answers_of_another_project_are_kept(serve: Serve, chromium: Browser) -> None:
    person = Person(chromium, serve(suggestions=False).serving.address)
    person.wait_for_images()
    refusal = {"error": {"code": "other_project", "message": "Another project is served here now."}}
    person.page.route("**/api/answers", lambda route: route.fulfill(status=409, json=refusal))
    person.say("fox")
    person.page.wait_for_selector("#messages .error")
    kept = person.page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('alframe-outbox')).length")
    assert kept == 1
