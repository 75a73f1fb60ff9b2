"""Requests: rounds as their label sources see them, put before people, followed and closed."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import cast

from alframe.builtins import REGISTRIES
from alframe.contracts import LabelSource
from alframe.loop.campaign import Campaign
from alframe.loop.labels import Labels
from alframe.store.events import Closed, Predicted, Requested
from alframe.store.ledger import Ledger
from alframe.store.records import StoredRound
from alframe.types import Item, Request, Suggestion


def count_closed_rounds(ledger: Ledger) -> int:
    """Return the number of the round under way: how many requests are closed; 0 before the first answer."""
    return sum(stored_round.closed for stored_round in ledger.rounds())


def label_source_name(campaign: Campaign, stored_round: StoredRound) -> str:
    """Return the registry name of the label source that a round was asked with."""
    return str(stored_round.source.get("name", campaign.parts.name("label_source")))


def label_source_of(campaign: Campaign, stored_round: StoredRound) -> LabelSource:
    """Return the label source a round was asked with, where its answers are also when another is chosen since.

    Raises AlframeError if that one is not installed any more.
    """
    if label_source_name(campaign, stored_round) == campaign.parts.name("label_source"):
        return campaign.parts.label_source
    return cast(LabelSource, REGISTRIES["label_source"].build(stored_round.source))


def make_request(campaign: Campaign, stored_round: StoredRound, items: Sequence[Item]) -> Request:
    """Return a stored round as its label source sees it; `items` by key."""
    # Only what was known before it was asked: else the first answers' typos would make the right names unknown, and
    # an answer that was taken once would be a slip when it is read again.
    classes = {*campaign.settings.classes, *campaign.labels().classes_before(stored_round.number)}
    predictions = campaign.ledger.events(Predicted, stored_round.number)
    predicted = predictions[0][1] if predictions else Predicted()
    return Request(
        round=stored_round.number,
        items=tuple(items[key] for key in stored_round.keys),
        classes=tuple(sorted(classes)),
        folder=campaign.project.request_folder,
        suggestions=tuple(map(Suggestion, predicted.classes, predicted.confidence)),
    )


def publish_request(campaign: Campaign, stored_round: StoredRound, items: Sequence[Item]) -> None:
    """Put a stored round before people, and journal that."""
    label_source_of(campaign, stored_round).request(make_request(campaign, stored_round, items))
    with campaign.ledger.transaction():
        campaign.ledger.add_event(stored_round.number, Requested())


def close_request(campaign: Campaign, stored_round: StoredRound, answered: int, withdrawn: bool = False) -> None:
    """Journal that this request is not waited for any more; what is answered later still counts."""
    with campaign.ledger.transaction():
        campaign.ledger.add_event(stored_round.number, Closed(answered, withdrawn))


def describe_progress(stored_round: StoredRound, labels: Labels, incomplete: Set[int] = frozenset()) -> str:
    """Say how much of a request is answered; `incomplete` are items for which more answers are expected."""
    keys, answered = set(stored_round.keys), labels.answered_in(stored_round.number) & set(stored_round.keys)
    partly = len(answered & incomplete)
    unsure, conflicts = len(answered & labels.unsure.keys()), len(labels.unsettled & keys)
    text = f"{len(answered) - partly} of {len(keys)} images of round {stored_round.number} are answered"
    text += f", {partly} more by some of the annotators" if partly else ""
    text += f", {unsure} of them with 'unsure'" if unsure else ""
    text += f"; {conflicts} more {'is' if conflicts == 1 else 'are'} said to be of several classes" if conflicts else ""
    return text + "."
