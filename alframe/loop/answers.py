"""Requests and their answers: show a round to people, store their answers, and wait for more if needed."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import cast

from alframe.builtins import REGISTRIES
from alframe.commands import project_command
from alframe.contracts import LabelSource, ServesPeople, UnrequestedAnswers
from alframe.data.viewing import open_for_viewing
from alframe.errors import AlframeError, LabelError, PoolError
from alframe.kit.classes import find_blank_class
from alframe.loop.answered_classes import clean_class_names
from alframe.loop.campaign import Campaign
from alframe.loop.contract_checks import checked_answers
from alframe.loop.item_names import keys_of_served_ids, with_ids_of_round
from alframe.loop.labels import DecidedLabels, describe_conflicts
from alframe.loop.phase_results import LabelSnapshot, ProblemLog, RunCache
from alframe.store.events import BatchArranged, Predicted, RequestClosed, Requested
from alframe.store.records import StoredRound
from alframe.types import UNSURE, Item, Label, Outcome, OutcomeState, Request, Suggestion

log = logging.getLogger(__name__)

UNREQUESTED_SUFFIX = "unrequested"  # after the name of a label source: the origin of what people found by themselves


def collect_answers(campaign: Campaign, cache: RunCache) -> LabelSnapshot | Outcome:
    """Store all answers. Return a WAITING Outcome while the newest request has too few answers."""
    rounds, items = campaign.ledger.stored_rounds(), cache.listing.items
    if rounds:
        newest = rounds[-1]
        if not newest.requested and not newest.closed:  # stopped between choosing and asking
            publish_request(campaign, newest, items)
        incomplete = collect_and_store_answers(campaign, items, cache.problems)
        if not newest.closed:
            keys = set(newest.keys)
            answered = (campaign.decided_labels().settled_for_round(newest.number) & keys) - incomplete
            answers_now = label_source_of(campaign, newest).answers_now
            unavailable = set()  # missing or unreadable, so that nobody can label them
            if not answers_now:
                unavailable = {key for key in keys - answered if not cache.listing.is_present[key]}
                unavailable |= find_unviewable_images(campaign, items, keys - answered)
            if len(answered) < count_required_answers(campaign, len(keys) - len(unavailable)):
                return _repeat_request(campaign, cache, newest, incomplete, answered, unavailable)
            close_request(campaign, newest, len(answered))
    return load_label_snapshot(campaign)


def load_label_snapshot(campaign: Campaign) -> LabelSnapshot:
    """Return all answers in the ledger."""
    return LabelSnapshot(campaign.decided_labels(), sum(stored.closed for stored in campaign.ledger.stored_rounds()))


def collect_and_store_answers(
    campaign: Campaign, items: Sequence[Item], problems: ProblemLog, newest_only: bool = False
) -> set[int]:
    """Store all answers, also answers to earlier requests, because people may finish or correct a batch later.

    Returns the items of the newest request for which more answers are expected.
    """
    found: list[str] = []
    incomplete: set[int] = set()
    known = {*campaign.settings.classes, *campaign.decided_labels().class_first_rounds}
    for stored_round in campaign.ledger.stored_rounds()[-1:] if newest_only else campaign.ledger.stored_rounds():
        incomplete = set()
        try:
            source = label_source_of(campaign, stored_round)
        except AlframeError as error:
            found.append(f"The answers to round {stored_round.number} cannot be read: {error}")
            continue
        if stored_round.closed and source.answers_now:  # a simulation says all it will ever say at once
            continue
        answers = collect_by_key(source, make_request(campaign, stored_round, items), stored_round.keys)
        found += answers.problems
        incomplete = answers.incomplete
        name = label_source_name_of(campaign, stored_round)
        with campaign.ledger.transaction():
            campaign.ledger.add_labels(answers.labels, stored_round.number, name, answers.cleared)
    found += _import_unrequested(campaign)
    labels = campaign.decided_labels()
    problems.log_new([*found, *describe_conflicts(labels, items)])
    source = campaign.parts.label_source
    if known and not source.answers_now and not isinstance(source, ServesPeople):  # a page asks before it adds a class
        for name in sorted(labels.class_first_rounds.keys() - known - {UNSURE}):
            if find_blank_class([name], ""):
                continue  # it can be chosen from the start
            log.info("New class: %s. If it is a typing error, correct the answer and run the same command again.", name)
    return incomplete


def _import_unrequested(campaign: Campaign) -> list[str]:
    """Store the answers to images that no round has requested, marked by their origin; return the problems.

    They belong to the newest round at that time, so that they replace the pool's own label of the image.
    """
    found: list[str] = []
    sources = {label_source_name_of(campaign, stored): stored for stored in campaign.ledger.stored_rounds()}
    for name, stored_round in sources.items():
        try:
            source = label_source_of(campaign, stored_round)
        except AlframeError:
            continue  # reported with the round itself
        if not isinstance(source, UnrequestedAnswers):
            continue
        classes = sorted({*campaign.settings.classes, *campaign.decided_labels().class_first_rounds} - {UNSURE})
        unrequested = source.collect_unrequested(campaign.project.request_folder, classes)
        named = {id_ for said in unrequested for id_, _ in said.labels}
        named |= {label.item for said in unrequested for _, label in said.labels}
        named |= {id_ for said in unrequested for id_ in said.cleared}
        if not named:
            continue
        key_of = keys_of_served_ids(campaign.ledger, named)
        for said in unrequested:
            found += map(str, said.problems)
            pairs = [(key_of[id_], label) for id_, label in said.labels if id_ in key_of]
            given_on = {key: key_of[label.item] for key, label in pairs if key_of.get(label.item, key) != key}
            cleared = [key_of[id_] for id_ in said.cleared if id_ in key_of]
            with campaign.ledger.transaction():
                campaign.ledger.add_labels(pairs, said.round, f"{name} {UNREQUESTED_SUFFIX}", cleared, given_on)
    return found


@dataclass(frozen=True, slots=True)
class KeyedAnswers:
    """The content of `types.Answers` for the items of one request, by key."""

    labels: list[tuple[int, Label]]
    cleared: list[int]
    incomplete: set[int]
    problems: list[str]


def collect_by_key(source: LabelSource, request: Request, keys: Sequence[int]) -> KeyedAnswers:
    """Collect the answers to a request from its label source; `keys` are the keys of its items."""
    key_of = {item.id: key for item, key in zip(request.items, keys, strict=True)}
    answers = checked_answers(source, request)
    labels, problems = clean_class_names(answers.labels, request.classes)
    return KeyedAnswers(
        labels=[(key_of[label.item], label) for label in labels if label.item in key_of],
        cleared=[key_of[item] for item in answers.cleared if item in key_of],
        incomplete={key_of[item] for item in answers.incomplete if item in key_of},
        problems=list(map(str, [*answers.problems, *problems])),
    )


def _repeat_request(
    campaign: Campaign,
    cache: RunCache,
    stored_round: StoredRound,
    incomplete: Set[int],
    answered: Set[int],
    unavailable: Set[int],
) -> Outcome:
    source = label_source_of(campaign, stored_round)
    if source.answers_now:
        problem = min(cache.problems, default="it gave no reason")
        raise LabelError(f"The simulation has no answer: {problem}")
    items = cache.listing.items
    instructions = source.request(make_request(campaign, stored_round, items))
    if source is not campaign.parts.label_source:
        instructions += (
            f"\nThis round was requested with label_source={label_source_name_of(campaign, stored_round)}; its answers "
            f"are read from there. The next round uses {campaign.parts.name_of('label_source')}. To request this round "
            f"again: {_withdrawal_commands(campaign)}"
        )
    text = describe_answers(stored_round, campaign.decided_labels(), incomplete)
    if unavailable:
        text += f" {len(unavailable)} others are missing or unreadable and are no longer expected."
    stopping = campaign.parts.stopping
    reason = stopping.decide(campaign.ledger.history()) if stopping else None
    if reason:
        text += f" {reason} To stop now without waiting for more: {_withdrawal_commands(campaign)}"
    elif answered and not isinstance(source, ServesPeople):  # its page is open: people go on there
        conflicting = (campaign.decided_labels().unresolved_conflicts & set(stored_round.keys)) - unavailable
        unanswered = [items[key].id for key in stored_round.keys if key not in answered | unavailable | conflicting]
        steps = [f"label the other {len(unanswered)} as well"] * bool(unanswered)
        steps += [f"settle the {len(conflicting)} with conflicting labels (`status` lists them)"] * bool(conflicting)
        expected = len(stored_round.keys) - len(unavailable)
        digits = 100 if 100 * len(answered) >= expected else 1_000_000
        share = math.floor(digits * len(answered) / expected) / digits
        if unanswered:
            text += f" Still to label: {', '.join(unanswered[:5])}{', ...' if len(unanswered) > 5 else ''}."
        remedy = " and ".join(steps)
        text += (
            f"\n{remedy[0].upper()}{remedy[1:]}, or withdraw them: "
            f"{_withdrawal_commands(campaign)}\n"
            f"To continue with {len(answered)} of {expected} answered, now and in every later round: "
            f"{project_command(campaign.folder, f'enough={share:g}')}"
        )
    return Outcome(OutcomeState.WAITING, f"{text}\n{instructions}")


def count_required_answers(campaign: Campaign, expected: int) -> int:
    """Return how many of the `expected` answers to a round are needed before the next round."""
    return math.ceil(round(campaign.settings.enough * expected, 6))  # 0.07 * 100 is a little above 7


def _withdrawal_commands(campaign: Campaign) -> str:
    """Return the commands that close the open request and choose another one."""
    return f"{project_command(campaign.folder, verb='withdraw')}, then {project_command(campaign.folder)}"


def find_unviewable_images(campaign: Campaign, items: Sequence[Item], keys: Set[int]) -> set[int]:
    """Return the images that no person can see. Only files that have changed are opened."""
    ordered = sorted(keys)
    readings = campaign.project.file_cache.look_up([items[key] for key in ordered], [True] * len(ordered))
    readable = {key for key, reading in zip(ordered, readings, strict=True) if reading and reading.reason is None}
    return {key for key in keys - readable if not _is_viewable(items[key])}


def _is_viewable(item: Item) -> bool:
    try:
        open_for_viewing(item.path, side=32)
    except PoolError:
        return False
    return True


def label_source_name_of(campaign: Campaign, stored_round: StoredRound) -> str:
    return str(stored_round.label_source.get("name", campaign.parts.name_of("label_source")))


def label_source_of(campaign: Campaign, stored_round: StoredRound) -> LabelSource:
    """Return the label source of a round. The answers stay in it if another source is chosen later.

    Raises AlframeError if it is no longer installed.
    """
    name = label_source_name_of(campaign, stored_round)
    if name == campaign.parts.name_of("label_source"):
        return campaign.parts.label_source
    if name not in campaign.earlier_sources:  # kept: a source remembers what it read of files that have not changed
        campaign.earlier_sources[name] = cast(LabelSource, REGISTRIES["label_source"].build(stored_round.label_source))
    return campaign.earlier_sources[name]


def make_request(campaign: Campaign, stored_round: StoredRound, items: Sequence[Item]) -> Request:
    """Return the Request of a stored round for its label source; `items` are by key."""
    # Only classes known before the request: else the first answers' typos would make the right names unknown, and
    # an answer that was taken once would be a slip when it is read again.
    classes = {*campaign.settings.classes, *campaign.decided_labels().class_names_before(stored_round.number)}
    predictions = campaign.ledger.events_of(Predicted, stored_round.number)
    predicted = predictions[0][1] if predictions else Predicted()
    suggestions = tuple(map(Suggestion, predicted.classes, predicted.confidence))
    source, folder = label_source_of(campaign, stored_round), campaign.project.request_folder
    requested_items = with_ids_of_round(campaign.ledger, source, stored_round.number, stored_round.keys, items)
    named = {label.class_name for label in campaign.decided_labels().counted} - classes
    arrangements = campaign.ledger.events_of(BatchArranged, stored_round.number)  # rounds of earlier versions have none
    arranged = arrangements[0][1] if arrangements else BatchArranged()
    return Request(
        *(stored_round.number, tuple(requested_items), tuple(sorted(classes)), folder, suggestions),
        similarity_order=tuple(arranged.similarity),
        without_suggestion=tuple(arranged.without_suggestion),
        named_since=tuple(sorted(named)),
    )


def publish_request(campaign: Campaign, stored_round: StoredRound, items: Sequence[Item]) -> None:
    """Request a stored round from its label source, and record that in the ledger."""
    label_source_of(campaign, stored_round).request(make_request(campaign, stored_round, items))
    with campaign.ledger.transaction():
        campaign.ledger.add_event(stored_round.number, Requested())


def close_request(campaign: Campaign, stored_round: StoredRound, answered: int, withdrawn: bool = False) -> None:
    """Record that this request is no longer open. Later answers still count."""
    with campaign.ledger.transaction():
        campaign.ledger.add_event(stored_round.number, RequestClosed(answered, withdrawn))


def describe_answers(stored_round: StoredRound, labels: DecidedLabels, incomplete: Set[int] = frozenset()) -> str:
    """Return how many images of a request are answered; for the items in `incomplete`, more answers are expected."""
    keys, answered = set(stored_round.keys), labels.settled_for_round(stored_round.number) & set(stored_round.keys)
    complete, partly = answered - incomplete, len(answered & incomplete)
    unsure, conflicts = len(complete & labels.unsure_rounds.keys()), len(labels.unresolved_conflicts & keys)
    text = f"{len(complete)} of {len(keys)} images of round {stored_round.number} are answered"
    text += f", {unsure} of them with 'unsure'" if unsure else ""
    text += f"; {partly} more {'needs' if partly == 1 else 'need'} an answer from another annotator" if partly else ""
    text += f"; {conflicts} more {'has' if conflicts == 1 else 'have'} conflicting labels" if conflicts else ""
    return text + "."
