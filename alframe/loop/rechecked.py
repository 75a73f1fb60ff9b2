"""The results for labels that were asked again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alframe.engine.measuring.intervals import wilson_interval
from alframe.loop.campaign import Campaign
from alframe.store.events import LabelsAskedAgain
from alframe.store.records import StoredRound
from alframe.types import UNSURE


@dataclass(frozen=True, slots=True)
class RecheckedLabel:
    """A label that was asked again: the label before, the new answers (none, one or several), and the label now."""

    key: int
    before: str
    answers: tuple[str, ...]
    now: str | None
    likely: str
    confidence: float

    @property
    def agrees(self) -> bool | None:
        """Whether the answer is the same class as before; None unless the answer is a single class."""
        classes = set(self.answers) - {UNSURE}
        return self.answers[0] == self.before if len(classes) == 1 and len(set(self.answers)) == 1 else None


def read_rechecked_labels(campaign: Campaign, stored_round: StoredRound) -> list[RecheckedLabel]:
    """Return the results for the labels that a round asked again, the most doubtful first."""
    ((_, event),) = campaign.ledger.events_of(LabelsAskedAgain, stored_round.number)
    counted = {label.item: label.class_name for label in campaign.decided_labels().counted}
    answers: dict[int, list[str]] = {}
    for label in campaign.standing_labels():
        if label.round == stored_round.number:
            answers.setdefault(label.item, []).append(label.class_name)
    about = zip(stored_round.keys, event.labels, event.likely, event.confidence, strict=True)
    return [
        RecheckedLabel(key, before, tuple(answers.get(key, ())), counted.get(key), likely, confidence)
        for key, before, likely, confidence in about
    ]


def describe_recheck(stored_round: StoredRound, examined_count: int, rechecked: Sequence[RecheckedLabel]) -> list[str]:
    """Return sentences on the agreement of the second answers with the labels, and on the changed labels."""
    sure = [each for each in rechecked if each.agrees is not None]
    unsure = sum(set(each.answers) == {UNSURE} for each in rechecked)
    several = sum(len(set(each.answers)) > 1 for each in rechecked)
    lines = [
        f"Round {stored_round.number} asked again about {len(rechecked)} of {examined_count} labels, without showing "
        "them. A model that has not seen these labels doubts them. "
        f"{sum(bool(each.answers) for each in rechecked)} are answered."
    ]
    if sure:
        differ = sum(not each.agrees for each in sure)
        (low,), (high,) = wilson_interval(np.array([differ]), np.array([len(sure)]))
        likely = sum(each.answers[0] == each.likely for each in sure if not each.agrees)
        lines += [
            f"  the same class as before: {len(sure) - differ}",
            f"  another class: {differ} of {len(sure)} ({low:.0%} to {high:.0%}, a 95 % interval for labels that are "
            f"as doubtful as these, not for all labels); {likely} of them the class that the model expects",
        ]
    lines += [f"  unsure: {unsure}"] if unsure else []
    lines += [f"  several classes: {several}"] if several else []
    answered = [each for each in rechecked if each.answers]
    changed = Counter((each.before, each.now) for each in answered if each.now not in (None, each.before))
    lost = sum(each.now is None for each in answered)
    lines.append(f"Labels changed: {sum(changed.values())}")
    lines += [f"  {count:6d}  {before} -> {now}" for (before, now), count in changed.most_common()]
    if lost:
        lines.append(
            f"Without a label until people agree: {lost}. Their two answers differ, and with conflicts=ask neither "
            "counts. With conflicts=latest, the later answer counts. In the browser, you can also decide in the review."
        )
    return lines


def find_rechecks(campaign: Campaign) -> list[tuple[StoredRound, int]]:
    """Return each round that asked again, the oldest first, with the number of labels that were compared for it."""
    events, stored_rounds = dict(campaign.ledger.events_of(LabelsAskedAgain)), campaign.ledger.stored_rounds()
    return [(stored, events[stored.number].examined) for stored in stored_rounds if stored.number in events]
