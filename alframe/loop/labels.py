"""Which label counts: what to make of answers that differ, and of the other images of a sequence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import groupby

from alframe.errors import BadParams
from alframe.store.records import StoredLabel
from alframe.types import UNSURE, Item

RULES = ("ask", "latest", "majority")


@dataclass(frozen=True, slots=True)
class Labels:
    """`counted`: the label of each item that has one.

    `unsure`: items that people looked at and could not tell, with the rounds in which they did.
    `disputed`: all that is said of items which are said to be of several classes, counted by the rule or not.
    """

    counted: list[StoredLabel]
    unsure: Mapping[int, Set[int | None]]
    disputed: Mapping[int, Sequence[StoredLabel]]

    @property
    def answered(self) -> set[int]:
        """Items that have a label, or that somebody could not tell."""
        return {label.item for label in self.counted} | self.unsure.keys()

    def answered_in(self, number: int) -> set[int]:
        """Items that are answered as far as this round is concerned: a doubt of an earlier one is no answer to it."""
        doubts = {item for item, rounds in self.unsure.items() if number in rounds}
        return {label.item for label in self.counted} | doubts


def check_rule(rule: str) -> str:
    """Give `rule` back, or raise BadParams."""
    if rule not in RULES:
        raise BadParams(f"conflicts is '{rule}'; it must be one of: {', '.join(RULES)}.")
    return rule


def settle(standing: Iterable[StoredLabel], rule: str) -> Labels:
    """Decide, from all labels that stand, by item with the last said at the end.

    What an annotator says in a later file stands for what the same one said in an earlier; who is unsure leaves it to
    the others. Then, if several classes are left: "ask" counts none until they agree, "latest" the one said last,
    "majority" the one that most annotators say, and none if there is no such one.
    """
    counted, unsure, disputed = [], {}, {}
    for item, group in groupby(standing, key=lambda label: label.item):
        said = list(group)
        sure = [label for label in said if label.class_name != UNSURE]
        if len({label.class_name for label in sure}) > 1:
            disputed[item] = sure
        label = _decide(sure, rule)
        if label is not None:
            counted.append(label)
        elif not sure:
            unsure[item] = {one.round for one in said}
    return Labels(counted, unsure, disputed)


def _decide(said: Sequence[StoredLabel], rule: str) -> StoredLabel | None:
    newest = {label.annotator: label for label in said}
    last = [label for label in said if not _corrected(label, newest[label.annotator])]
    votes = Counter(label.class_name for label in last)
    if len(votes) > 1:
        (_, most), (_, next_most), *_ = votes.most_common()
        if rule == "ask" or (rule == "majority" and most == next_most):
            return None
        if rule == "majority":
            last = [label for label in last if votes[label.class_name] == most]
    return last[-1] if last else None


def _corrected(label: StoredLabel, newest: StoredLabel) -> bool:
    """Whether the same annotator has said something in a later file; without times nothing is later."""
    return label.file != newest.file and label.at is not None and newest.at is not None and label.at < newest.at


def describe(item: Item, said: Sequence[StoredLabel], counted: StoredLabel | None) -> str:
    """A dispute in words: who says what and where, and what comes of it."""
    words = [
        f"'{one.class_name}'"
        + (f" by {one.annotator}" if one.annotator else "")
        + (f" ({one.file}" + (f", row {one.row}" if one.row is not None else "") + ")" if one.file else "")
        for one in said
    ]
    end = (
        "It has no label until they agree: make them, or set conflicts=latest or conflicts=majority."
        if counted is None
        else f"'{counted.class_name}' counts."
    )
    return f"'{item.id}' is {' and '.join(words)}. {end}"


def propagated(labels: Labels, items: Sequence[Item]) -> list[StoredLabel]:
    """Labels for the other pool images of each sequence whose labelled images agree, marked by `labelled_on`.

    None for an image that somebody has looked at and could not tell, and none in a sequence with an image whose class
    is in dispute.
    """
    by_sequence = defaultdict(list)
    for label in labels.counted:
        if (sequence := items[label.item].sequence) is not None:
            by_sequence[sequence].append(label)
    has = labels.answered | labels.disputed.keys()
    doubtful = {items[key].sequence for key in labels.disputed.keys() - labels.answered}
    agreed = {
        name: said[0]
        for name, said in by_sequence.items()
        if len({one.class_name for one in said}) == 1 and name not in doubtful
    }
    return [
        replace(agreed[item.sequence], item=key, origin="propagated")
        for key, item in enumerate(items)
        if item.sequence in agreed and key not in has and item.split == "pool"
    ]
