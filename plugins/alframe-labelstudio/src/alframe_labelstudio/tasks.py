"""Make the tasks of a round: images that Label Studio can show, and the model's suggestions as predictions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from alframe.errors import PoolError
from alframe.kit.progress import track
from alframe.kit.round_images import box_to_show, encode_jpeg, outline_box
from alframe.kit.viewing import needs_conversion, open_for_viewing
from alframe.types import Item, Request, Suggestion
from alframe_labelstudio.labelling_config import LabellingConfig
from alframe_labelstudio.server import Server

ID_FIELD, ROUND_FIELD, CAMPAIGN_FIELD, AGAIN_FIELD = "alframe_id", "alframe_round", "alframe_campaign", "alframe_again"
MODEL = "alframe"  # the name of the model of all predictions: a project shows those of one model
SHOWN_BY_BROWSERS = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp")
MAX_FILES, MAX_BYTES = 50, 50_000_000  # of one request; Label Studio takes 100 files and 250 MB


def make_task(
    item: Item, address: str, request: Request, config: LabellingConfig, suggestion: Suggestion | None, **data: object
) -> dict[str, Any]:
    """Return one task of the import format, with a prediction if there is a suggestion that people can choose."""
    task: dict[str, Any] = {
        "data": {config.image_field: address, ID_FIELD: item.id, ROUND_FIELD: request.round, **data}
    }
    if suggestion and (config.names is None or suggestion.class_name in config.names):
        result = {
            "from_name": config.choices,
            "to_name": config.image,
            "type": "choices",
            "value": {"choices": [suggestion.class_name]},
        }
        task["predictions"] = [{"model_version": MODEL, "score": suggestion.confidence, "result": [result]}]
    return task


def suggestions_to_show(request: Request, wanted: bool) -> dict[str, Suggestion]:
    """Return the suggestions that people may see, by image; those of the audit and its decoys are not among them."""
    if not wanted or not request.suggestions or not request.without_suggestion:
        return {}
    triples = zip(request.items, request.suggestions, request.without_suggestion, strict=True)
    return {item.id: suggestion for item, suggestion, is_blind in triples if not is_blind}


def read_for_upload(item: Item) -> tuple[str, bytes]:
    """Return a name and a content that browsers can show; a box that the item is about is outlined.

    Raises PoolError with the reason if the image cannot be shown.
    """
    name = PurePosixPath(item.image_id)
    try:
        as_it_is = name.suffix.lower() in SHOWN_BY_BROWSERS and not needs_conversion(item.path)
        if as_it_is and not box_to_show(item):
            return name.name, item.path.read_bytes()
    except OSError as error:
        raise PoolError(error.strerror or str(error)) from error
    picture = open_for_viewing(item.path)
    if box := box_to_show(item):
        outline_box(picture, box)
    return f"{name.stem}.jpg", encode_jpeg(picture)


def upload_images(server: Server, project: int, items: Iterable[Item], remarks: list[str]) -> Iterator[dict[str, str]]:
    """Upload the images in parts, and yield the addresses of each part by id; those that fail are in `remarks`."""
    part: dict[str, tuple[str, bytes]] = {}
    size = 0
    for item in track(list(items), "Uploading to Label Studio", unit="img"):
        try:
            part[item.id] = read_for_upload(item)
        except PoolError as error:
            remarks.append(f"{item.id} cannot be shown, and is not in Label Studio: {error}.")
            continue
        size += len(part[item.id][1])
        if len(part) == MAX_FILES or size > MAX_BYTES:
            yield _upload_part(server, project, part)
            part, size = {}, 0
    if part:
        yield _upload_part(server, project, part)


def _upload_part(server: Server, project: int, part: dict[str, tuple[str, bytes]]) -> dict[str, str]:
    answer = server.upload(f"/api/projects/{project}/import", list(part.values()), commit_to_project="false")
    numbers = answer["file_upload_ids"]
    listed = server.get(f"/api/projects/{project}/file-uploads", ids=str(numbers))
    address_of = {upload["id"]: f"/data/{upload['file']}" for upload in listed}
    return {item: address_of[number] for item, number in zip(part, numbers, strict=True)}


def names_to_offer(classes: Sequence[str], blank: Sequence[str], unsure: str, offered: Collection[str]) -> list[str]:
    """Return the choices that people need and that are not `offered` yet."""
    return [name for name in dict.fromkeys((*classes, *blank, unsure)) if name not in offered]
