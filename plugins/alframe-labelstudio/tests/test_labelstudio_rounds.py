"""Rounds over the API: what people see, what they answer, and what is done again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from alframe_labelstudio.source import LabelStudio
from fake_label_studio import FakeLabelStudio
from label_studio_people import Person, chosen, labels, typed
from PIL import Image

import alframe
from alframe.errors import LabelError
from alframe.kit.composite import build_part
from alframe.types import UNSURE, Box, Item, Request

FOX, DEER = "fox", "red deer"


def test_images_of_the_audit_have_no_prediction(source: LabelStudio, request_: Request, anna: Person) -> None:
    message = source.request(request_)
    tasks = anna.tasks(request_)
    assert [len(tasks[item.id].get("predictions", ())) for item in request_.items] == [1, 0, 1, 0]
    prediction = tasks["cam 1/0.png"]["predictions"][0]
    assert prediction == {"model_version": "alframe", "score": 0.9, "result": chosen(FOX)}
    assert not any("0.9" in json.dumps(tasks[item.id]) for item in request_.items[1::2])
    assert f"{anna.url}/projects/1/data?tab=" in message
    source.request(replace(request_, round=4, without_suggestion=()))
    assert not any(task["predictions"] for task in anna.tasks(replace(request_, round=4)).values()), (
        "where it is not known which images are the audit's, none may be suggested"
    )


def test_uploads_are_what_browsers_show(
    source: LabelStudio, request_: Request, anna: Person, studio: FakeLabelStudio
) -> None:
    tiff = request_.items[0].path.with_suffix(".tif")
    Image.new("RGB", (32, 24)).save(tiff)
    broken = tiff.with_name("broken.tif")
    broken.write_bytes(b"nothing")
    boxed = replace(request_.items[1], id="cam 1/1.png#2", box=Box(0.25, 0.25, 0.5, 0.5), meta={"box": "2"})
    items = (Item("cam 1/0.tif", tiff), boxed, Item("cam 1/broken.tif", broken))
    request = replace(request_, items=items, suggestions=(), without_suggestion=())
    message = source.request(request)
    assert "cam 1/broken.tif cannot be shown, and is not in Label Studio: " in message
    assert set(anna.tasks(request)) == {"cam 1/0.tif", "cam 1/1.png#2"}
    assert all(content.startswith(b"\xff\xd8\xff") for _, content in studio.uploads.values())
    assert "Made again" not in source.request(request), "an image that cannot be shown was not deleted by anybody"


def test_several_people_and_several_classes(
    studio: FakeLabelStudio, request_: Request, anna: Person, ben: Person
) -> None:
    source = LabelStudio(url=studio.url, several=True, annotators=2)
    source.request(request_)
    project = next(iter(studio.projects.values()))
    assert project["maximum_annotations"] == 2 and 'choice="multiple"' in project["label_config"]
    anna.answer(request_, {"cam 1/0.png": (FOX, DEER), "cam 1/1.png": FOX})
    ben.answer(request_, {"cam 1/0.png": FOX})
    assert labels(source, request_) == [
        ("cam 1/0.png", FOX, "anna@example.com"),
        ("cam 1/0.png", DEER, "anna@example.com"),
        ("cam 1/0.png", FOX, "ben@example.com"),
        ("cam 1/1.png", FOX, "anna@example.com"),
    ]
    assert source.collect(request_).incomplete == ["cam 1/1.png"]


def test_the_last_annotation_of_a_person_counts(source: LabelStudio, request_: Request, anna: Person) -> None:
    source.request(request_)
    anna.answer(request_, {"cam 1/0.png": FOX})
    anna.answer(request_, {"cam 1/0.png": DEER})
    assert labels(source, request_) == [("cam 1/0.png", DEER, "anna@example.com")]


def test_skipped_drafts_and_empty_submissions(studio: FakeLabelStudio, request_: Request, anna: Person) -> None:
    source = LabelStudio(url=studio.url)
    source.request(request_)
    numbers = {item: task["id"] for item, task in anna.tasks(request_).items()}
    anna.call("POST", f"/api/tasks/{numbers['cam 1/0.png']}/annotations/", {"result": [], "was_cancelled": True})
    anna.call("POST", f"/api/tasks/{numbers['cam 1/1.png']}/drafts", {"result": chosen(FOX)})
    anna.call("POST", f"/api/tasks/{numbers['cam 1/2.png']}/annotations/", {"result": []})
    assert labels(source, request_) == [("cam 1/0.png", UNSURE, "anna@example.com")]
    empty, draft = map(str, source.collect(request_).problems)
    place = f"{studio.url}/projects/1/data?task="
    assert empty.startswith(f"{place}{numbers['cam 1/2.png']}: 'cam 1/2.png' was submitted without a class.")
    assert draft.startswith(f"{place}{numbers['cam 1/1.png']}: 'cam 1/1.png' has an answer that was not submitted")
    assert labels(LabelStudio(url=studio.url, skipped="open"), request_) == []


def test_a_class_that_is_not_in_the_list_is_typed(source: LabelStudio, request_: Request, anna: Person) -> None:
    source.request(request_)
    task = anna.tasks(request_)["cam 1/0.png"]["id"]
    anna.call("POST", f"/api/tasks/{task}/annotations/", {"result": typed("lynx")})
    assert labels(source, request_) == [("cam 1/0.png", "lynx", "anna@example.com")]


def test_a_new_class_becomes_a_choice(source: LabelStudio, request_: Request, studio: FakeLabelStudio) -> None:
    source.request(request_)
    source.request(replace(request_, round=4, classes=(FOX, DEER, 'lynx "young"')))
    config = studio.projects[1]["label_config"]
    assert config.count("<Choice ") == 5 and "<Choice value='lynx \"young\"'/>\n  </Choices>" in config


def test_deleted_tasks_are_made_again(source: LabelStudio, request_: Request, anna: Person) -> None:
    source.request(request_)
    anna.answer(request_, {"cam 1/0.png": FOX, "cam 1/1.png": FOX})
    tasks = anna.tasks(request_)
    for item in ("cam 1/1.png", "cam 1/2.png"):
        anna.call("DELETE", f"/api/tasks/{tasks[item]['id']}/")
    answers = source.collect(request_)
    assert "cam 1/1.png" not in answers.cleared and [label.item for label in answers.labels] == ["cam 1/0.png"]
    assert "had been deleted in Label Studio: 2 tasks" in source.request(request_)
    assert set(anna.tasks(request_)) == {item.id for item in request_.items}
    assert "cam 1/1.png" not in source.collect(request_).cleared, "the new, empty task clears no answer"


def test_a_kill_between_the_parts_is_made_up_for(
    source: LabelStudio, request_: Request, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alframe_labelstudio.tasks.MAX_FILES", 1)
    monkeypatch.setattr("alframe_labelstudio.tasks.read_for_upload", _stop_at("cam 1/2.png"))
    with pytest.raises(KeyboardInterrupt):
        source.request(request_)
    assert len(anna.tasks(request_)) == 2
    monkeypatch.undo()
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "a" * 40)
    assert "Made again" not in source.request(request_)
    assert len(anna.tasks(request_)) == 4


def _stop_at(name: str):
    def read(item: Item) -> tuple[str, bytes]:
        if item.id == name:
            raise KeyboardInterrupt
        return "a.png", item.path.read_bytes()

    return read


def test_a_project_of_people(studio: FakeLabelStudio, request_: Request, anna: Person) -> None:
    config = (
        '<View><Image name="img" value="$photo"/><Choices name="animal" toName="img"><Choice value="Fox" alias="fox"/>'
        '</Choices><Choices name="weather" toName="img"><Choice value="rain"/></Choices></View>'
    )
    made = anna.call("POST", "/api/projects", {"title": "mine", "label_config": config, "model_version": ""})
    with pytest.raises(
        LabelError, match=r"'mine'.*has several Choices tags: animal, weather. Set label_source.choices"
    ):
        LabelStudio(url=studio.url, project=made["id"]).check()
    source = LabelStudio(url=studio.url, project=made["id"], choices="animal")
    source.check()
    message = source.request(request_)
    assert "choices of project 1 lack 'red deer', 'blank', 'unsure'. Add them" in message
    assert "choose 'alframe' for prelabeling" in message
    assert studio.projects[made["id"]]["label_config"] == config
    task = anna.tasks(request_)["cam 1/0.png"]
    assert "photo" in task["data"] and task["predictions"][0]["result"][0]["from_name"] == "animal"
    both = [{"from_name": name, "to_name": "img", "type": "choices", "value": {"choices": [value]}}
            for name, value in (("weather", "rain"), ("animal", "fox"))]  # fmt: skip
    anna.call("POST", f"/api/tasks/{task['id']}/annotations/", {"result": both})
    assert labels(source, request_) == [("cam 1/0.png", FOX, "anna@example.com")]


def test_images_that_the_server_has(studio: FakeLabelStudio, request_: Request, anna: Person) -> None:
    source = LabelStudio(url=studio.url, images="/data/local-files/?d=pool")
    with pytest.raises(LabelError, match=r"People could not see .*status 404.*LOCAL_FILES_SERVING_ENABLED=true"):
        source.request(request_)
    studio.served = {f"/data/local-files/?d=pool/{item.id}" for item in request_.items}
    source.request(request_)
    assert anna.tasks(request_)["cam 1/0.png"]["data"]["image"] == "/data/local-files/?d=pool/cam%201/0.png"
    boxed = replace(request_.items[0], box=Box(0, 0, 1, 1), meta={"box": "1"})
    with pytest.raises(LabelError, match=r"several boxes.*label_source.images=upload"):
        source.request(replace(request_, round=4, items=(boxed, *request_.items[1:])))


def test_two_campaigns_in_one_project(studio: FakeLabelStudio, request_: Request, anna: Person) -> None:
    source = LabelStudio(url=studio.url)
    source.request(request_)
    other = replace(request_, folder=request_.folder.parent.with_name("other") / "to_label")
    LabelStudio(url=studio.url, project=1).request(other)
    anna.answer(request_, {"cam 1/0.png": FOX})
    assert len(labels(source, request_)) == 1 and not labels(source, other)


def test_it_can_be_chosen() -> None:
    settings = alframe.compose("label_source=labelstudio", "label_source.project=7", "label_source.url=null",
                               "label_source.images=https://example.com/").label_source  # fmt: skip
    source = build_part("label_source", settings)
    assert isinstance(source, LabelStudio) and source.project == 7 and source.url is None
