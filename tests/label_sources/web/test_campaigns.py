"""Whole campaigns in a real browser: by keys alone, by two people, with lost connections and killed servers."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from alframe.app.api import open_session
from alframe.testing.tiny import tiny_pool
from tests.label_sources.conftest import Serve as ServeBatch
from tests.label_sources.web.conftest import Serve
from tests.label_sources.web.person import Person, folder_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


def labels_of(project: Path) -> list[tuple[str, str]]:
    """Return (true class, class) of all labels of a project."""
    with open_session(f"project={project.as_posix()}") as session:
        items = session.ledger.items()
        return [(folder_of(items[label.item].id), label.class_name) for label in session.decided_labels().counted]


def test_five_rounds_by_keys_alone(serve_campaign: Serve, chromium: Browser, tmp_path: Path) -> None:
    campaign = serve_campaign(tiny_pool(tmp_path / "images"), "label_source.stay=false")
    person = Person(chromium, campaign.address())
    for _ in range(5):
        person.wait_for_images()
        person.answer_batch(folder_of)
        person.wait_until_saved()
    assert campaign.wait() == 0, campaign.printed
    labels = labels_of(campaign.project)
    assert len(labels) == 20 and all(true == given for true, given in labels)
    assert not person.faults
    assert person.strokes > 0 and len(re.findall(r"^ +[1-5] +\d+", campaign.printed, re.MULTILINE)) == 5


def test_two_people_at_once(serve: ServeBatch, chromium: Browser) -> None:
    served = serve(asked=60, count=62, page=10)
    first = Person(chromium, served.serving.address, "Anna")
    first.wait_for_images()
    first.page.locator("button.people").click()
    first.page.get_by_text("Invite another person").click()
    link = first.page.locator(".link input").input_value()
    first.press("Escape")
    second = Person(chromium, link, "Ben")
    second.wait_for_images()
    shown: dict[str, list[int]] = {"Anna": [], "Ben": []}
    people = {"Anna": first, "Ben": second}
    for _ in range(60):  # images: each turn answers some
        for name, person in people.items():
            if person.page.locator(".tile:not(.answered)").count():
                shown[name] += [image for image, _ in person.group()["images"]]
                person.say("fox", everything=True)
                person.page.wait_for_timeout(100)
    for person in people.values():
        person.wait_until_saved()
    assert not set(shown["Anna"]) & set(shown["Ben"])
    assert shown["Ben"] and len(set(shown["Anna"] + shown["Ben"])) == 60
    answers = served.source.collect(served.request).labels
    assert len(answers) == 60 and {label.annotator for label in answers} == {"Anna", "Ben"}
    assert not first.faults and not second.faults


def test_undo_goes_back_over_pages_and_reloads(serve: ServeBatch, chromium: Browser) -> None:
    served = serve(asked=12, count=14, page=4, suggestions=False)
    person = Person(chromium, served.serving.address)
    counts = [0]
    person.wait_for_images()
    for _ in person.while_unanswered():
        person.say("fox")
        person.wait_until_saved()
        counts.append(len(served.labels()))
        person.page.wait_for_timeout(150)
    assert counts == list(range(13))
    person.page.reload()
    person.page.wait_for_selector("#top .saved")
    for left in range(11, 5, -1):
        person.press("Control+z")
        person.wait_for(f"document.querySelectorAll('.tile:not(.answered)').length === {12 - left}")
        person.wait_until_saved()
        assert len(served.labels()) == left
    person.page.reload()
    person.wait_for_images()
    for done in range(7, 13):
        person.press("Control+y")
        person.wait_for("document.querySelector('#messages').textContent.includes('Redone')")
        person.page.evaluate("document.querySelector('#messages').replaceChildren()")
        person.wait_until_saved()
        assert len(served.labels()) == done
    assert not person.faults


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the process of the pages in /proc")
def test_killed_servers_lose_no_answer(serve_campaign: Serve, chromium: Browser, tmp_path: Path) -> None:
    images = tiny_pool(tmp_path / "images")
    campaign = serve_campaign(images, "label_source.stay=false", "batch=20", "start.labels=20", "label_source.page=5")
    person = Person(chromium, campaign.address())
    kills = 0
    for step in range(20):
        person.wait_for_images()
        name = folder_of(person.page.locator(".tile[tabindex='0']").get_attribute("title") or "")
        if step % 5 == 4:
            person.page.wait_for_timeout(6000)  # one that ends within seconds of its start is not started again
            campaign.kill_server()
            kills += 1
        person.say(name)
        if step % 5 == 1:
            person.page.wait_for_selector("#top .saved.done", timeout=60000)
        if step == 12:
            person.page.reload()  # what is not sent yet is in the browser's store
    assert campaign.wait() == 0 and kills >= 2, campaign.printed
    labels = labels_of(campaign.project)
    assert len(labels) == 20 and all(true == given for true, given in labels)


def test_fifty_kills_amid_clicks_lose_no_answer(serve: ServeBatch, chromium: Browser) -> None:
    served = serve(asked=300, count=302, suggestions=False)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    clicks, kept = 0, 0
    for kill in range(50):
        for _ in range(1 + kill % 4):
            person.wait_for_images()
            person.press("f" if clicks % 2 else "r")
            clicks += 1
        person.page.wait_for_timeout(kill % 5)  # at another moment of a request each time
        process = served.serving._process
        served.serving._started_at -= 60
        process.kill()
        process.wait()
        kept += person.page.evaluate("Object.keys(localStorage).some(key => key.startsWith('alframe-outbox'))")
        served.serving.wait_for_answer(0.01)  # starts it again
        if kill % 10 == 5:
            person.page.reload()  # what is not sent yet is in the browser's store
    person.page.wait_for_selector("#top .saved.done", timeout=60000)
    person.wait_for("Object.keys(localStorage).every(key => !key.startsWith('alframe-outbox'))")
    labels = served.source.collect(served.request).labels
    assert kept, "no kill came before an answer was saved"
    assert len(labels) == len({label.item for label in labels}) == clicks
    assert not person.faults


def test_answers_given_without_a_server_are_sent_after_a_reload(serve: ServeBatch, chromium: Browser) -> None:
    served = serve(suggestions=False)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    person.page.route("**/api/answers", lambda route: route.abort())
    person.say("fox")
    person.say("red deer")
    person.page.wait_for_selector("#top .saved.lost")
    assert served.labels() == {}
    person.page.unroute("**/api/answers")
    person.page.reload()
    person.wait_for_images()
    person.wait_until_saved()
    assert sorted(map(list, served.labels().values())) == [["fox"], ["red deer"]]


def test_a_person_whose_session_has_ended_is_let_in_again(serve: ServeBatch, chromium: Browser) -> None:
    served = serve(suggestions=False)
    person = Person(chromium, served.serving.address)
    person.wait_for_images()
    link = person.page.evaluate(
        "async () => (await (await fetch('/api/invitations', {method: 'POST', body: '{}', "
        "headers: {'Content-Type': 'application/json'}})).json()).urls[0]"
    )
    person.context.clear_cookies()
    person.say("fox")
    person.page.wait_for_selector("dialog input")
    person.page.keyboard.type(link)
    person.press("Enter")
    person.wait_until_saved()
    (label,) = served.source.collect(served.request).labels
    assert (label.class_name, label.annotator) == ("fox", "Anna")
