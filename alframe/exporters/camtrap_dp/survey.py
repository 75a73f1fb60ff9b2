"""Join the predictions with the deployments, and make the rows of the tables media and observations."""

from __future__ import annotations

import mimetypes
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

from alframe.exporters.camtrap_dp.deployments import Deployments, format_time, with_zone_if_known
from alframe.kit.exporting import FinalClasses, final_classes
from alframe.types import Item, Label, Predictions

Cells = Mapping[str, str]  # by column
TimeSpan = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Survey:
    """The predictions of each item, with the facts of its deployment.

    `observation_types` are those of Camtrap DP. Without `predicted`, items without a label are "unclassified".
    """

    predictions: Predictions
    final: FinalClasses
    images: Sequence[str]
    times: Sequence[datetime | None]
    deployments: Sequence[str | None]
    observation_types: Sequence[str]

    def class_names(self, *types: str) -> list[str]:
        """Return the sorted classes of observations with these observation types, or with all types except blank."""
        pairs = set(zip(self.final.class_names, self.observation_types, strict=True))
        return sorted(
            name for name, kind in pairs if (kind in types if types else kind not in ("blank", "unclassified"))
        )

    def sequence_spans(self) -> dict[tuple[str | None, str | None], TimeSpan]:
        """Return the first and last known time by (deployment, sequence)."""
        spans: dict[tuple[str | None, str | None], TimeSpan] = {}
        for item, taken, deployment in zip(self.predictions.items, self.times, self.deployments, strict=True):
            if taken is not None and item.sequence is not None:
                start, end = spans.get((deployment, item.sequence), (taken, taken))
                times = (start, end, taken)
                spans[deployment, item.sequence] = min(times, key=_without_zone), max(times, key=_without_zone)
        return spans

    def reported_rows(self) -> Iterator[int]:
        """Yield the numbers of the items to report. An empty box is left out if the image has another box."""
        filled = {image for image, kind in zip(self.images, self.observation_types, strict=True) if kind != "blank"}
        for row, (image, kind) in enumerate(zip(self.images, self.observation_types, strict=True)):
            if kind != "blank":
                yield row
            elif image not in filled:
                filled.add(image)
                yield row


def build_survey(
    predictions: Predictions, deployments: Deployments, zone: tzinfo | None, types: Mapping[str, str], predicted: bool
) -> Survey:
    """Return the survey: the time, the deployment and the observation type of each item.

    `types` has the observation type by casefolded class name; all other classes are animals.
    """
    final = final_classes(predictions)
    images = [item.image_id for item in predictions.items]
    times = [item.taken and with_zone_if_known(item.taken, zone) for item in predictions.items]
    observation_types = [
        types.get(name.casefold(), "animal") if predicted or label else "unclassified"
        for name, label in zip(final.class_names, final.labels, strict=True)
    ]
    names_of = _names_by_camera({item.camera for item in predictions.items if item.camera is not None})
    cameras = [names_of.get(item.camera, ()) for item in predictions.items]
    deployment_ids = [deployments.find_deployment_id(*facts) for facts in zip(cameras, images, times, strict=True)]
    return Survey(predictions, final, images, times, deployment_ids, observation_types)


def _names_by_camera(cameras: Set[str]) -> dict[str | None, tuple[str, ...]]:
    """Return the names of each camera: its path, and the last part of the path if no other camera has the same."""
    shared = Counter(camera.rpartition("/")[2] for camera in cameras)
    last_parts = {camera: camera.rpartition("/")[2] for camera in cameras}
    return {camera: (camera, last) if shared[last] == 1 else (camera,) for camera, last in last_parts.items()}


def _without_zone(time: datetime) -> datetime:
    return time.replace(tzinfo=None)  # a sequence is of one camera; times with and without zone compare


def media_rows(survey: Survey, url: str, public: bool, capture_method: str) -> Iterator[Cells]:
    """Yield one row for each image. Its filePath is `url` followed by the image's id."""
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
            if box := item.box:
                sides = {"bboxX": box.x, "bboxY": box.y, "bboxWidth": box.w, "bboxHeight": box.h}
                cells |= {name: f"{side:.6f}" for name, side in sides.items()}
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
