"""Read the files that Label Studio exports as JSON or JSON-MIN, and find which images their tasks are about."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.kit.files import content_hash
from alframe.kit.tables import ImageMatcher, TableRow, match_rows
from alframe.types import Item, ItemId, Problem, Request
from alframe_labelstudio.addresses import is_upload, path_in_address, simplify_name, uploaded_name
from alframe_labelstudio.annotations import Task, choice_tags, read_min_tasks, read_task
from alframe_labelstudio.tasks import ID_FIELD, ROUND_FIELD

EXPORT_AGAIN = "Export it again from Label Studio as JSON."


@dataclass(frozen=True, slots=True)
class Export:
    """The tasks of one exported file, and its hash."""

    file: Path
    tasks: Sequence[Task]
    content_hash: str


def read_export(file: Path, choices: str) -> Export | Problem:
    """Read an exported file; `choices` is the name of the Choices tag that counts if there are several."""
    try:
        hashed = content_hash(file)
        with file.open(encoding="utf-8-sig") as handle:
            raw = json.load(handle)
    except OSError as error:
        return Problem(str(file), None, f"cannot be read: {error.strerror or error}. Run the command again.")
    except ValueError as error:
        return Problem(str(file), None, f"is not valid JSON ({error}). {EXPORT_AGAIN}")
    try:
        if not any("annotations" in task for task in raw):
            if fields := _unknown_fields(raw, choices):
                return Problem(
                    str(file), None,
                    f"has no field '{choices}' with answers. Its fields are {', '.join(fields)}: set "
                    "label_source.choices to the one with the class.",
                )  # fmt: skip
            return Export(file, read_min_tasks(raw, choices), hashed)
        tags = choice_tags(raw)
        if tags and choices not in tags:
            if len(tags) > 1:
                return Problem(
                    str(file), None,
                    f"has answers of several Choices tags: {', '.join(sorted(tags))}. Set label_source.choices to the "
                    "one with the class.",
                )  # fmt: skip
            choices = tags.pop()
        return Export(file, [read_task(task, choices, str) for task in raw], hashed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        return Problem(str(file), None, f"is no export of Label Studio as JSON or JSON-MIN ({reason}). {EXPORT_AGAIN}")


def match_tasks(
    export: Export, request: Request, image_field: str, unique_names: bool
) -> Iterator[tuple[Task, ItemId] | Problem]:
    """Yield the tasks that are about an image of the request, with its id, and a Problem for what cannot be decided.

    A task that alframe has made says which image and round it is about. Of others, the address of the image decides;
    that of an upload has no folder any more, so it counts only if names are unique (`unique_names`).
    """
    file = str(export.file)
    ids = {item.id for item in request.items}
    matcher = ImageMatcher(request.items)
    by_name = _ids_by_name(request.items)
    task_of_row: dict[int, Task] = {}
    rows: list[TableRow] = []
    uploads: list[Task] = []
    for task in export.tasks:
        address = task.data.get(image_field)
        if ID_FIELD in task.data:
            if task.data[ID_FIELD] in ids and task.data.get(ROUND_FIELD, request.round) == request.round:
                yield task, str(task.data[ID_FIELD])
        elif not isinstance(address, str):
            fields = ", ".join(map(str, task.data))
            yield Problem(
                file, task.id, f"The task has no field '{image_field}' with an image; its fields are {fields}. Set "
                "label_source.image to the one with the image.",
            )  # fmt: skip
        elif is_upload(address):
            name = simplify_name(uploaded_name(address))
            if unique_names and len(by_name.get(name, ())) == 1:
                yield task, by_name[name][0]
            elif name in by_name and task.annotations:
                uploads.append(task)
        else:
            path = path_in_address(address)
            inside = path.lstrip("/")
            task_of_row[task.id] = task
            rows.append(TableRow(task.id, {"path": inside if matcher(inside) else path}))
    for row in match_rows(file, rows, "path", matcher):
        if isinstance(row, Problem):
            yield row
        elif row[1] is not None:
            yield task_of_row[row[0].line], row[1]
    if uploads:
        yield Problem(
            file, uploads[0].id,
            f"{uploads[0].data[image_field]!r} was uploaded, so the folder of the image is not known; there are "
            f"{len(uploads)} such answers, which do not count. If no two images of the pool have the same file name, "
            "set label_source.unique_names=true.",
        )  # fmt: skip


def _ids_by_name(items: Iterable[Item]) -> dict[str, list[ItemId]]:
    by_name: dict[str, list[ItemId]] = {}
    for item in items:
        by_name.setdefault(simplify_name(item.image_id), []).append(item.id)
    return by_name


def _unknown_fields(rows: Sequence[dict[str, object]], choices: str) -> list[str]:
    """Return the fields of JSON-MIN in which answers may be, if there are answers and none is in `choices`."""
    answered = [row for row in rows if row["annotation_id"] is not None]
    fields = Counter(field for row in answered for field in row)
    if not answered or choices in fields or "new_class" in fields:
        return []
    return sorted(field for field in fields if field not in {"id", "annotator", "annotation_id", "created_at"})
