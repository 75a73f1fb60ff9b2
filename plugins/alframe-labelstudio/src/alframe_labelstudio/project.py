"""The rounds of a campaign in the projects of a Label Studio server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

from alframe.errors import LabelError
from alframe.kit.classes import missing_blank_class
from alframe.kit.round_folders import count_with_noun
from alframe.types import UNSURE, Answers, Item, Problem, Request
from alframe_labelstudio.addresses import image_address
from alframe_labelstudio.annotations import read_task
from alframe_labelstudio.answers import Collector, FoundTask
from alframe_labelstudio.files import require_whole_images
from alframe_labelstudio.labelling_config import LabellingConfig, add_choices, read_config, write_config
from alframe_labelstudio.parameters import UPLOAD, Parameters
from alframe_labelstudio.record import Record
from alframe_labelstudio.server import Forbidden, NotFound, Server
from alframe_labelstudio.tasks import (
    AGAIN_FIELD,
    CAMPAIGN_FIELD,
    ID_FIELD,
    MODEL,
    ROUND_FIELD,
    make_task,
    names_to_offer,
    suggestions_to_show,
    upload_images,
)

IMPORTED_AT_ONCE = 500  # tasks
TITLE_LENGTHS = (3, 50)  # characters, which Label Studio allows


class Rounds:
    """Asks rounds, and collects their answers, over the API of the Label Studio at `url`."""

    def __init__(self, parameters: Parameters, url: str) -> None:
        self.parameters = parameters
        self.server = Server(url)

    def check(self) -> None:
        """Raise LabelError if the server, the token or the project cannot be used."""
        if self.parameters.project is None:
            self.server.get("/api/current-user/whoami")
        else:
            self._config_of(self._project(self.parameters.project, "Correct label_source.project."))

    def request(self, request: Request, asked_before: bool) -> str:
        """Make the tasks that are missing, and return where they are. Raises OSError for the disk's troubles."""
        record = Record.load(request) or Record(self.server.url)
        self._require_same_server(record, request)
        remarks: list[str] = []
        number = record.rounds.get(str(request.round)) or self.parameters.project or record.own_project
        if number is None:
            number = self._make_project(request, remarks)
            record = replace(record, own_project=number)
            record.save(request)
        if str(request.round) not in record.rounds:
            record = record.with_round(request.round, number)
            record.save(request)
        project = self._project(number, _remedy(record, number, request))
        config = self._prepare(project, request, number == record.own_project, remarks)
        there = {task["data"].get(ID_FIELD) for task in self._tasks(record, request)}
        missing = [item for item in request.items if item.id not in there]
        made = self._make_tasks(project, config, missing, request, record, asked_before, remarks)
        if made and asked_before:
            remarks.append(
                f"Made again, because they had been deleted in Label Studio: {count_with_noun(made, 'task')}."
            )
        return "\n".join([f"{self._tab(number, record, request)} . Run the same command again later.", *remarks])

    def collect(self, request: Request, collector: Collector) -> Answers:
        """Return the answers to a round; a server that cannot be used is a Problem, and no answer is cleared."""
        try:
            record = Record.load(request)
            if record is None or str(request.round) not in record.rounds:
                return Answers()
            self._require_same_server(record, request)
            number = record.rounds[str(request.round)]
            config = self._config_of(self._project(number, _remedy(record, number, request)))
            for raw in self._tasks(record, request):
                task = read_task(raw, config.choices, self._name_of)
                place = f"{self.server.url}/projects/{number}/data?task={task.id}"
                if task.data.get(AGAIN_FIELD):
                    collector.builder.reissued = {*collector.builder.reissued, task.data[ID_FIELD]}
                collector.add(FoundTask(task.data[ID_FIELD], task, place))
        except LabelError as error:
            return Answers(problems=[Problem("", None, str(error))])
        return collector.build(request, one_project=True)

    def _tasks(self, record: Record, request: Request) -> Iterator[dict[str, Any]]:
        marks = {CAMPAIGN_FIELD: record.campaign, ROUND_FIELD: request.round}
        return self.server.tasks(record.rounds[str(request.round)], marks)

    def _project(self, number: int, remedy: str) -> dict[str, Any]:
        try:
            return dict(self.server.get(f"/api/projects/{number}"))
        except NotFound as error:
            raise LabelError(
                f"Label Studio at {self.server.url} has no project {number}, or the person of the token may not see "
                f"it. {remedy}"
            ) from error

    def _config_of(self, project: dict[str, Any]) -> LabellingConfig:
        name = f"project {project['id']} ('{project['title']}') at {self.server.url}"
        return read_config(project["label_config"], self.parameters.choices, name)

    def _make_project(self, request: Request, remarks: list[str]) -> int:
        """Make a project that is called as the folder of the campaign, and return its number."""
        title = request.folder.absolute().parent.name[: TITLE_LENGTHS[1]].strip().ljust(TITLE_LENGTHS[0], "_")
        same = [each for each in self.server.get("/api/projects", title=title)["results"] if each["title"] == title]
        if same:
            remarks.append(
                f"A project called '{title}' was there already ({self.server.url}/projects/{same[0]['id']}); it is "
                "left alone."
            )
        names = names_to_offer(request.classes, self._blank(request), UNSURE, offered=())
        made = self.server.post(
            "/api/projects",
            {
                "title": title,
                "description": "Images that alframe has chosen. Each tab is a round.",
                "label_config": write_config(names, self.parameters.several, self.parameters.new_classes != "reject"),
                "maximum_annotations": self.parameters.annotators,
                "show_collab_predictions": True,
                "model_version": MODEL,
            },
        )
        return int(made["id"])

    def _prepare(self, project: dict[str, Any], request: Request, is_own: bool, remarks: list[str]) -> LabellingConfig:
        """See that people can choose all classes, and that enough of them are asked; return the labelling interface.

        A project that alframe has not made is changed in one thing only: the number of people for each task.
        """
        path, where = f"/api/projects/{project['id']}", f"project {project['id']}"
        if project["maximum_annotations"] < self.parameters.annotators:
            self.server.patch(path, {"maximum_annotations": self.parameters.annotators})
            if not is_own:
                remarks.append(f"Each task of {where} is for {self.parameters.annotators} people now.")
        config = self._config_of(project)
        offered = {name.casefold() for name in config.names or ()}
        unsure = next((word for word in self.parameters.unsure if word.casefold() in offered), UNSURE)
        missing = names_to_offer(request.classes, self._blank(request), unsure, offered=config.names or ())
        missing = [name for name in missing if name.casefold() not in offered] if config.names is not None else []
        if missing and is_own:
            xml = add_choices(project["label_config"], config.choices, missing)
            self.server.patch(path, {"label_config": xml})
            config = self._config_of({**project, "label_config": xml})
        elif missing:
            remarks.append(
                f"The choices of {where} lack {', '.join(map(repr, missing))}. Add them in Label Studio, under "
                "Settings > Labeling Interface."
            )
        shows_ours = project["show_collab_predictions"] and project["model_version"] == MODEL
        if not shows_ours and suggestions_to_show(request, self.parameters.suggestions):
            remarks.append(
                f"To show the model's suggestions, choose '{MODEL}' for prelabeling in the settings of {where}, under "
                "Annotation."
            )
        return config

    def _make_tasks(
        self, project: dict[str, Any], config: LabellingConfig, items: list[Item], request: Request, record: Record,
        again: bool, remarks: list[str],
    ) -> int:  # fmt: skip
        """Make a task for each of the items, in their order, part by part; return how many were made."""
        if not items:
            return 0
        number, shown = project["id"], suggestions_to_show(request, self.parameters.suggestions)
        marks: dict[str, object] = {CAMPAIGN_FIELD: record.campaign} | ({AGAIN_FIELD: True} if again else {})
        if self.parameters.images == UPLOAD:
            parts = upload_images(self.server, number, items, remarks)
        else:
            require_whole_images(request)
            addresses = {item.id: image_address(self.parameters.images, item.id) for item in items}
            self._require_served(addresses[items[0].id])
            parts = iter([addresses])
        by_id = {item.id: item for item in items}
        made = 0
        for part in parts:
            tasks = [make_task(by_id[id_], at, request, config, shown.get(id_), **marks) for id_, at in part.items()]
            for start in range(0, len(tasks), IMPORTED_AT_ONCE):
                self.server.post(f"/api/projects/{number}/import", tasks[start : start + IMPORTED_AT_ONCE])
            made += len(tasks)
        return made

    def _require_served(self, address: str) -> None:
        status = self.server.serves(address)
        if status >= 400:
            remedy = "Correct label_source.images."
            if address.startswith("/"):
                remedy = (
                    "Correct label_source.images, start Label Studio with LOCAL_FILES_SERVING_ENABLED=true and "
                    "LOCAL_FILES_DOCUMENT_ROOT, and connect the folder of the images in the project, under Settings > "
                    "Cloud Storage > Add Source Storage > Local Files."
                )
            raise LabelError(f"People could not see {address}: the server answers with the status {status}. {remedy}")

    def _tab(self, number: int, record: Record, request: Request) -> str:
        """Return the address of the tab that shows this round alone; it is made if it is missing."""
        title = f"Round {request.round}"
        tabs = self.server.get("/api/dm/views", project=number)
        mine = [tab for tab in tabs if record.campaign in str(tab["data"]) and tab["data"].get("title") == title]
        if not mine:
            conditions = [
                {"filter": f"filter:tasks:data.{ROUND_FIELD}", "operator": "equal", "type": "Number",
                 "value": request.round},
                {"filter": f"filter:tasks:data.{CAMPAIGN_FIELD}", "operator": "equal", "type": "String",
                 "value": record.campaign},
            ]  # fmt: skip
            data = {"title": title, "filters": {"conjunction": "and", "items": conditions}}
            mine = [self.server.post("/api/dm/views", {"project": number, "data": data})]
        return f"{self.server.url}/projects/{number}/data?tab={mine[0]['id']}"

    def _require_same_server(self, record: Record, request: Request) -> None:
        if record.url != self.server.url:
            raise LabelError(
                f"This campaign is in Label Studio at {record.url}, and label_source.url is {self.server.url}. If the "
                f"server has moved, correct the address in {Record.file_of(request)}; else correct label_source.url."
            )

    def _blank(self, request: Request) -> tuple[str, ...]:
        return missing_blank_class(request.classes, self.parameters.blank)

    def _name_of(self, number: int) -> str:
        return self._names.get(number, str(number))

    @cached_property
    def _names(self) -> dict[int, str]:
        """The addresses of the people by their numbers; none where the person of the token may not see them."""
        try:
            return {person["id"]: person["email"] for person in self.server.get("/api/users/")}
        except Forbidden:
            return {}


def _remedy(record: Record, number: int, request: Request) -> str:
    file = Record.file_of(request)
    if number == record.own_project:
        return (
            f"If it was deleted, delete {file}: alframe then makes a new project, and keeps the answers that it has "
            "read."
        )
    return f"Correct label_source.project, or the round's project in {file}."
