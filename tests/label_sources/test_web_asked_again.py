"""An image that is asked again shows nothing of what was said before, not even what this person has said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from alframe.types import KnownLabel, Request
from tests.label_sources.conftest import CLASSES, Serve, Served
from tests.label_sources.web_client import Browser


def review(browser: Browser) -> dict[str, Any]:
    return {image["name"]: image for image in browser.get("/api/review?limit=100").json["images"]}


def ask_again(served: Served, keys: list[int], labels: list[KnownLabel]) -> Request:
    """Ask about these images again as round 2, and publish that."""
    asked = tuple(served.items[key] for key in keys)
    request = Request(2, asked, CLASSES, served.request.folder, without_suggestion=(True,) * len(keys))
    served.source.request(request)
    hidden = frozenset(keys)
    served.serving.publish(
        replace(served.snapshot, labels=labels, open_round=2, asked=keys, without_suggestion=hidden, answers_needed=2)
    )
    served.serving.show_phase("waiting", "")
    return request


def test_an_earlier_answer_is_hidden_until_the_image_is_answered_again(serve: Serve) -> None:
    served = serve(asked=3)
    anna = served.browser("anna")
    first = {image["name"]: image["image"] for image in anna.lease()}
    names = [served.items[key].id for key in (0, 1, 11)]
    anna.answer({first[names[0]]: ["fox"], first[names[1]]: ["red deer"]})
    labels = [KnownLabel(0, "fox", "anna", "web", 1, None), KnownLabel(11, "fox", "", "pool", None, None)]
    request = ask_again(served, [0, 11], labels)
    anna.wait_for("waiting", after_round=1)
    leased = {image["name"]: image for image in anna.lease()}
    assert leased.keys() >= {names[0], names[2]}
    again = leased[names[0]]
    assert again["answer"] is None
    assert again["suggestion"] is None
    details = anna.get(f"/api/images/{again['image']}").json
    assert (details["history"], details["predicted"], details["answer"]) == ([], None, None)
    assert review(anna).keys() == {names[1]}, "neither her own answer nor the label of the pool"
    anna.answer({again["image"]: ["red deer"], leased[names[2]]["image"]: ["fox"]})
    said = {label.item: label.class_name for label in served.source.collect(request).labels}
    assert said == {names[0]: "red deer", names[2]: "fox"}
    assert served.labels()[names[0]] == {"fox"}, "the first answer stays"
    listed = review(anna)
    assert {tuple(answer["classes"]) for answer in listed[names[0]]["answers"]} == {("fox",), ("red deer",)}


def test_the_review_settles_what_was_said_in_all_rounds(serve: Serve) -> None:
    served = serve(asked=3)
    anna = served.browser("anna")
    first = {image["name"]: image["image"] for image in anna.lease()}
    name = served.items[0].id
    anna.answer({first[name]: ["fox"]})
    request = ask_again(served, [0], [KnownLabel(0, "fox", "anna", "web", 1, None)])
    anna.wait_for("waiting", after_round=1)
    ben = served.browser("ben")
    ben.answer({first[name]: ["red deer"]})
    assert review(ben)[name]["answers"]
    ben.answer({first[name]: ["red deer"]}, origin="review")
    assert {label.class_name for label in served.source.collect(request).labels} == {"red deer"}
    answers = served.source.collect(served.request)
    assert name not in {label.item for label in answers.labels}
    assert name in answers.cleared
