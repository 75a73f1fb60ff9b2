"""Decide which label of an item counts, from all its statements. Only this module decides it.

1. The last statement of each source on each request is valid, unless it was taken back. Answers to a request replace
   labels that were known without a request (`find_standing_labels`).
2. If valid labels differ, the rule `conflicts` decides between annotators and classes (`decide_labels`).
3. With the setting `propagate`, a label counts for the other images of its sequence too (`propagate_within_sequences`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain, groupby
from operator import attrgetter

from alframe.store.new_statements import find_last_statements
from alframe.store.records import StoredLabel
from alframe.types import UNSURE, Item, ItemColumns

_MAX_LISTED_IMAGES = 3  # images in a message


@dataclass(frozen=True, slots=True)
class DecidedLabels:
    """The labels from people and the pool.

    `counted`: the label of each item that has one.
    `unsure_rounds`: items whose only answer is "unsure", with the rounds of these answers.
    `conflicts`: all labels of each item that is labelled with several classes, even if one of them counts.
    `class_first_rounds`: every class name (and UNSURE), with its first round; 0: it was known from the start.
    `recheck_answers`: for each round that asked about labelled images again, the items with an answer.
    """

    counted: list[StoredLabel]
    unsure_rounds: Mapping[int, Set[int | None]]
    conflicts: Mapping[int, Sequence[StoredLabel]]
    class_first_rounds: Mapping[str, int] = field(default_factory=dict)
    recheck_answers: Mapping[int, Set[int]] = field(default_factory=dict)

    @property
    def labelled_or_unsure(self) -> set[int]:
        """Items with a label, or with the answer "unsure"."""
        return {label.item for label in self.counted} | self.unsure_rounds.keys()

    @property
    def unresolved_conflicts(self) -> set[int]:
        """Items that are labelled with several classes of which none counts."""
        return self.conflicts.keys() - self.labelled_or_unsure

    def settled_for_round(self, round_number: int) -> set[int]:
        """Return the items with a label that counts, from any round, and the items with "unsure" from this round.

        If this round asked about labelled images again, return only its answered items.
        """
        if round_number in self.recheck_answers:
            return set(self.recheck_answers[round_number])
        unsure = {item for item, rounds in self.unsure_rounds.items() if round_number in rounds}
        return {label.item for label in self.counted} | unsure

    def class_names_before(self, round_number: int) -> set[str]:
        return {name for name, first in self.class_first_rounds.items() if first < round_number} - {UNSURE}


def find_standing_labels(rows: Iterable[StoredLabel], rechecks: Set[int] = frozenset()) -> list[StoredLabel]:
    """Return the valid labels, by item, the latest at the end. An item may have several, and also UNSURE.

    `rows` are all rows of the label table, by item, in the order of writing. `rechecks` are the rounds that asked about
    labelled images again. If the only answer is "unsure" in such a round, a label that was known before stays valid.
    """
    standing = []
    for _, group in groupby(rows, key=attrgetter("item")):
        item_rows = list(group)
        if len(item_rows) > 1:
            statements = [said for said in find_last_statements(item_rows).values() if not said[0].taken_back]
            answers = [said for said in statements if said[0].round is not None]
            if all(row.round in rechecks and row.class_name == UNSURE for said in answers for row in said):
                answers = []
            item_rows = sorted(chain.from_iterable(answers or statements))
        standing += item_rows
    return standing


def decide_labels(standing: Iterable[StoredLabel], rule: str, rechecks: Set[int] = frozenset()) -> DecidedLabels:
    """Return the label of each item, from its `standing` (valid) labels, which are grouped by item, the latest last.

    A later file of an annotator replaces an earlier file of the same annotator. The same is true for an answer to one
    of the `rechecks` (rounds that asked again). "unsure" is ignored if anybody gave a class. If several classes are
    left, no class counts with the rule "ask", the latest class counts with "latest", and the class of most annotators
    with "majority" (no class if there is a tie).
    """
    counted: list[StoredLabel] = []
    unsure_rounds: dict[int, set[int | None]] = {}
    conflicts: dict[int, list[StoredLabel]] = {}
    class_first_rounds: dict[str, int] = {}
    recheck_answers: dict[int, set[int]] = {number: set() for number in rechecks}
    for item, group in groupby(standing, key=attrgetter("item")):
        labels = list(group)
        for label in labels:
            round_number = label.round or 0
            if class_first_rounds.get(label.class_name, round_number) >= round_number:
                class_first_rounds[label.class_name] = round_number
            if round_number in rechecks:
                recheck_answers[round_number].add(item)
        sure = [label for label in labels if label.class_name != UNSURE]
        if len(sure) > 1 and len({label.class_name for label in sure}) > 1:
            conflicts[item] = sure
        winner = _label_by_rule(sure, rule, rechecks) if len(labels) > 1 else next(iter(sure), None)
        if winner is not None:
            counted.append(winner)
        elif not sure:
            unsure_rounds[item] = {label.round for label in labels}
    return DecidedLabels(counted, unsure_rounds, conflicts, class_first_rounds, recheck_answers)


def _label_by_rule(labels: Sequence[StoredLabel], rule: str, rechecks: Set[int]) -> StoredLabel | None:
    newest = {label.annotator: label for label in labels}
    last = [label for label in labels if not _is_corrected(label, newest[label.annotator], rechecks)]
    votes = Counter(label.class_name for label in last)
    if len(votes) > 1:
        (_, most), (_, next_most), *_ = votes.most_common()
        if rule == "ask" or (rule == "majority" and most == next_most):
            return None
        if rule == "majority":
            last = [label for label in last if votes[label.class_name] == most]
    return last[-1] if last else None


def _is_corrected(label: StoredLabel, newest: StoredLabel, rechecks: Set[int]) -> bool:
    """Return whether the same annotator was asked again later, or has given a label in a later file.

    This function compares the times of the files. Without times, no file is later.
    """
    if newest.round in rechecks and (label.round or 0) < (newest.round or 0):
        return True
    time, newest_time = label.time, newest.time
    return label.file != newest.file and time is not None and newest_time is not None and time < newest_time


def propagate_within_sequences(
    labels: DecidedLabels, items: ItemColumns, doubtful_sequences: Collection[str] = ()
) -> list[StoredLabel]:
    """Return labels for the other pool images of each sequence whose labelled images agree, marked by `labelled_on`.

    An image that was marked "unsure" gets no label. Sequences with an unresolved conflict and `doubtful_sequences` get
    no labels.
    """
    labels_by_sequence = defaultdict(list)
    for label in labels.counted:
        if (sequence := items.sequences[label.item]) is not None:
            labels_by_sequence[sequence].append(label)
    looked_at = labels.labelled_or_unsure | labels.conflicts.keys()
    barred = {items.sequences[key] for key in labels.unresolved_conflicts}.union(doubtful_sequences)
    label_of_sequence = {
        sequence: sequence_labels[0]
        for sequence, sequence_labels in labels_by_sequence.items()
        if len({label.class_name for label in sequence_labels}) == 1 and sequence not in barred
    }
    return [
        label_of_sequence[sequence]._replace(item=key, origin="propagated")
        for key, (sequence, split) in enumerate(zip(items.sequences, items.splits, strict=True))
        if sequence in label_of_sequence and key not in looked_at and split == "pool"
    ]


def describe_conflict(item: Item, labels: Sequence[StoredLabel], counted: StoredLabel | None) -> str:
    """Return a sentence about the given classes, their annotators and files, and the class that counts."""
    statements = [
        f"'{label.class_name}'"
        + (f" by {label.annotator}" if label.annotator else "")
        + (f" ({label.file}" + (f", row {label.row}" if label.row is not None else "") + ")" if label.file else "")
        for label in labels
    ]
    place = " in Review on the label page" if any(label.origin.startswith("web") for label in labels) else ""
    end = (
        f"It has no label until they agree: correct one{place}, or set conflicts=latest or conflicts=majority."
        if counted is None
        else f"'{counted.class_name}' counts."
    )
    return f"'{item.id}' is {' and '.join(statements)}. {end}"


def describe_conflicts(labels: DecidedLabels, items: Sequence[Item]) -> list[str]:
    counted = {label.item: label for label in labels.counted}
    return [describe_conflict(items[key], said, counted.get(key)) for key, said in labels.conflicts.items()]


def describe_unresolved_conflicts(labels: DecidedLabels, keys: Set[int], items: Sequence[Item]) -> str:
    """Return a sentence on the images in `keys` with conflicting labels, for a page, or ""."""
    names = [f"'{items[key].id}'" for key in sorted(labels.unresolved_conflicts & keys)]
    if not names:
        return ""
    listed = ", ".join(names[:_MAX_LISTED_IMAGES]) + (" and others" if len(names) > _MAX_LISTED_IMAGES else "")
    return (
        f"Images of this batch with conflicting labels, which do not count until one class is chosen: {len(names)} "
        f"({listed}). Show 'Only disagreements' in the review and give each image one class, or start alframe with "
        "conflicts=latest or conflicts=majority."
    )
