"""Join the predictions with the deployments: time, deployment and observation type of each item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from alframe.exporters.camtrap_dp.deployments import Deployments, with_zone
from alframe.kit.exporting import FinalClasses, final_classes
from alframe.types import Predictions

TimeSpan = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Survey:
    """The predictions with what the deployments add, for each item.

    `observation_types` are Camtrap DP's; without `predicted`, what nobody has labelled is "unclassified".
    """

    predictions: Predictions
    final: FinalClasses
    images: Sequence[str]
    times: Sequence[datetime | None]
    deployments: Sequence[str | None]
    observation_types: Sequence[str]

    def class_names(self, *types: str) -> list[str]:
        """Return the classes that observations name, sorted: of these observation types, or of all but blank ones."""
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
                spans[deployment, item.sequence] = (
                    min(start, taken, key=_without_zone),
                    max(end, taken, key=_without_zone),
                )
        return spans

    def reported_rows(self) -> Iterator[int]:
        """Yield the numbers of the items to report: an empty box is left out, unless all boxes of its image are."""
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
    """Find the time, the deployment and the observation type of each item.

    `types` has the observation type by casefolded class name; all other classes are animals.
    """
    final = final_classes(predictions)
    images = [item.image for item in predictions.items]
    times = [item.taken and with_zone(item.taken, zone) for item in predictions.items]
    observation_types = [
        types.get(name.casefold(), "animal") if predicted or label else "unclassified"
        for name, label in zip(final.class_names, final.labels, strict=True)
    ]
    deployment_ids = [deployments.find(*facts) for facts in zip(predictions.items, images, times, strict=True)]
    return Survey(predictions, final, images, times, deployment_ids, observation_types)


def _without_zone(time: datetime) -> datetime:
    return time.replace(tzinfo=None)  # a sequence is of one camera; times with and without zone compare
