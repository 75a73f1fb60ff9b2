"""The batch in the browser: who gets which images, and what becomes of the answers."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

from tests.label_sources.conftest import CLASSES, Serve
from tests.label_sources.web_client import Browser


def test_a_batch_is_answered_and_collected(serve: Serve) -> None:
    served = serve()
    browser = served.browser()
    images = browser.lease(5)
    assert len(images) == 5
    reply = browser.answer({image["image"]: ["fox"] for image in images})
    assert reply.status == 200 and reply.json["batch"]["answered"] == 5
    rest = browser.lease(100)
    assert len(rest) == 4 and not {image["image"] for image in rest} & {image["image"] for image in images}
    browser.answer({image["image"]: ["red deer"] for image in rest})
    assert browser.lease(100) == []
    assert served.labels() == {
        **{image["name"]: {"fox"} for image in images},
        **{image["name"]: {"red deer"} for image in rest},
    }
    assert {label.annotator for label in served.source.collect(served.request).labels} == {"anna"}


def test_an_action_that_comes_twice_is_written_once(serve: Serve) -> None:
    served = serve()
    browser = served.browser()
    action, image = str(uuid.uuid4()), browser.lease(1)[0]
    replies = [browser.answer({image["image"]: ["fox"]}, action=action) for _ in range(3)]
    assert [reply.json["saved"] for reply in replies] == [[image["image"]]] * 3
    history = browser.get("/api/actions").json["actions"]
    assert [(entry["action"], entry["images"]) for entry in history] == [(action, [image["image"]])]


def test_undo_and_redo_go_back_and_forth_without_end(serve: Serve) -> None:
    served = serve()
    browser = served.browser()
    image = browser.lease(1)[0]
    number, name = image["image"], image["name"]
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    browser.answer({number: ["fox"]}, action=first)
    browser.answer({number: ["red deer"]}, action=second)
    refused = browser.post("/api/undo", {"action": str(uuid.uuid4()), "undoes": first}).json
    assert [problem["code"] for problem in refused["problems"]] == ["answered_since"]
    last = second
    for expected in ("fox", "red deer", "fox"):
        undo = str(uuid.uuid4())
        reply = browser.post("/api/undo", {"action": undo, "undoes": last}).json
        assert [entry["answer"]["classes"] for entry in reply["images"]] == [[expected]]
        assert served.labels() == {name: {expected}}
        last = undo
    reply = browser.post("/api/undo", {"action": str(uuid.uuid4()), "undoes": first}).json
    assert [entry["answer"] for entry in reply["images"]] == [None]
    assert served.labels() == {} and list(served.source.collect(served.request).cleared) == [name]
    assert [entry["image"] for entry in browser.lease(1)] == [number], "it is this person's again"


def test_two_people_never_get_the_same_image(serve: Serve) -> None:
    served = serve()
    anna, ben = served.browser("anna"), served.browser("ben")
    hers, his = anna.lease(5), ben.lease(100)
    assert len(hers) == 5 and len(his) == 4
    assert not {image["image"] for image in hers} & {image["image"] for image in his}
    assert anna.lease(5) == hers, "a page that is loaded again is the same"
    anna.post("/api/leases/return")
    assert len(ben.lease(100)) == 9
    renewed = anna.post("/api/leases/renew", {"images": [hers[0]["image"]]}).json
    assert renewed == {"renewed": [], "lost": [hers[0]["image"]]}


def test_who_comes_when_all_images_are_with_one_person_gets_the_last_half_of_them(serve: Serve) -> None:
    served = serve()
    anna, ben, carl = (served.browser(name) for name in ("anna", "ben", "carl"))
    hers = [image["image"] for image in anna.lease(100)]
    assert len(hers) == 9
    his = [image["image"] for image in ben.lease(100)]
    assert his == hers[5:], "those at the end of her page"
    assert [image["image"] for image in carl.lease(100)] == hers[3:5]
    assert [image["image"] for image in anna.lease(100)] == hers[:3]
    lost = anna.post("/api/leases/renew", {"images": hers}).json["lost"]
    assert lost == hers[3:]
    anna.answer({image: ["fox"] for image in hers[:3]})
    assert [image["image"] for image in anna.lease(100)] == his[2:]
    carl.answer({image: ["fox"] for image in hers[3:5]})
    assert carl.lease(100) == [], "nobody has more than a few"


def test_a_second_page_of_a_person_gives_no_image_of_the_first_to_others(serve: Serve) -> None:
    served = serve()
    anna, ben = served.browser("anna"), served.browser("ben")
    hers = {image["image"] for image in anna.lease(5)}
    pages = [Browser(anna.origin, anna.cookie) for _ in range(2)]
    for page in pages:
        next(page.stream("/api/events"))
    anna.post("/api/leases/return", {"images": list(hers)})  # as a page does that is closed
    assert not hers & {image["image"] for image in ben.lease(100)}
    for page in pages:
        page.close()


def test_only_what_a_person_was_given_is_renewed(serve: Serve) -> None:
    served = serve(lease=1)
    anna, ben = served.browser("anna"), served.browser("ben")
    mine = [image["image"] for image in anna.lease(2)]
    his = [image["image"] for image in ben.lease(1)]
    others = [image["image"] for image in served.browser("carl").lease(100)]
    served.browsers[2].post("/api/leases/return")
    time.sleep(1.1)
    renewed = anna.post("/api/leases/renew", {"images": [*mine, *his, *others, 17]}).json
    assert renewed == {"renewed": mine, "lost": [*his, *others, 17]}, "its own ones also when they had run out"


def test_leases_outlast_a_server_that_is_killed(serve: Serve) -> None:
    served = serve()
    anna, ben = served.browser("anna"), served.browser("ben")
    mine = [image["image"] for image in anna.lease(3)]
    anna.answer({mine[0]: ["fox"]})
    process = served.serving._process
    served.serving._started_at -= 60
    process.kill()
    process.wait()
    served.serving.wait_for_answer(0.01)  # starts it again
    for browser in served.browsers:
        browser.close()
    ben.wait_for("waiting")
    assert not {image["image"] for image in ben.lease(100)} & set(mine)
    assert anna.post("/api/leases/renew", {"images": mine}).json == {"renewed": mine[1:], "lost": mine[:1]}


def test_what_is_skipped_comes_last(serve: Serve) -> None:
    browser = serve().browser()
    first = browser.lease(2)
    browser.post("/api/skip", {"images": [image["image"] for image in first]})
    rest = browser.lease(7)
    assert not {image["image"] for image in rest} & {image["image"] for image in first}
    browser.answer({image["image"]: ["fox"] for image in rest})
    assert sorted(image["image"] for image in browser.lease(7)) == sorted(image["image"] for image in first)


def test_images_of_the_audit_cannot_be_told_from_others(serve: Serve) -> None:
    """A third is shown without a suggestion; nothing but that is different, and the pool does not tell either."""
    served = serve()
    browser = served.browser()
    images = browser.lease(9)
    without = [image for image in images if image["suggestion"] is None]
    assert {image["name"] for image in without} == {served.items[number].id for number in (0, 3, 6)}
    assert len({tuple(image) for image in images}) == 1, "all have the same members"
    assert all(image["suggestion"]["class"] in CLASSES for image in images if image not in without)
    for image in images:
        assert browser.get(f"/api/images/{image['image']}").json["predicted"] is None


def test_no_suggestion_is_shown_where_that_is_set(serve: Serve) -> None:
    assert {image["suggestion"] for image in serve(suggestions=False).browser().lease(9)} == {None}


def test_a_new_class_is_asked_back_about_where_it_looks_misspelt(serve: Serve) -> None:
    served = serve()
    browser = served.browser()
    image = browser.lease(1)[0]["image"]
    assert browser.answer({image: ["foxx"]}).json["problems"][0]["code"] == "unknown_class"
    reply = browser.add_class("foxx", sure=False)
    assert reply.status == 409 and reply.json["error"]["suggestions"] == ["fox"]
    assert browser.add_class("FOX").json["error"]["code"] == "refused"
    assert browser.add_class("foxx", sure=True).status == 201
    assert browser.add_class(" badger ", sure=False).status == 201
    browser.answer({image: ["foxx"]})
    answers = served.source.collect(served.request)
    assert not answers.problems and served.labels() == {answers.labels[0].item: {"foxx"}}


def test_a_class_that_was_a_slip_is_removed(serve: Serve) -> None:
    served = serve()
    anna, ben = served.browser("anna"), served.browser("ben")
    image = anna.lease(1)[0]["image"]

    def remove(name: str) -> tuple[int, str]:
        reply = ben.post("/api/classes/remove", {"name": name})
        return reply.status, "" if reply.status == 200 else reply.json["error"]["message"]

    def classes() -> dict[str, tuple[str, bool]]:
        return {each["name"]: (each["key"], each["removable"]) for each in anna.get("/api/classes").json["classes"]}

    anna.add_class("ocellot")
    anna.answer({image: ["ocellot"]})
    assert classes()["ocellot"] == ("o", False)
    status, said = remove("ocellot")
    assert status == 409 and "is the answer to 1 image" in said
    corrected = str(uuid.uuid4())
    anna.answer({image: ["fox"]}, action=corrected)
    assert classes()["ocellot"] == ("o", True)
    assert remove("ocellot") == (200, "")
    assert anna.answer({image: ["ocellot"]}).json["problems"][0]["code"] == "unknown_class"
    assert anna.add_class("ocelot", sure=False).status == 201
    assert classes() == {
        **{"fox": ("f", False), "red deer": ("r", False), "ocelot": ("o", True)},
        **{"blank": ("0", False), "unsure": ("-", False)},
    }
    anna.post("/api/undo", {"action": str(uuid.uuid4()), "undoes": corrected})
    assert classes()["ocellot"][1] is False, "the answer that stands again brings its class back"
    assert {remove(name)[0] for name in ("fox", "blank", "emu", ["fox"])} <= {400, 409}


def test_keys_stay_and_can_be_changed_by_each_person(serve: Serve) -> None:
    served = serve()
    anna, ben = served.browser("anna"), served.browser("ben")

    def keys(browser: object) -> dict[str, str]:
        return {entry["name"]: entry["key"] for entry in browser.get("/api/classes").json["classes"]}

    before = keys(anna)
    assert before == {"fox": "f", "red deer": "r", "blank": "0", "unsure": "-"}
    anna.add_class("ferret")
    assert keys(anna) == before | {"ferret": "e"}
    assert list(keys(anna)) == ["fox", "red deer", "ferret", "blank", "unsure"]
    served.serving.publish(replace(served.snapshot, classes=("ant", "ferret", *CLASSES)))
    anna.wait_until(
        "/api/classes", lambda reply: "ant" in {each["name"] for each in reply["classes"]}, "'ant' is no class"
    )
    assert list(keys(anna)) == ["fox", "red deer", "ferret", "ant", "blank", "unsure"], "each row stays where it is"
    before["ant"] = keys(anna)["ant"]
    anna.send("PUT", "/api/classes/keys", {"name": "ferret", "key": "f"})
    assert keys(anna) == before | {"ferret": "f", "fox": "e"}
    assert keys(ben) == before | {"ferret": "e"}


def test_a_burst_is_answered_at_once_and_marked(serve: Serve) -> None:
    served = serve()
    browser = served.browser()
    image = next(image for image in browser.lease(9) if image["burst"])
    assert image["burst"]["size"] == 3
    reply = browser.answer({image["image"]: ["fox"]}, origin="single", burst=True).json
    frames = {frame["name"] for frame in reply["also"]}
    assert frames == {served.items[-1].id, served.items[-2].id}
    (unrequested,) = served.source.collect_unrequested(served.request.folder, CLASSES)
    assert {item: (label.class_name, label.item) for item, label in unrequested.labels} == dict.fromkeys(
        frames, ("fox", image["name"])
    )
    assert served.labels() == {image["name"]: {"fox"}}


def test_several_animals_are_several_labels(serve: Serve) -> None:
    served = serve()
    browser = served.browser()
    image = browser.lease(1)[0]
    browser.answer({image["image"]: ["fox", "red deer"]}, origin="single", comment="two of them")
    assert served.labels() == {image["name"]: {"fox", "red deer"}}
    assert browser.get(f"/api/images/{image['image']}").json["answer"]["comment"] == "two of them"


def test_the_review_settles_what_people_differ_about(serve: Serve) -> None:
    served = serve()
    anna, ben, carl = served.browser("anna"), served.browser("ben"), served.browser("carl")
    image = anna.lease(1)[0]
    anna.answer({image["image"]: ["fox"]})
    ben.answer({image["image"]: ["red deer"]})
    assert served.labels() == {image["name"]: {"fox", "red deer"}}
    review = str(uuid.uuid4())
    carl.answer({image["image"]: ["fox"]}, origin="review", action=review)
    assert [label.annotator for label in served.source.collect(served.request).labels] == ["carl"]
    carl.post("/api/undo", {"action": str(uuid.uuid4()), "undoes": review})
    assert served.labels() == {image["name"]: {"fox", "red deer"}}, "an undone review leaves all as it was"


def test_a_second_opinion_is_asked_blind_and_once(serve: Serve) -> None:
    served = serve(second_opinion=1.0)
    anna, ben, carl = served.browser("anna"), served.browser("ben"), served.browser("carl")
    images = anna.lease(9)
    anna.answer({image["image"]: ["fox"] for image in images})
    assert anna.lease(9) == [], "nobody is asked twice"
    again = ben.lease(9)
    assert {image["image"] for image in again} == {image["image"] for image in images}
    assert {(image["suggestion"], image["answer"]) for image in again} == {(None, None)}
    assert ben.get(f"/api/images/{again[0]['image']}").json["history"] == [], "the first answer is not to be seen"
    ben.answer({image["image"]: ["red deer"] for image in again})
    assert carl.lease(9) == []
    assert set(map(frozenset, served.labels().values())) == {frozenset({"fox", "red deer"})}
