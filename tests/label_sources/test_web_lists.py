"""What people look through: answers, the pool by what the model thinks, images that look alike, and progress."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from alframe.label_sources.web.neighbours import DIMENSIONS, reduce_dimensions
from alframe.testing.records import round_record
from alframe.types import CampaignSnapshot, KnownLabel, PoolPredictions, RoundRecord
from tests.label_sources.conftest import CLASSES, Serve, Served
from tests.label_sources.web_client import Browser


def numbers(reply: Any) -> list[int]:
    return [image["image"] for image in reply.json["images"]]


def all_pages(browser: Browser, path: str) -> list[dict[str, Any]]:
    """Follow a list to its end, three images at a time."""
    images: list[dict[str, Any]] = []
    after = ""
    while True:
        reply = browser.get(f"{path}&limit=3&after={after}").json
        assert "error" not in reply, reply
        images += reply["images"]
        if reply["next"] is None:
            assert len(images) == reply["total"]
            return images
        after = reply["next"]


@pytest.fixture
def published(serve: Serve) -> Served:
    """Nine images are asked, of which every third without a suggestion; a model has predicted all twenty.

    The labels of images 15 and 16 are known from a CSV; the model doubts that of 16, which looks like 17.
    """
    served = serve(count=20)
    publish_model(served, LABELS)
    browser = served.browser()
    browser.wait_until("/api/state", lambda state: state["labels"] > 0, "no label is published")
    return served


LABELS = (
    KnownLabel(15, "fox", "carl", "csv", None, "2026-01-01T00:00:00+00:00"),
    KnownLabel(16, "fox", "", "pool", None, None),
)


def publish_model(served: Served, labels: Sequence[KnownLabel], history: Sequence[RoundRecord] = ()) -> None:
    keys = np.arange(20)
    doubt = np.full(20, np.nan, np.float32)
    doubt[15:17] = 0.1, 0.9
    features = np.zeros((20, 4), np.float32)
    features[keys, keys % 2] = 1
    features[:, 2] = keys / 20
    features[16:18] = 0, 0, 0, 1
    snapshot = CampaignSnapshot(
        items=served.items,
        classes=CLASSES,
        labels=labels,
        history=history,
        open_round=1,
        asked=range(9),
        answers_needed=9,
        without_suggestion=frozenset((0, 3, 6)),
        predictions=PoolPredictions(
            keys,
            np.where(keys == 16, 1, np.where(keys == 15, 0, keys % 2)),
            (0.5 + keys / 50).astype(np.float32),
            doubt,
            CLASSES,
        ),
        features=features,
        features_version="test",
        unlabelled=18,
        class_counts=Counter(label.class_name for label in labels),
    )
    served.serving.publish(snapshot)


def test_the_pool_is_listed_by_what_the_model_thinks(published: Served) -> None:
    """Without what is asked now: its predictions would tell about images that are shown without a suggestion."""
    browser = published.browsers[0]
    images = all_pages(browser, "/api/pool?order=confident")
    names = [published.items[key].id for key in (19, 18, 17, 14, 13, 12, 11, 10, 9)]
    assert [image["name"] for image in images] == names
    assert [image["name"] for image in all_pages(browser, "/api/pool?order=doubtful")] == names[::-1]
    foxes = all_pages(browser, "/api/pool?class=fox&min=0.69&max=0.79")
    assert [image["name"] for image in foxes] == [published.items[key].id for key in (14, 12, 10)]
    assert {image["predicted"]["class"] for image in foxes} == {"fox"}
    counted = browser.get("/api/pool/classes").json["classes"]
    assert {entry["name"]: entry["count"] for entry in counted} == {"fox": 4, "red deer": 5}


def test_what_looks_like_an_image_or_a_class_is_found(published: Served) -> None:
    browser = published.browsers[0]
    number = {image["name"]: image["image"] for image in all_pages(browser, "/api/pool?order=confident")}
    alike = browser.get(f"/api/similar?image={number[published.items[18].id]}&limit=4").json["images"]
    assert [image["name"] for image in alike] == [published.items[key].id for key in (14, 12, 10, 19)]
    assert [image["similarity"] for image in alike] == sorted((image["similarity"] for image in alike), reverse=True)
    like_class = browser.get("/api/similar?class=fox&limit=1").json["images"]
    assert like_class[0]["name"] == published.items[17].id, "which looks like one of the two that are labelled so"
    assert browser.get("/api/similar?class=wolf").json["error"]["code"] == "no_such_image"


def test_what_is_found_is_labelled_outside_the_batch(published: Served) -> None:
    browser = published.browsers[0]
    (found,) = numbers(browser.get("/api/pool?limit=1"))
    browser.answer({found: ["fox"]}, origin="find")
    assert found not in numbers(browser.get("/api/pool?limit=100"))
    assert published.labels() == {}
    (unrequested,) = published.source.collect_unrequested(published.request.folder, CLASSES)
    assert [(item, label.class_name) for item, label in unrequested.labels] == [(published.items[19].id, "fox")]
    browser.answer({found: []}, origin="find")
    (unrequested,) = published.source.collect_unrequested(published.request.folder, CLASSES)
    assert not unrequested.labels and list(unrequested.cleared) == [published.items[19].id]


def test_answers_are_reviewed_by_class_person_round_and_doubt(published: Served) -> None:
    anna, ben = published.browsers[0], published.browser("ben")
    mine, his = anna.lease(3), ben.lease(2)
    anna.answer({image["image"]: ["red deer"] for image in mine})
    ben.answer({image["image"]: ["fox"] for image in his})
    ben.answer({mine[0]["image"]: ["fox"]})

    def names(query: str) -> set[str]:
        return {image["name"] for image in all_pages(anna, f"/api/review?{query}")}

    labelled = {published.items[15].id, published.items[16].id}
    asked = {image["name"] for image in (*mine, *his)}
    assert names("order=newest") == asked | labelled == names("order=class")
    assert names("class=fox") == {image["name"] for image in his} | {mine[0]["name"]} | labelled
    assert names("person=anna") == {image["name"] for image in mine}
    assert names("person=carl") == {published.items[15].id}
    assert names("person=%20") == {published.items[16].id}, "without a name"
    assert names("round=1") == asked
    assert names("disagree=1") == {mine[0]["name"]}
    assert names("order=doubt") == {published.items[16].id}
    filters = anna.get("/api/review/filters").json
    assert filters["disagree"] == 1
    assert {entry["name"]: entry["count"] for entry in filters["people"]}["anna"] == 3
    (first,) = all_pages(anna, "/api/review?disagree=1")
    assert sorted((answer["name"], answer["classes"]) for answer in first["answers"]) == [
        ("anna", ["red deer"]),
        ("ben", ["fox"]),
    ]


def test_images_asked_without_a_suggestion_are_not_judged_by_the_model(published: Served) -> None:
    """Else only what the model doubts would be corrected, and the audit would look better than it is.

    Nor does their number tell on how many of them the model disagrees: it does not on the last.
    """
    browser = published.browsers[0]
    images = browser.lease(9)
    browser.answer({image["image"]: ["red deer"] for image in images})
    doubt = np.full(20, 0.95, np.float32)
    keys = np.arange(20)
    predicted = (keys == 6).astype(np.intp)
    published.serving.publish(
        CampaignSnapshot(
            items=published.items,
            classes=CLASSES,
            labels=[KnownLabel(key, "red deer", "anna", "web", 1, None) for key in range(9)],
            history=(),
            without_suggestion=frozenset((0, 3, 6)),
            predictions=PoolPredictions(keys, predicted, np.full(20, 0.9, np.float32), doubt, CLASSES),
            class_counts={"red deer": 9},
        )
    )
    browser.wait_until("/api/state", lambda state: state["labels"] == 9, "9 labels are not published")
    reply = browser.get("/api/review?order=doubt&limit=100").json
    hidden = {published.items[key].id for key in (0, 3, 6)}
    assert {image["name"] for image in reply["images"]} == {item.id for item in published.items[:9]} - hidden
    assert reply["held_back"] == 3
    for image in browser.get("/api/review?limit=100").json["images"]:
        assert (image["predicted"] is None) == (image["name"] in hidden)
        detail = browser.get(f"/api/images/{image['image']}").json
        assert (detail["predicted"] is None) == (image["name"] in hidden)


def test_progress_and_the_history_of_an_image(published: Served) -> None:
    browser = published.browsers[0]
    images = browser.lease(4)
    browser.answer({image["image"]: ["fox"] for image in images})
    browser.answer({images[0]["image"]: ["red deer"]}, origin="single", comment="antlers")
    progress = browser.get("/api/progress").json
    assert progress["rounds"] == [{"round": 1, "asked": 9, "answered": 4, "seconds_per_image": 1.0}]
    assert (progress["images_per_hour"], progress["unlabelled"], progress["labels"]) == (3600, 18, 2)
    assert progress["hours_left"] == pytest.approx(5 / 3600)
    history = browser.get(f"/api/images/{images[0]['image']}").json["history"]
    assert [(entry["classes"], entry["origin"], entry["comment"]) for entry in history] == [
        (["fox"], "grid", ""),
        (["red deer"], "single", "antlers"),
    ]
    (person,) = browser.get("/api/state").json["people"]
    assert (person["name"], person["answered"]) == ("anna", 4)


@pytest.mark.parametrize(("rule", "foxes", "deer"), [("ask", 1, 0), ("majority", 1, 1), ("latest", 2, 1)])
def test_images_of_each_class_are_counted_by_the_rule_for_conflicts(
    published: Served, rule: str, foxes: int, deer: int
) -> None:
    people = [published.browsers[0], *(published.browser(name) for name in ("ben", "carl"))]
    published.serving.publish(
        CampaignSnapshot(published.items, CLASSES, [], [], open_round=1, asked=range(9), conflicts=rule)
    )
    people[0].wait_until("/api/progress", lambda each: each["labels"] == 0, "no snapshot")
    images = [image["image"] for image in people[0].lease(3)]
    for image, answers in zip(
        images, (["fox", "unsure"], ["red deer", "fox"], ["red deer", "fox", "red deer"]), strict=True
    ):
        for person, answer in zip(people, answers, strict=False):
            person.answer({image: [answer]})
    counts = {each["name"]: each["labels"] for each in people[0].get("/api/progress").json["classes"]}
    assert (counts["fox"], counts["red deer"]) == (foxes, deer)


def test_events_tell_of_others_answers_and_of_a_new_round(published: Served) -> None:
    anna, ben = published.browsers[0], published.browser("ben")
    stream = Browser(published.serving.address, ben.cookie)
    lines = stream.stream("/api/events")
    event, state = next(lines)
    assert event == "state" and state["round"] == 1
    image = anna.lease(1)[0]
    anna.answer({image["image"]: ["fox"]})
    seen = dict(next(lines) for _ in range(2))
    assert seen["answered"] == {"images": [image["image"]], "name": "anna"}
    assert seen["state"]["batch"]["answered"] == 1
    published.serving.publish(
        CampaignSnapshot(items=published.items, classes=CLASSES, labels=(), history=(), open_round=2, asked=(9, 10))
    )
    found = next(data for kind, data in lines if kind == "round")
    assert found == {"round": 2}
    stream.close()


def test_reduced_embeddings_keep_their_neighbours() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(10, 400))
    x = (centres[rng.integers(0, 10, 500)] + 0.5 * rng.normal(size=(500, 400))).astype(np.float32)
    x[7] = 0
    reduced = reduce_dimensions(x)
    assert reduced.shape == (500, DIMENSIONS) and not reduced[7].any()
    unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    true, found = (np.argsort(-(each @ each.T), axis=1)[:, 1:11] for each in (unit, reduced))
    shared = [len(set(one) & set(other)) / 10 for one, other in zip(true.tolist(), found.tolist(), strict=True)]
    assert np.mean(shared) > 0.6
    assert json.dumps(reduce_dimensions(x[:, :8]).shape) == "[500, 8]"


def test_classes_are_counted_with_what_was_answered_and_corrected_since(published: Served) -> None:
    browser = published.browsers[0]

    def counts() -> dict[str, int]:
        return {each["name"]: each["count"] for each in browser.get("/api/classes").json["classes"]}

    def version() -> int:
        found: int = browser.get("/api/state").json["classes_version"]
        return found

    first, second = (image["image"] for image in browser.lease(2))
    known = next(
        image["image"]
        for image in browser.get("/api/review?limit=9").json["images"]
        if image["name"] == published.items[15].id
    )
    versions = [version()]
    for answers, origin, expected in (
        ({first: ["red deer"], second: ["red deer"]}, "grid", (2, 2)),
        ({first: ["fox"]}, "grid", (3, 1)),
        ({known: ["red deer"]}, "review", (2, 2)),  # its label was published as fox
        ({first: []}, "grid", (1, 2)),
    ):
        browser.answer(answers, origin)
        assert (counts()["fox"], counts()["red deer"]) == expected
        versions.append(version())
    assert all(before != after for before, after in itertools.pairwise(versions)), "else no page would ask anew"


def test_who_gives_a_blind_opinion_cannot_learn_the_first_answer(serve: Serve) -> None:
    """Neither by the counts of the classes, nor by what is similar to a class, nor by what the model has learned."""
    served = serve(count=20, second_opinion=1.0)
    anna, ben = served.browser("anna"), served.browser("ben")
    images = [image["image"] for image in anna.lease(9)]

    def counts(browser: Browser) -> list[dict[str, int]]:
        listed, progress = (browser.get(f"/api/{path}").json["classes"] for path in ("classes", "progress"))
        listed = {each["name"]: each["count"] for each in listed if each["kind"] == "class"}
        return [listed, {each["name"]: each["labels"] for each in progress}]

    def check(known: int) -> None:
        assert counts(anna) == [{"fox": 1 + known, "red deer": 8}] * 2
        assert counts(ben) == [{"fox": known, "red deer": 0}] * 2
        alike = ben.get(f"/api/similar?image={images[1]}&labelled=1&limit=20").json["images"]
        assert not any(image["predicted"] for image in alike)

    publish_model(served, ())
    anna.wait_for("waiting")
    anna.answer({images[0]: ["fox"]} | {image: ["red deer"] for image in images[1:]})
    check(known=0)
    assert ben.get("/api/similar?class=red deer".replace(" ", "%20")).json["error"]["code"] == "no_such_image"
    key_of = {item.id: key for key, item in enumerate(served.items)}
    said = [(key_of[row["name"]], row["answer"]["classes"][0]) for row in anna.get("/api/review").json["images"]]
    labels = [*LABELS, *(KnownLabel(key, name, "anna", "web", 1, "2026-01-01") for key, name in said)]
    publish_model(served, labels)
    anna.wait_until("/api/state", lambda state: state["labels"] == len(labels), f"{len(labels)} are not published")
    check(known=2)
    of_class = ben.get("/api/similar?class=fox&labelled=1&limit=20").json["images"]
    assert set(images) <= {image["image"] for image in of_class}, "none is left out for being of the class"
    ben.answer({image: ["fox"] for image in images})
    assert counts(ben)[0] == {"fox": 3, "red deer": 0}, "eight are disputed: they have no class"


def test_the_audit_leads_however_few_its_images_and_all_say_on_which_they_were_measured(serve: Serve) -> None:
    served = serve(count=20)
    browser = served.browser()
    publish_model(served, LABELS, [round_record(1, 20, 0.7), round_record(2, 40, 0.8, audit=0.6, audited=12)])
    browser.wait_for("waiting")
    progress = browser.wait_until("/api/progress", lambda each: each.get("curves", {}).get("audit"), "no audit")
    audit, evaluation = progress["curves"]["audit"], progress["curves"]["evaluation"]
    assert [(point["labels"], point["n"], point["few_images"]) for point in audit] == [(40, 12, True)]
    assert [(point["labels"], point["n"], point["basis"]) for point in evaluation] == [
        (20, 200, "test split"),
        (40, 200, "test split"),
    ]
    assert all(point["low"] < point["accuracy"] < point["high"] for point in (*audit, *evaluation))
    assert progress["classes_measured_on"] == {"n": 200, "basis": "test split"}, "twelve images say nothing of a class"
