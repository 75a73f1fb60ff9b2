"""One image, the review, and a person's own keys, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from alframe.label_sources.web.journal import JOURNAL_NAME
from alframe.testing.records import round_record
from tests.label_sources.conftest import Serve, Served
from tests.label_sources.web.person import Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow
Enter = Callable[..., tuple[Served, Person]]


@pytest.fixture
def enter(serve: Serve, chromium: Browser) -> Enter:
    """Serve a batch, without suggestions if nothing else is said, and let Anna in."""

    def start(**parameters: Any) -> tuple[Served, Person]:
        served = serve(**({"suggestions": False} | parameters))
        person = Person(chromium, served.serving.address)
        person.wait_for_images()
        return served, person

    return start


def test_one_image_its_burst_several_animals_and_a_comment(enter: Enter) -> None:
    served, person = enter()
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
    person.press("+", "f", "r")
    assert "does not learn from an image with several classes" in (page.locator(".several").text_content() or "")
    person.press("Enter")
    page.wait_for_selector("#messages .message:has-text('does not learn')")
    person.wait_until_saved()
    assert served.labels() == {first: {"fox"}, second: {"fox", "red deer"}}
    person.press("Escape")
    assert page.locator(f".tile[title='{first}'] .comment-badge").is_visible()
    assert page.evaluate("document.activeElement.classList.contains('tile')")
    assert not person.faults


def test_an_image_is_zoomed_and_brightened_and_its_burst_is_stepped_through(enter: Enter) -> None:
    served, person = enter()
    page = person.page
    page.locator(f".tile[title='{served.items[0].id}']").focus()
    person.press("Control+Enter")
    page.wait_for_selector(".single .strip .frame.own")

    def zoom() -> float:
        return float(page.evaluate("new DOMMatrix(getComputedStyle(document.querySelector('.stage')).transform).a"))

    page.keyboard.down("Space")
    assert zoom() > 2
    page.keyboard.up("Space")
    assert zoom() == 1
    page.locator(".picture").hover()
    page.mouse.wheel(0, -200)
    person.wait_for("getComputedStyle(document.querySelector('.stage')).transform !== 'matrix(1, 0, 0, 1, 0, 0)'")
    assert zoom() > 1
    person.press("PageUp", "Shift+PageUp")
    assert page.evaluate("document.querySelector('.stage img').style.filter") == "brightness(1.25) contrast(1.2)"
    person.press("Home")
    assert zoom() == 1
    assert page.evaluate("document.querySelector('.stage img').style.filter") == "brightness(1) contrast(1)"
    shown = ".frame[aria-current=true]"
    first = page.locator(shown).get_attribute("aria-label")
    person.press(".")
    assert page.locator(shown).get_attribute("aria-label") != first
    person.press(",")
    assert page.locator(shown).get_attribute("aria-label") == first
    person.press(";")  # plays
    person.wait_for(f"document.querySelector('{shown}').ariaLabel !== '{first}'")
    assert served.labels() == {} and not person.faults


def test_the_review_corrects_what_another_has_said(enter: Enter) -> None:
    served, person = enter()
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


def test_keys_are_a_persons_own(enter: Enter) -> None:
    served, person = enter()
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
    person.press("Escape")
    person.page.keyboard.type("xylophone")  # x has answered before it could be seen that a name was typed
    person.page.wait_for_selector("#messages .message:has-text('The key x has given red deer')")
    assert person.page.locator(".class-search").input_value() == "ylophone"


def test_answers_of_another_project_are_kept(enter: Enter) -> None:
    _, person = enter()
    refusal = {"error": {"code": "other_project", "message": "Another project is served here now."}}
    person.page.route("**/api/answers", lambda route: route.fulfill(status=409, json=refusal))
    person.say("fox")
    person.page.wait_for_selector("#messages .error")
    kept = person.page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('alframe-outbox')).length")
    assert kept == 1


def test_blank_stands_beside_no_class(enter: Enter) -> None:
    served, person = enter()
    person.press("Control+Enter", "+", "f", "0", "Enter")
    person.page.wait_for_selector("#messages .error:has-text('an answer of its own')")
    assert served.labels() == {}


def test_marks_outlast_a_reload(enter: Enter) -> None:
    served, person = enter(asked=12, count=14, suggestions=True)
    page = person.page

    def shown(kind: str) -> set[str | None]:
        return {tile.get_attribute("title") for tile in page.locator(f".tile.{kind}").all()}

    groups = page.locator(".group:has(.confirm)")
    wrong, marked = (groups.nth(number).locator(".tile").first for number in range(2))
    wrong.click()
    person.press("Enter")
    marked.click()
    person.wait_until_saved()
    before = shown("rejected"), shown("marked")
    assert all(before)
    for reload in (page.reload, lambda: person.press("Alt+Shift+2", "Alt+Shift+1")):
        reload()
        person.wait_for_images()
        assert (shown("rejected"), shown("marked")) == before
    page.locator(".tile.rejected").focus()
    person.press("Escape", "Enter")
    person.say("unsure")
    person.wait_until_saved()
    answered = served.labels()
    person.press("Control+z")
    person.wait_for("document.querySelector('.tile.rejected')")
    person.press("Enter")
    person.wait_until_saved()
    assert served.labels() == {name: said for name, said in answered.items() if name not in before[0]}


def test_small_groups_are_joined_and_confirmed_each_as_suggested(enter: Enter) -> None:
    served, person = enter(suggestions=True)
    (group,) = person.page.locator(".group.mixed").all()
    guesses = {
        tile.get_attribute("title"): tile.locator(".guess").text_content() for tile in group.locator(".tile").all()
    }
    assert set(guesses.values()) == {"fox?", "red deer?"}
    group.locator(".tile").first.click()
    group.locator(".confirm").click()
    person.wait_until_saved()
    (wrong,) = (tile.get_attribute("title") for tile in person.page.locator(".tile.rejected").all())
    assert served.labels() == {name: {str(guess)[:-1]} for name, guess in guesses.items() if name != wrong}


def test_kept_answers_are_sent_under_the_name_they_were_given_under(enter: Enter) -> None:
    served, person = enter()
    page = person.page
    page.route("**/api/answers", lambda route: route.abort())
    person.say("fox")
    page.wait_for_selector("#top .saved.lost")
    page.locator("button.people").click()
    page.get_by_text("Change my name").click()
    page.keyboard.type("Ben")
    person.press("Enter")
    page.wait_for_selector("button.people:has-text('Ben')")
    person.say("red deer")
    page.unroute("**/api/answers")
    person.wait_until_saved()
    said = {(label.class_name, label.annotator) for label in served.source.collect(served.request).labels}
    assert said == {("fox", "Anna"), ("red deer", "Ben")}
    person.press("Control+z")
    person.wait_for("document.querySelector('#messages').textContent.includes('Undone')")
    person.wait_until_saved()
    assert [label.class_name for label in served.source.collect(served.request).labels] == ["fox"]


def test_answers_kept_for_a_journal_that_is_lost_go_into_the_new_one(enter: Enter) -> None:
    served, person = enter()
    person.press("/")
    person.page.keyboard.type("moose")
    person.press("Enter")
    person.page.wait_for_selector(".tile.answered")
    person.wait_until_saved()
    person.page.route("**/api/answers", lambda route: route.abort())
    person.say("moose")
    person.page.wait_for_selector("#top .saved.lost")
    served.serving.__exit__(None, None, None)
    for file in (served.request.folder / "web").glob(f"{JOURNAL_NAME}*"):
        file.unlink()
    with served.source.serve(served.request.folder) as serving:
        serving.publish(served.snapshot)
        serving.show_phase("waiting", "")
        person.page.unroute("**/api/answers")
        person.page.wait_for_selector("dialog input")
        person.page.keyboard.type(serving.address)
        person.press("Enter")
        person.page.wait_for_selector("#messages .error:has-text('removed or replaced')")
        person.wait_until_saved()
        labels = served.source.collect(served.request).labels
    assert [(label.class_name, label.annotator) for label in labels] == [("moose", "Anna")]


def test_progress_begins_with_the_pool_and_says_which_images_were_measured(enter: Enter) -> None:
    _, person = enter(history=[round_record(1, 20, 0.7), round_record(2, 40, 0.8, audit=0.6, audited=12)])
    person.press("Alt+Shift+4")
    leading = person.page.locator(".measured").first
    leading.wait_for()
    text = leading.text_content() or ""
    assert text.startswith("New images like those in the pool54 % to 66 %") and "60 %" not in text
    assert "measured on 12 images drawn at random from the pool" in text
    assert "measured on 200 test split" in (person.page.locator(".measured").nth(1).text_content() or "")


def test_percentages_are_rounded_as_in_the_terminal(enter: Enter) -> None:
    _, person = enter()
    shares = [0, 0.005, 0.015, 0.125, 0.3, 0.324999, 0.325, 0.335, 0.675, 0.995, 1, *(each / 40 for each in range(41))]
    script = "async shares => { const { S } = await import('/static/strings.js'); return shares.map(S.percent); }"
    assert person.page.evaluate(script, shares) == [f"{100 * share:.0f} %" for share in shares]
