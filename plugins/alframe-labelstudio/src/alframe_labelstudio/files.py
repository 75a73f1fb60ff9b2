"""Without a server: the tasks of a round as a file to import, and the answers from files that people export."""

from __future__ import annotations

import json
from collections.abc import Iterator

from alframe.errors import LabelError
from alframe.kit.classes import missing_blank_class
from alframe.kit.files import write_text
from alframe.kit.round_folders import round_folder
from alframe.kit.round_images import box_to_show
from alframe.kit.tables import files_in_folder, find_tables, time_saved
from alframe.types import UNSURE, Answers, Problem, Request
from alframe_labelstudio.addresses import image_address
from alframe_labelstudio.answers import Collector, FoundTask
from alframe_labelstudio.exports import match_tasks, read_export
from alframe_labelstudio.labelling_config import read_config, write_config
from alframe_labelstudio.parameters import Parameters
from alframe_labelstudio.tasks import AGAIN_FIELD, make_task, names_to_offer, suggestions_to_show

TASKS_FILE, CONFIG_FILE = "tasks_to_import.json", "labelling_interface.xml"


def write_tasks(parameters: Parameters, request: Request, asked_before: bool) -> str:
    """Write the files to import, and return what to do with them. Raises OSError."""
    require_whole_images(request)
    folder = round_folder(request)
    blank = missing_blank_class(request.classes, parameters.blank)
    names = names_to_offer(request.classes, blank, UNSURE, offered=())
    xml = write_config(names, parameters.several, parameters.new_classes != "reject")
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / CONFIG_FILE, xml)
    file = folder / TASKS_FILE
    if not file.exists():
        config = read_config(xml, parameters.choices, CONFIG_FILE)
        shown = suggestions_to_show(request, parameters.suggestions)
        again = {AGAIN_FIELD: True} if asked_before else {}
        tasks = [
            make_task(item, image_address(parameters.images, item.id), request, config, shown.get(item.id), **again)
            for item in request.items
        ]
        write_text(file, json.dumps(tasks, indent=1, ensure_ascii=False))
    return (
        f"import {file} into a project with the labelling interface {folder / CONFIG_FILE}. Afterwards export the "
        f"answers as JSON into {folder}, and run the same command again."
    )


def collect_exports(parameters: Parameters, request: Request, collector: Collector) -> Answers:
    """Return the answers in the files of the round's folder, and in those of `exports`.

    Where several files contain a task, the one that was saved last counts: each export holds all of a project.
    """
    builder, found = collector.builder, {}
    for each in _find_tasks(parameters, request):
        if isinstance(each, Problem):
            builder.problems.append(each)
        else:
            found[each.item, each.task.id, each.task.created] = each
    builder.has_unread_rows = bool(builder.problems)
    builder.reissued = {each.item for each in found.values() if each.task.data.get(AGAIN_FIELD)}
    for each in found.values():
        collector.add(each)
    return collector.build(request)


def _find_tasks(parameters: Parameters, request: Request) -> Iterator[FoundTask | Problem]:
    """Yield the tasks of all files, those of the file that was saved last at the end, and the problems."""
    in_folder = [file for file in files_in_folder(round_folder(request), (".json",)) if file.name != TASKS_FILE]
    outside, problems = find_tables(parameters.exports, request.folder, "label_source.exports", (".json",))
    yield from problems
    for file in sorted({*in_folder, *outside}, key=lambda file: (time_saved(file), file.name)):
        export = read_export(file, parameters.choices)
        if isinstance(export, Problem):
            yield export
            continue
        for each in match_tasks(export, request, parameters.image, parameters.unique_names):
            if isinstance(each, Problem):
                yield each
            else:
                task, item = each
                yield FoundTask(item, task, str(file), task.id, export.content_hash)


def require_whole_images(request: Request) -> None:
    """Raise LabelError if some items are boxes of an image with several: their pictures must be drawn and uploaded."""
    for item in request.items:
        if box_to_show(item):
            raise LabelError(
                f"'{item.id}' is one of several boxes of an image, and must be outlined for people. Set "
                "label_source.images=upload, so that alframe can draw it."
            )
