"""Exported files: paths as Label Studio writes them, projects of people, and files that are no export."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from alframe_labelstudio.addresses import is_upload, path_in_address, simplify_name, uploaded_name
from alframe_labelstudio.source import LabelStudio
from label_studio_people import chosen

from alframe.contracts import AnswersInOnePlace
from alframe.kit.round_folders import round_folder
from alframe.types import Item, Request

NAMES = ("cam 1/größe #1.png", "cam 1/b.png", "cam 2/b.png")
TIME = "2026-01-02T03:04:05.000006Z"


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    items = tuple(Item(name, tmp_path / "pool" / name) for name in NAMES)
    return Request(3, items, ("fox", "red deer"), tmp_path / "to_label")


def task(number: int, image: str, *names: str, person: object = 1, **fields: object) -> dict[str, Any]:
    """Return a task of the export JSON."""
    annotation = {"id": number, "completed_by": person, "result": chosen(*names), "was_cancelled": False,
                  "created_at": TIME, "updated_at": TIME}  # fmt: skip
    start = {"id": number, "data": {"image": image}, "annotations": [annotation] if names else [], "drafts": []}
    return start | fields


def collect(request: Request, tasks: object, **parameters: Any) -> tuple[dict[str, str], list[str]]:
    """Return the labels and the problems of one exported file."""
    file = round_folder(request) / "project-1-at-2026-01-02.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(tasks if isinstance(tasks, str) else json.dumps(tasks), encoding="utf-8")
    answers = LabelStudio(url=None, images="https://example.com/", **parameters).collect(request)
    return {label.item: label.class_name for label in answers.labels}, [str(each) for each in answers.problems]


@pytest.mark.parametrize(
    "start",
    [
        "/data/local-files/?d=",
        "/data/local-files/?d=pool/",
        "http://localhost:8080/data/local-files/?d=storage/pool/",
        "https://example.com/pool/",
        "s3://bucket/pool/",
    ],
)
def test_paths_as_label_studio_writes_them(start: str, request_: Request) -> None:
    quoted = "cam%201/gr%C3%B6%C3%9Fe%20%231.png" if not start.startswith("s3") else NAMES[0]
    found, problems = collect(
        request_,
        [task(7, start + quoted, "fox"), task(8, start + "cam 2/b.png", "red deer"), task(9, start + "z/b.png", "fox")],
    )
    assert found == {NAMES[0]: "fox", NAMES[2]: "red deer"} and not problems


def test_uploads_have_lost_their_folder(request_: Request) -> None:
    tasks = [task(7, "/data/upload/1/4c17173a-größe_1.png", "fox"), task(8, "/data/upload/1/240c4875-b.png", "fox")]
    found, problems = collect(request_, tasks)
    assert not found
    assert "row 7" in problems[0] and "there are 2 such answers, which do not count" in problems[0]
    found, problems = collect(request_, tasks, unique_names=True)
    assert found == {NAMES[0]: "fox"} and "row 8" in problems[0], "two images of the round are called b.png"


def test_addresses() -> None:
    assert path_in_address("/data/local-files?d=a%2Fb.jpg") == "/a/b.jpg"
    assert path_in_address("https://host/a%20b/c.jpg?token=1#x") == "/a b/c.jpg"
    assert path_in_address("gs://bucket/a#1/c?.jpg") == "/a#1/c?.jpg"
    assert path_in_address("D:\\cam\\c.jpg") == "D:\\cam\\c.jpg"
    assert is_upload("http://host/data/upload/1/240c4875-b.png") and not is_upload("/data/local-files/?d=b.png")
    assert uploaded_name("/data/upload/1/62749545-IMG_3_1.jpg") == simplify_name("c d/IMG 3 (1).jpg") == "IMG_3_1.jpg"


def test_another_name_of_the_choices(request_: Request) -> None:
    tasks = [task(7, "cam 1/b.png", "fox")]
    tasks[0]["annotations"][0]["result"][0]["from_name"] = "animal"
    assert collect(request_, tasks)[0] == {NAMES[1]: "fox"}
    other = chosen("rain")[0] | {"from_name": "weather"}
    tasks[0]["annotations"][0]["result"].append(other)
    found, problems = collect(request_, tasks)
    assert not found and "several Choices tags: animal, weather. Set label_source.choices" in problems[0]
    assert collect(request_, tasks, choices="animal")[0] == {NAMES[1]: "fox"}


def test_another_name_in_json_min(request_: Request) -> None:
    row = {"photo": "cam 1/b.png", "id": 7, "animal": {"choices": ["fox"]}, "annotator": 1, "annotation_id": 5,
           "created_at": TIME, "updated_at": TIME}  # fmt: skip
    found, problems = collect(request_, [row])
    assert not found and "has no field 'choice' with answers. Its fields are animal, photo" in problems[0]
    found, problems = collect(request_, [row], choices="animal")
    assert not found and "no field 'image' with an image; its fields are photo, animal" in problems[0]
    assert collect(request_, [row], choices="animal", image="photo")[0] == {NAMES[1]: "fox"}


def test_people_of_older_exports(request_: Request) -> None:
    person = {"id": 3, "email": "anna@example.com", "first_name": "", "last_name": ""}
    collect(request_, [task(7, "cam 1/b.png", "fox", person=person)])
    (label,) = LabelStudio(url=None, images="https://example.com/").collect(request_).labels
    assert label.annotator == "anna@example.com" and label.labelled_at is not None and label.row == 7


def test_the_newest_export_counts(request_: Request) -> None:
    collect(request_, [task(7, "cam 1/b.png", "fox"), task(8, "cam 2/b.png", "fox")])
    old = round_folder(request_) / "project-1-at-2026-01-02.json"
    old.rename(old.with_name("old.json"))
    os.utime(old.with_name("old.json"), (1, 1))
    collect(request_, [task(7, "cam 1/b.png"), task(8, "cam 2/b.png", "red deer")])
    answers = LabelStudio(url=None, images="https://example.com/").collect(request_)
    assert [(label.item, label.class_name) for label in answers.labels] == [(NAMES[2], "red deer")]
    assert answers.cleared == [NAMES[1]]


def test_tasks_of_other_rounds_do_not_count(request_: Request) -> None:
    tasks = [task(7, "x", "fox", data={"alframe_id": NAMES[1], "alframe_round": 2}),
             task(8, "x", "fox", data={"alframe_id": NAMES[2], "alframe_round": 3})]  # fmt: skip
    assert collect(request_, tasks) == ({NAMES[2]: "fox"}, [])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not valid JSON"),
        ('{"images": []}', "is no export of Label Studio"),
        ("[1, 2]", "is no export of Label Studio"),
        ('[{"id": 1, "annotations": [{}]}]', "is no export of Label Studio"),
    ],
)
def test_files_that_are_no_export(content: str, reason: str, request_: Request) -> None:
    found, problems = collect(request_, content)
    assert not found and reason in problems[0] and "2026-01-02.json: " in problems[0], problems


def test_exports_anywhere(request_: Request, tmp_path: Path) -> None:
    file = tmp_path / "exports" / "all.json"
    file.parent.mkdir()
    file.write_text(json.dumps([task(7, "cam 1/b.png", "fox")]), encoding="utf-8")
    source = LabelStudio(url=None, images="https://example.com/", exports=[file.parent, tmp_path / "none"])
    answers = source.collect(request_)
    assert isinstance(source, AnswersInOnePlace) and source.answers_persist
    assert [label.class_name for label in answers.labels] == ["fox"]
    assert "nor a folder or pattern with a JSON in it. Add it, or correct label_source.exports" in str(
        answers.problems[0]
    )


def test_tasks_to_import(request_: Request) -> None:
    source = LabelStudio(url=None, images="/data/local-files/?d=pool")
    message = source.request(request_)
    folder = round_folder(request_)
    tasks = json.loads((folder / "tasks_to_import.json").read_text(encoding="utf-8"))
    assert tasks[0]["data"]["image"] == "/data/local-files/?d=pool/cam%201/gr%C3%B6%C3%9Fe%20%231.png"
    assert str(folder / "labelling_interface.xml") in message and "export the answers as JSON" in message
    (folder / "tasks_to_import.json").unlink()
    source.request(request_)
    assert '"alframe_again": true' in (folder / "tasks_to_import.json").read_text(encoding="utf-8")
