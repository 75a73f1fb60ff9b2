"""Make the rows of Camtrap DP's tables media and observations."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from alframe.exporters.camtrap_dp.deployments import format_time
from alframe.exporters.camtrap_dp.survey import Survey
from alframe.types import Item, Label

Cells = Mapping[str, str]  # by column


def media_rows(survey: Survey, url: str, public: bool, capture_method: str) -> Iterator[Cells]:
    """Yield one row for each image; its filePath is `url` and the image's id."""
    seen: set[str] = set()
    for image, taken, deployment in zip(survey.images, survey.times, survey.deployments, strict=True):
        if image in seen:
            continue
        seen.add(image)
        yield {
            "mediaID": image,
            "deploymentID": deployment or "",
            "captureMethod": capture_method,
            "timestamp": format_time(taken) if taken else "",
            "filePath": url + image,
            "filePublic": str(public).lower(),
            "fileName": image.rpartition("/")[2],
            "fileMediatype": _media_type(image.rpartition(".")[2]),
        }


@lru_cache
def _media_type(suffix: str) -> str:
    media_type = mimetypes.guess_type(f"a.{suffix}")[0] or ""
    return media_type if media_type.startswith(("image/", "video/")) else "image/unknown"


def observation_rows(survey: Survey, scientific_names: Mapping[str, str], now: datetime) -> Iterator[Cells]:
    """Yield one row for each item, with its label or else the prediction; `scientific_names` are by class name."""
    spans = survey.sequence_spans()
    machine = {
        "classificationMethod": "machine",
        "classifiedBy": f"alframe round {survey.predictions.round}",
        "classificationTimestamp": format_time(now),
    }
    for row in survey.reported_rows():
        item, label, kind = survey.predictions.items[row], survey.final.labels[row], survey.observation_types[row]
        taken = survey.times[row]
        start, end = spans.get((survey.deployments[row], item.sequence), (taken, taken))
        cells = {
            "observationID": item.id,
            "deploymentID": survey.deployments[row] or "",
            "mediaID": survey.images[row],
            "eventID": item.sequence or "",
            "eventStart": format_time(start) if start else "",
            "eventEnd": format_time(end) if end else "",
            "observationLevel": "media",
            "observationType": kind,
        }
        if kind not in ("blank", "unclassified"):
            cells["scientificName"] = scientific_names.get(survey.final.class_names[row], "")
            cells |= _box_cells(item)
        if label is not None:
            cells |= _label_cells(label, item)
        elif kind != "unclassified":
            cells |= machine | {"classificationProbability": f"{survey.final.confidence[row]:.4f}"}
        yield cells


def _label_cells(label: Label, item: Item) -> Cells:
    time = label.labelled_at and (label.labelled_at if label.labelled_at.tzinfo else label.labelled_at.astimezone(UTC))
    cells = {
        "classificationMethod": "human",
        "classifiedBy": label.annotator,
        "classificationTimestamp": format_time(time) if time else "",
    }
    if label.item == item.id:
        return cells
    return cells | {
        "observationTags": "propagated",
        "observationComments": f"Given to {label.item}, which is of the same sequence.",
    }


def _box_cells(item: Item) -> Cells:
    if item.box is None:
        return {}
    sides = {"bboxX": item.box.x, "bboxY": item.box.y, "bboxWidth": item.box.w, "bboxHeight": item.box.h}
    return {name: f"{side:.6f}" for name, side in sides.items()}
