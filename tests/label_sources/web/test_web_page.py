"""The page in a real browser: what keys do, and that it is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.label_sources.conftest import Serve
from tests.label_sources.web.person import Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_a_batch_is_answered_by_keys_alone(serve: Serve, chromium: Browser) -> None:
    served = serve(asked=12, count=14)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    page = person.page
    expected: dict[str, set[str]] = {}
    for _ in person.while_unanswered():
        group = person.group()
        (first, *_), names = group["images"], [name for _, name in group["images"]]
        person.move_to(first[0])
        if group["suggested"] and len(names) > 1:  # the first is none of them
            person.press("Space", "Enter")
            assert page.locator(".tile.marked").count() == 0
            person.press("Enter")  # once more: what was marked as wrong is not confirmed
            assert person.group()["images"] == [first]
            person.say("unsure")
            expected |= {name: {group["suggested"]} for name in names[1:]} | {names[0]: {"unsure"}}
        elif group["suggested"]:
            person.press("Enter")
            expected[names[0]] = {group["suggested"]}
        else:
            person.say("red deer", everything=True)
            expected |= {name: {"red deer"} for name in names}
    person.wait_until_saved()
    assert served.labels() == expected
    person.press("Control+z")
    person.wait_for_images()
    person.wait_until_saved()
    undone = expected.keys() - served.labels().keys()
    assert undone and not person.faults
    person.press("Control+y")
    person.wait_for("!document.querySelector('.tile:not(.answered)')")
    person.wait_until_saved()
    assert served.labels() == expected


@pytest.mark.slow
def test_a_new_class_goes_to_the_images_that_were_chosen_when_it_was_typed(serve: Serve, chromium: Browser) -> None:
    served = serve(suggestions=False)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    page = person.page
    (_, first), (_, second), *_ = person.group()["images"]
    page.route("**/api/classes", lambda route: (page.wait_for_timeout(300), route.continue_()))
    person.press("/")
    page.keyboard.type("red dear")  # looks like a class that there is
    person.press("Enter", "ArrowRight")
    page.wait_for_selector("dialog")
    person.press("Enter")  # the first choice: the class that there is
    page.wait_for_selector(".tile.answered")
    assert page.locator(".tile.answered").get_attribute("title") == first
    page.keyboard.type("/moose")
    person.press("Enter")
    person.wait_for("document.querySelectorAll('.tile.answered').length === 2")
    person.wait_until_saved()
    assert served.labels() == {first: {"red deer"}, second: {"moose"}}


@pytest.mark.slow
def test_a_new_class_that_waits_for_the_server_goes_to_its_own_images(serve: Serve, chromium: Browser) -> None:
    served = serve(suggestions=False)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    page = person.page
    (_, first), (_, second), (_, third), *_ = person.group()["images"]
    page.route("**/api/classes", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    for name in ("moose", "lynx"):  # for the first image and the second
        page.keyboard.type(f"/{name}")
        person.press("Enter")
        page.wait_for_selector(f"text=“{name}” is added as soon as the server is back")
    person.press("f")  # fox, for the third
    person.press("Home", "ArrowRight", "f")  # and for the second after all
    person.wait_for("document.querySelectorAll('.tile.answered').length === 2")
    page.unroute("**/api/classes")
    person.wait_for("document.querySelectorAll('.tile.answered').length === 3")
    person.wait_until_saved()
    assert served.labels() == {first: {"moose"}, second: {"fox"}, third: {"fox"}}


@pytest.mark.slow
def test_images_marked_as_wrong_in_several_groups_are_never_confirmed(serve: Serve, chromium: Browser) -> None:
    served = serve(asked=12, count=14)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    groups = person.page.locator(".group:has(.confirm)")
    wrong = [groups.nth(number).locator(".tile").first for number in range(groups.count())]
    assert len(wrong) > 1
    for tile in wrong:
        tile.click()
    for number in range(groups.count()):
        groups.nth(number).locator(".confirm").click()
    rejected = person.page.locator(".tile.rejected")
    assert {tile.get_attribute("title") for tile in rejected.all()} == {tile.get_attribute("title") for tile in wrong}
    assert not person.page.locator(".confirm:enabled").count()
    for tile in wrong:  # nor on the single image
        tile.focus()
        person.press("Enter", "Control+Enter", "Enter", "Escape")
    person.wait_until_saved()
    assert not served.labels().keys() & {tile.get_attribute("title") for tile in wrong}


@pytest.mark.slow
def test_marks_by_mouse(serve: Serve, chromium: Browser) -> None:
    person = Person(chromium, serve(suggestions=False).serving.address)
    person.wait_for_images()
    tiles, marked = person.page.locator(".tile"), person.page.locator(".tile.marked")
    tiles.nth(1).click()
    tiles.nth(4).click(modifiers=["Shift"])
    assert marked.count() == 4
    tiles.nth(2).click()
    assert marked.count() == 3
    person.press("Escape")
    assert marked.count() == 0
    start, end = (tiles.nth(number).bounding_box() for number in (0, 2))
    assert start and end
    person.page.mouse.move(start["x"] + 20, start["y"] + 20)
    person.page.mouse.down()
    person.page.mouse.move(end["x"] + 30, end["y"] + 40, steps=4)
    person.page.mouse.up()
    assert marked.count() == 3
    person.say("fox")
    person.wait_for("document.querySelectorAll('.tile.answered').length === 3")


@pytest.mark.slow
def test_enter_adds_a_name_that_is_only_within_another(serve: Serve, chromium: Browser) -> None:
    served = serve(suggestions=False)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    (_, first), *_ = person.group()["images"]
    person.press("/")
    person.page.keyboard.type("ox")  # within "fox"
    person.press("Enter")
    person.page.wait_for_selector("dialog .choices")
    person.press("Tab", "Enter")  # not the existing class
    person.page.wait_for_selector(".tile.answered")
    person.wait_until_saved()
    assert served.labels() == {first: {"ox"}}


def test_a_link_pasted_into_the_page_that_asks_for_it_opens_the_batch(serve: Serve, chromium: Browser) -> None:
    served = serve(asked=12, count=14)
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(served.serving.address.partition("#")[0])
    page.wait_for_selector("form.link input")
    page.get_by_role("button", name="OK").click()
    assert page.locator("form.link input").evaluate("input => input === document.activeElement"), "it is still empty"
    page.goto(served.serving.address)  # the same tab: only what follows the "#" changes
    page.wait_for_selector("dialog input")
    page.keyboard.type("Anna")
    page.keyboard.press("Enter")
    page.wait_for_selector(".tile:not(.answered)")
    page.locator(".grid-view .work").evaluate("work => work.scrollTo(0, work.scrollHeight)")
    tiles = page.evaluate("""() => {
        const {top, bottom} = document.querySelector(".grid-view .work").getBoundingClientRect();
        const whole = ({top: above, bottom: below}) => above >= top && below <= bottom;
        return [...document.querySelectorAll(".tile")].filter((tile) => whole(tile.getBoundingClientRect())).length;
    }""")
    assert tiles >= 4, "a phone shows two rows of whole images"
    context.close()
