"""Labels that are asked again, without showing them, because a model that has not seen them doubts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alframe import seeding
from alframe.contracts import AnswersInOnePlace
from alframe.engine.measuring.intervals import wilson_interval
from alframe.engine.measuring.label_doubt import predict_without_own_label, rank_doubtful
from alframe.errors import LabelError
from alframe.loop.campaign import Campaign
from alframe.loop.choosing import describe_content, order_for_display, record_and_request
from alframe.loop.embedding import count_near_duplicates
from alframe.loop.phase_results import Chosen, HeadFitResult, RunCache
from alframe.loop.serving import hidden_keys_by_round
from alframe.store.events import Arranged, AskedAgain, Event
from alframe.store.files import remove_file
from alframe.store.records import StoredRound
from alframe.types import UNSURE, AuditDraw, Item, Selection


@dataclass(frozen=True, slots=True)
class DoubtfulLabels:
    """The labels that a model doubts which has not seen them, the most doubtful first.

    `event` says of each what it is and what the model thinks. Left out were labels of images that measure the accuracy
    (`hidden`), labels that the network was fine-tuned on (`finetuned`), and labels that were asked again before
    (`asked_before`).
    """

    keys: list[int]
    event: AskedAgain
    hidden: int
    finetuned: int
    asked_before: int


def find_doubtful_labels(campaign: Campaign, fitted: HeadFitResult) -> DoubtfulLabels:
    """Compare each label with what a model says that has not seen it. Raises LabelError for labels of one class.

    The audit is left out, with all else that is asked without a suggestion: if labels were corrected only where the
    model doubts them, the accuracy on the audit would look better than it is.
    """
    fitted.require_head()
    training = fitted.training
    by_people = training.is_by_people
    rounds, rechecks = campaign.ledger.rounds(), campaign.recheck_rounds()
    hidden = set[int]().union(*hidden_keys_by_round(campaign).values())
    asked_before = {key for stored in rounds if stored.number in rechecks for key in stored.keys}
    is_hidden, was_asked = (np.isin(training.keys, list(keys)) for keys in (hidden, asked_before))
    rng = seeding.generator(campaign.settings.seed, "recheck", len(training.keys))
    x = fitted.embedded.embedding.features[training.keys]
    new_head, classes = campaign.parts.new_head, training.classes
    probs = predict_without_own_label(new_head, x, training.y, fitted.context, len(classes), rng)
    is_examined = by_people & training.is_unseen_by_backbone & ~is_hidden & ~was_asked & (probs.sum(axis=1) > 0)
    rows = [row for row in rank_doubtful(probs, training.y).tolist() if is_examined[row]]
    event = AskedAgain(
        labels=[classes[training.y[row]] for row in rows],
        likely=[classes[number] for number in probs[rows].argmax(axis=1).tolist()],
        confidence=[round(float(value), 4) for value in probs[rows].max(axis=1)],
        given=[round(float(probs[row, training.y[row]]), 4) for row in rows],
        examined=int(is_examined.sum()),
    )
    return DoubtfulLabels(
        keys=training.keys[rows].tolist(),
        event=event,
        hidden=int((by_people & is_hidden).sum()),
        finetuned=int((by_people & ~is_hidden & ~training.is_unseen_by_backbone).sum()),
        asked_before=int((by_people & ~is_hidden & training.is_unseen_by_backbone & was_asked).sum()),
    )


def request_again(
    campaign: Campaign, cache: RunCache, fitted: HeadFitResult, doubtful: DoubtfulLabels, count: int
) -> StoredRound:
    """Ask about the `count` most doubtful labels again, as a round of its own without any suggestion; return it."""
    keys = np.array(doubtful.keys[:count], np.int64)
    event, number = doubtful.event, len(campaign.ledger.rounds()) + 1
    asked = AskedAgain(
        event.labels[:count], event.likely[:count], event.confidence[:count], event.given[:count], event.examined
    )
    events: list[Event] = [asked, describe_content(fitted.embedded, keys)]
    events.append(Arranged(order_for_display(fitted.embedded, keys), [True] * len(keys)))
    if campaign.settings.duplicates.by is not None:
        events.append(count_near_duplicates(fitted.embedded))
    doubt = 1 - np.array(asked.given, np.float32)
    nobody = AuditDraw(np.empty(0, np.int64), np.empty(0, np.int64))
    remove_file(campaign.project.done_file)
    record_and_request(campaign, cache, Chosen(number, Selection(keys, doubt), nobody, events))
    return campaign.ledger.rounds()[-1]


def check_can_ask_again(campaign: Campaign) -> None:
    """Raise LabelError if the label source keeps one answer for each image: it would only repeat that."""
    source, name = campaign.parts.label_source, campaign.parts.name("label_source")
    if isinstance(source, AnswersInOnePlace) and source.answers_persist:
        raise LabelError(
            f"label_source={name} reads all answers from one place of yours, where the earlier answers are. So it "
            "cannot ask anybody again without showing them. Choose another for this, such as label_source=web, or "
            "label_source=csv with label_source.files=[]."
        )


@dataclass(frozen=True, slots=True)
class CheckedLabel:
    """A label that was asked again: what it was, what was answered now (none yet, one, several), and what counts."""

    key: int
    before: str
    answers: tuple[str, ...]
    now: str | None
    likely: str
    confidence: float

    @property
    def agrees(self) -> bool | None:
        """Whether the answer is the class of before; None without a single class as the answer."""
        classes = set(self.answers) - {UNSURE}
        return self.answers[0] == self.before if len(classes) == 1 and len(set(self.answers)) == 1 else None


def read_recheck(campaign: Campaign, stored_round: StoredRound) -> list[CheckedLabel]:
    """Return what became of the labels that a round asked again, the most doubtful first."""
    ((_, event),) = campaign.ledger.events(AskedAgain, stored_round.number)
    counted = {label.item: label.class_name for label in campaign.labels().counted}
    answers: dict[int, list[str]] = {}
    for label in campaign.standing_labels():
        if label.round == stored_round.number:
            answers.setdefault(label.item, []).append(label.class_name)
    about = zip(stored_round.keys, event.labels, event.likely, event.confidence, strict=True)
    return [
        CheckedLabel(key, before, tuple(answers.get(key, ())), counted.get(key), likely, confidence)
        for key, before, likely, confidence in about
    ]


def describe_recheck(stored_round: StoredRound, examined: int, checked: Sequence[CheckedLabel]) -> list[str]:
    """Say how often the second answers agree with the labels, and what has changed."""
    sure = [each for each in checked if each.agrees is not None]
    unsure = sum(set(each.answers) == {UNSURE} for each in checked)
    several = sum(len(set(each.answers)) > 1 for each in checked)
    lines = [
        f"Round {stored_round.number} asked again about {len(checked)} labels, without showing them: those of "
        f"{examined} that a model doubts which has not seen them. {sum(bool(each.answers) for each in checked)} are "
        "answered."
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
    answered = [each for each in checked if each.answers]
    changed = Counter((each.before, each.now) for each in answered if each.now not in (None, each.before))
    lost = sum(each.now is None for each in answered)
    lines.append(f"Labels changed: {sum(changed.values())}")
    lines += [f"  {count:6d}  {before} -> {now}" for (before, now), count in changed.most_common()]
    if lost:
        lines.append(
            f"Without a label until people agree: {lost}. Two answers differ, and conflicts=ask counts neither. "
            "conflicts=latest counts the later one; in the browser, the review settles them."
        )
    return lines


def list_recheck(items: Sequence[Item], checked: Sequence[CheckedLabel]) -> list[str]:
    """Describe each label that was asked again and got another answer, the most doubtful first."""
    return [
        f"{items[each.key].id}: '{each.before}', now {' and '.join(map(repr, each.answers))}"
        f" (model: {each.likely} {each.confidence:.0%}); {'no label' if each.now is None else repr(each.now)} counts"
        for each in checked
        if each.answers and each.agrees is not True
    ]


def find_rechecks(campaign: Campaign) -> list[tuple[StoredRound, int]]:
    """Return each round that asked again, oldest first, with the number of labels that were compared for it."""
    events = dict(campaign.ledger.events(AskedAgain))
    return [(stored, events[stored.number].examined) for stored in campaign.ledger.rounds() if stored.number in events]
