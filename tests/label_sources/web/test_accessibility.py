"""axe-core finds no serious fault on any view, and names from people and files are shown as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.label_sources.conftest import Serve
from tests.label_sources.web.person import Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

pytestmark = pytest.mark.slow

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text(encoding="utf-8")
HOSTILE = "a <img src=x onerror=document.title='owned'> b"
_RUN = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


def serious_faults(person: Person) -> list[str]:
    person.page.wait_for_timeout(300)
    person.page.evaluate(AXE)
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:200]} {fault['nodes'][0]['failureSummary'][:300]}"
        for fault in person.page.evaluate(_RUN)
        if fault["impact"] in ("serious", "critical")
    ]


def views(person: Person) -> Iterator[str]:
    """Go through all views, and yield the name of each when it is shown."""
    page = person.page
    page.wait_for_selector(".tile")
    person.press("Space", "Shift+ArrowRight")
    yield "grid"
    person.say("fox")
    yield "grid with answers"
    person.press("/")
    page.keyboard.type("de")
    yield "search"
    person.press("Escape", "Control+Enter")
    page.wait_for_selector(".single .picture")
    yield "single"
    person.press("Escape", "?")
    yield "keys"
    person.press("Escape")
    page.locator("button.people").click()
    page.get_by_text("Invite another person").click()
    page.wait_for_selector(".link input")
    yield "people"
    person.press("Escape")
    for name in ("review", "pool", "progress"):
        page.evaluate(f"location.hash = '{name}'")
        page.wait_for_selector(f"#top [data-view={name}][aria-current=page]")
        yield name


def rename_images(route: Route) -> None:
    """Let the images of a page have a hostile file name, which not every file system can hold."""
    reply = route.fetch()
    images = [image | {"name": HOSTILE} for image in reply.json()["images"]]
    route.fulfill(response=reply, json=reply.json() | {"images": images})


def name_no_files(route: Route) -> None:
    content = route.request.post_data_json
    answers = [{key: value for key, value in answer.items() if key != "file"} for answer in content["answers"]]
    route.continue_(post_data=json.dumps(content | {"answers": answers}))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_has_a_serious_fault(serve: Serve, chromium: Browser, scheme: str) -> None:
    served = serve()
    person = Person(chromium, served.serving.address, color_scheme=scheme, reduced_motion="reduce")
    faults = {view: found for view in views(person) if (found := serious_faults(person))}
    assert not faults, "\n".join(each for found in faults.values() for each in found)
    assert not person.faults


def test_the_entrance_and_the_welcome_have_no_serious_fault(serve: Serve, chromium: Browser) -> None:
    address = serve().serving.address
    person = Person.__new__(Person)
    person.page = chromium.new_context().new_page()
    person.page.goto(address.partition("#")[0])
    person.page.wait_for_selector("[role=alert] input")
    assert not serious_faults(person)
    person.page.keyboard.press("Tab")
    person.page.locator("[role=alert] input").fill(address)
    person.page.keyboard.press("Enter")
    person.page.wait_for_selector("dialog input")
    assert not serious_faults(person)


def test_hostile_names_are_shown_as_text(serve: Serve, chromium: Browser) -> None:
    served = serve(suggestions=False)
    person = Person(chromium, served.serving.address, HOSTILE)
    page = person.page
    page.route("**/api/leases", rename_images)
    page.route("**/api/answers", name_no_files)
    page.reload()
    person.wait_for_images()
    assert page.locator(".tile").first.get_attribute("title") == HOSTILE
    page.keyboard.type("/")
    page.keyboard.type(HOSTILE)
    person.press("Enter")
    page.wait_for_selector(".tile.answered")
    person.wait_until_saved()
    assert page.locator(".class-name", has_text=HOSTILE).count() == 1
    assert page.locator(".tile.answered .answer").text_content() == HOSTILE
    for view in views(person):
        assert page.title() != "owned", view
        assert page.locator("img[src='x']").count() == 0, view
