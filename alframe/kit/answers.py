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
    """Collect labels, and items without a label; `build` makes the answers from both.

    `classes`, `new_classes`, `unsure` and `allowed` are the parameters of `class_resolver`, which finds the class of a
    written name.

    A *place* is a file with a row for each image, or a folder with a file for each image. An item is *cleared* (its
    earlier answer is removed) if at least one place has an empty row or file for it, and no place has a label for it.
    In three cases an empty row or file clears nothing, because the label may exist elsewhere. First: the place has no
    label at all, for example because people filled in a copy that was deleted. Second: the item is in `reissued` (see
    ManifestRow.reissued). Third: `has_unread_rows` is set, so the label may be in a row that could not be read.

    `answered_files` are the places that contain a label. `add` adds the place of its label. If all labels of a place
    are about images that were not requested, add the place yourself. `build` puts `problems` into the answers.
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
    _unanswered: dict[str, set[ItemId]] = field(default_factory=lambda: defaultdict(set))

    def add(self, label: Label, problem_prefix: str = "", place: str = "") -> None:
        """Add a label, with the class name as the person wrote it. Problems begin with `problem_prefix`, if given.

        `place` is the place that contains the label; the default is `label.file`. If there is one file for each image,
        the place is the folder of these files, here and in `add_unanswered`.
        """
        self.answered_files.add(place or label.file)
        self._written.append((label, f"'{problem_prefix}': " if problem_prefix else ""))

    def add_unanswered(self, file: str, item: ItemId) -> None:
        """Note that the place `file` has a row or a file for `item`, but no label in it."""
        self._unanswered[file].add(item)

    @property
    def raw_labels(self) -> list[Label]:
        """The labels added so far, with the class names as written."""
        return [label for label, _ in self._written]

    def build(self, items: Sequence[Item], order: Callable[[Label], Any]) -> Answers:
        """Return the answers about `items`, in the order of `items`. Answers about other items are left out.

        `order` is a sort key for labels. The names are converted to classes in this order, and the labels of one item
        are in this order.
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
            cleared = set().union(*(self._unanswered[file] for file in self.answered_files if file in self._unanswered))
        cleared -= {label.item for label, _ in written}.union(self.reissued)
        return Answers(labels, problems, cleared=[item for item in position if item in cleared])
