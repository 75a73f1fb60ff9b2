"""People who answer in Label Studio, over its API; and the label source's suite with them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import requests
from alframe_labelstudio.annotations import hash_annotation
from alframe_labelstudio.source import LabelStudio

from alframe.contracts import LabelSource
from alframe.testing import LabelSourceSuite
from alframe.types import Label, Request

IMAGE_FIELD, CHOICES, NEW_CLASS = "image", "choice", "new_class"


def chosen(*names: str) -> list[dict[str, Any]]:
    """Return the result of an annotation with these choices."""
    return [{"from_name": CHOICES, "to_name": IMAGE_FIELD, "type": "choices", "value": {"choices": list(names)}}]


def typed(name: str) -> list[dict[str, Any]]:
    """Return the result of an annotation with a class that is not among the choices."""
    return [{"from_name": NEW_CLASS, "to_name": IMAGE_FIELD, "type": "textarea", "value": {"text": [name]}}]


class Person:
    """Somebody with a token, at a server."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Token {token}"

    def call(self, method: str, path: str, body: object = None, **parameters: object) -> Any:
        answer = self._session.request(method, self.url + path, json=body, params=parameters)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def tasks(self, request: Request) -> dict[str, dict[str, Any]]:
        """Return the tasks of a round, by the id of the image."""
        record = json.loads((request.folder / "labelstudio.json").read_text(encoding="utf-8"))
        number = record["rounds"][str(request.round)]
        listed = self.call("GET", "/api/tasks", project=number, fields="all", page_size=1000)["tasks"]
        return {
            task["data"].get("alframe_id"): task
            for task in listed
            if (task["data"].get("alframe_campaign"), task["data"].get("alframe_round"))
            == (record["campaign"], request.round)
        }

    def answer(self, request: Request, answers: Mapping[str, str | tuple[str, ...]]) -> None:
        """Submit these classes; what is not among the choices is typed."""
        tasks = self.tasks(request)
        for item, names in answers.items():
            if item not in tasks:  # a person may import an image that alframe has not asked for
                continue
            names = (names,) if isinstance(names, str) else names
            known = all(name.strip() in (*request.classes, "unsure", "blank") for name in names)
            result = chosen(*names) if known else typed(names[0])
            self.call("POST", f"/api/tasks/{tasks[item]['id']}/annotations/", {"result": result})

    def delete_annotations(self, request: Request, ids: Collection[str]) -> None:
        tasks = self.tasks(request)
        for item in ids:
            for annotation in tasks[item]["annotations"]:
                self.call("DELETE", f"/api/annotations/{annotation['id']}/")


class ServerSuite(LabelSourceSuite):
    """The suite over the API. Give `anna` and `ben`, people at one server."""

    anna: Person
    ben: Person

    def make(self) -> LabelSource:
        return LabelStudio(url=self.anna.url)

    def answer(self, request: Request, answers: Mapping[str, str]) -> None:
        self.anna.answer(request, answers)

    def clear_answers(self, request: Request, ids: Collection[str]) -> None:
        self.anna.delete_annotations(request, ids)

    def add_second_answers(self, request: Request, answers: Mapping[str, str]) -> None:
        self.ben.answer(request, answers)

    def read_label_bytes(self, file: str) -> bytes | None:
        """Return the task that an address shows, and who has answered."""
        task = self._task(file)
        return json.dumps([task, self.anna.call("GET", "/api/users/")]).encode()

    def possible_answer_file_hashes(self, label: Label) -> set[str]:
        return {hash_annotation(each) for each in self._task(label.file)["annotations"]}

    def _task(self, file: str) -> dict[str, Any]:
        return dict(self.anna.call("GET", f"/api/tasks/{file.rpartition('task=')[2]}/"))


class ExportSuite(LabelSourceSuite):
    """The suite over exported files. Give `anna` and `ben`, people at one server, and the `kind` of the export.

    People import the tasks that alframe has written, label, and export.
    """

    anna: Person
    ben: Person
    kind = "JSON"

    def make(self) -> LabelSource:
        return LabelStudio(url=None, images="https://example.com/pool/")

    def answer(self, request: Request, answers: Mapping[str, str], person: Person | None = None) -> None:
        tasks = self._imported(request)
        for item, name in answers.items():
            if item in tasks:
                known = name.strip() in (*request.classes, "unsure")
                body = {"result": chosen(name) if known else typed(name)}
                (person or self.anna).call("POST", f"/api/tasks/{tasks[item]['id']}/annotations/", body)
        self._export(request)

    def clear_answers(self, request: Request, ids: Collection[str]) -> None:
        tasks = self._imported(request)
        for item in ids:
            for annotation in tasks[item]["annotations"]:
                self.anna.call("DELETE", f"/api/annotations/{annotation['id']}/")
        self._export(request)

    def add_second_answers(self, request: Request, answers: Mapping[str, str]) -> None:
        self.answer(request, answers, self.ben)

    def _imported(self, request: Request) -> dict[str, dict[str, Any]]:
        folder = next(request.folder.glob("round-*"))
        mark = request.folder.with_name("project-of-people.txt")
        if not mark.exists():
            config = (folder / "labelling_interface.xml").read_text(encoding="utf-8")
            made = self.anna.call("POST", "/api/projects", {"title": "of people", "label_config": config})
            mark.write_text(str(made["id"]))
            tasks = json.loads((folder / "tasks_to_import.json").read_text(encoding="utf-8"))
            self.anna.call("POST", f"/api/projects/{made['id']}/import", tasks)
        listed = self.anna.call("GET", "/api/tasks", project=mark.read_text(), fields="all")["tasks"]
        return {task["data"]["alframe_id"]: task for task in listed}

    def _export(self, request: Request) -> None:
        project = request.folder.with_name("project-of-people.txt").read_text()
        path = f"/api/projects/{project}/export"
        exported = self.anna.call("GET", path, exportType=self.kind, download_all_tasks="true")
        folder = next(request.folder.glob("round-*"))
        (folder / "export.json").write_text(json.dumps(exported), encoding="utf-8")


def labels(source: LabelStudio, request: Request) -> list[tuple[str, str, str]]:
    return [(label.item, label.class_name, label.annotator) for label in source.collect(request).labels]
