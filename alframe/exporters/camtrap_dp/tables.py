"""The rows of Camtrap DP's tables media and observations."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from alframe.exporters.camtrap_dp.deployments import Deployments, in_zone, written
from alframe.kit.exporting import FinalClasses, final_classes
from alframe.types import Item, Label, Predictions

Row = Mapping[str, str]
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Survey:
    """The predictions with what the deployments add; each list is as long as the items.

    `kinds` are the observationTypes; "unclassified" is what nobody has looked at.
    """

    predictions: Predictions
    final: FinalClasses
    images: Sequence[str]
    times: Sequence[datetime | None]
    deployments: Sequence[str | None]
    kinds: Sequence[str]


def survey(
    predictions: Predictions, deployments: Deployments, zone: tzinfo | None, types: Mapping[str, str], predicted: bool
) -> Survey:
    """Find the time, the deployment and the observationType of each item; `types` by class name in small letters."""
    final = final_classes(predictions)
    images = [item.image for item in predictions.items]
    times = [item.taken and in_zone(item.taken, zone) for item in predictions.items]
    kinds = [
        types.get(name.casefold(), "animal") if predicted or label else "unclassified"
        for name, label in zip(final.class_names, final.labels, strict=True)
    ]
    found = [deployments.of(*each) for each in zip(predictions.items, images, times, strict=True)]
    return Survey(predictions, final, images, times, found, kinds)


def media(survey: Survey, url: str, public: bool, capture: str) -> Iterator[Row]:
    """One row for each image; its path is the id, behind `url`."""
    seen: set[str] = set()
    for image, taken, deployment in zip(survey.images, survey.times, survey.deployments, strict=True):
        if image in seen:
            continue
        seen.add(image)
        yield {
            "mediaID": image,
            "deploymentID": deployment or "",
            "captureMethod": capture,
            "timestamp": written(taken) if taken else "",
            "filePath": url + image,
            "filePublic": str(public).lower(),
            "fileName": image.rpartition("/")[2],
            "fileMediatype": _media_type(image.rpartition(".")[2]),
        }


@lru_cache
def _media_type(suffix: str) -> str:
    kind = mimetypes.guess_type(f"a.{suffix}")[0] or ""
    return kind if kind.startswith(("image/", "video/")) else "image/unknown"


def observations(survey: Survey, names: Mapping[str, str], now: datetime) -> Iterator[Row]:
    """One row for each item: people's word, else the model's; `names` are the classes' scientific names."""
    spans = _spans(survey)
    machine = {
        "classificationMethod": "machine",
        "classifiedBy": f"alframe round {survey.predictions.round}",
        "classificationTimestamp": written(now),
    }
    for row in _told(survey):
        item, label, kind = survey.predictions.items[row], survey.final.labels[row], survey.kinds[row]
        taken = survey.times[row]
        start, end = spans.get((survey.deployments[row], item.sequence), (taken, taken))
        cells = {
            "observationID": item.id,
            "deploymentID": survey.deployments[row] or "",
            "mediaID": survey.images[row],
            "eventID": item.sequence or "",
            "eventStart": written(start) if start else "",
            "eventEnd": written(end) if end else "",
            "observationLevel": "media",
            "observationType": kind,
        }
        if kind not in ("blank", "unclassified"):
            cells["scientificName"] = names.get(survey.final.class_names[row], "")
            cells |= _box(item)
        if label is not None:
            cells |= _human(label, item)
        elif kind != "unclassified":
            cells |= machine | {"classificationProbability": f"{survey.final.confidence[row]:.4f}"}
        yield cells


def _human(label: Label, item: Item) -> Row:
    labelled = label.at and (label.at if label.at.tzinfo else label.at.astimezone(UTC))
    cells = {
        "classificationMethod": "human",
        "classifiedBy": label.annotator,
        "classificationTimestamp": written(labelled) if labelled else "",
    }
    if label.item == item.id:
        return cells
    return cells | {
        "observationTags": "propagated",
        "observationComments": f"Given to {label.item}, which is of the same sequence.",
    }


def _box(item: Item) -> Row:
    if item.box is None:
        return {}
    sides = {"bboxX": item.box.x, "bboxY": item.box.y, "bboxWidth": item.box.w, "bboxHeight": item.box.h}
    return {name: f"{side:.6f}" for name, side in sides.items()}


def _spans(survey: Survey) -> dict[tuple[str | None, str | None], Span]:
    """First and last time of each deployment's sequences, as far as they are known."""
    spans: dict[tuple[str | None, str | None], Span] = {}
    for item, taken, deployment in zip(survey.predictions.items, survey.times, survey.deployments, strict=True):
        if taken is not None and item.sequence is not None:
            start, end = spans.get((deployment, item.sequence), (taken, taken))
            spans[deployment, item.sequence] = (min(start, taken, key=_clock), max(end, taken, key=_clock))
    return spans


def _clock(time: datetime) -> datetime:
    return time.replace(tzinfo=None)  # within a sequence it is one camera's; with and without zone compare


def _told(survey: Survey) -> Iterator[int]:
    """The items to tell of: a box with nothing in it says nothing of its image, unless all of them are so."""
    filled = {image for image, kind in zip(survey.images, survey.kinds, strict=True) if kind != "blank"}
    for row, (image, kind) in enumerate(zip(survey.images, survey.kinds, strict=True)):
        if kind != "blank":
            yield row
        elif image not in filled:
            filled.add(image)
            yield row
