"""Read labels that people wrote in files, and turn them into the answers of a label source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from alframe.errors import LabelError
from alframe.kit.classes import UNSURE_WORDS, class_resolver
from alframe.types import Answers, Item, ItemId, Label, Problem


@dataclass
class AnswerBuilder:
    """Collect the labels, and the items whose label was found empty, so far; `build` makes the answers from both.

    `classes`, `new_classes`, `unsure` and `allowed` are those of `class_resolver`, which says what the written names
    mean.

    An item is cleared if some place has room for its label, but nothing in it, and no place has a label of it. A place
    is a file with a row for each image, or a folder with a file for each image. No answer of a person may be lost, so
    three things clear nothing: a place in which nobody has written any label (the labels were in a copy, which is
    gone); the empty row or file of an item in `reissued` (see ManifestRow.reissued); and any place while
    `has_unread_rows` is set, since what could not be read may hold the label.

    `answered_files` are the places in which somebody has written a label. `add` adds to them; add one yourself if its
    only labels are about images that were not requested. `problems` are reported as they are.
    """

    classes: Sequence[str]
    new_classes: str
    unsure: Sequence[str] = UNSURE_WORDS
    allowed: Sequence[str] = ()
    reissued: Collection[ItemId] = ()
    problems: list[Problem] = field(default_factory=list)
    has_unread_rows: bool = False
    answered_files: set[str] = field(default_factory=set)
    _written: list[tuple[Label, str]] = field(default_factory=list)
    _empty: dict[str, set[ItemId]] = field(default_factory=lambda: defaultdict(set))

    def add(self, label: Label, problem_prefix: str = "", place: str = "") -> None:
        """Add a label whose class name is as somebody wrote it. Problems begin with `problem_prefix`, if given.

        The label is in `place`, or if this is not given in `label.file`. If each image has a file of its own, give the
        folder as the place, to this method and to `add_unanswered`.
        """
        self.answered_files.add(place or label.file)
        self._written.append((label, f"'{problem_prefix}': " if problem_prefix else ""))

    def add_unanswered(self, file: str, item: ItemId) -> None:
        """Note that `file`, or another place, has room for a label of `item`, and nothing in it."""
        self._empty[file].add(item)

    @property
    def raw_labels(self) -> list[Label]:
        """The labels added so far, with the class names as written."""
        return [label for label, _ in self._written]

    def build(self, items: Sequence[Item], order: Callable[[Label], Any]) -> Answers:
        """Return the answers about `items`, in that order; answers about other items are left out.

        `order` is a sort key: class names are resolved, and the labels of one item are reported, in this order.
        """
        position = {item.id: index for index, item in enumerate(items)}
        written = sorted((pair for pair in self._written if pair[0].item in position), key=lambda pair: order(pair[0]))
        names = [label.class_name for label, _ in written]
        resolve = class_resolver(self.classes, self.new_classes, self.unsure, names, self.allowed)
        labels, problems = [], list(self.problems)
        for label, prefix in written:
            try:
                labels.append(replace(label, class_name=resolve(label.class_name)))
            except LabelError as error:
                problems.append(Problem(label.file, label.row, f"{prefix}{error}"))
        labels.sort(key=lambda label: position[label.item])
        cleared: set[ItemId] = set()
        if not self.has_unread_rows:
            cleared = set().union(*(self._empty[file] for file in self.answered_files if file in self._empty))
        cleared -= {label.item for label, _ in written}.union(self.reissued)
        return Answers(labels, problems, cleared=[item for item in position if item in cleared])
