"""Turn tasks with annotations into the answers of a label source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from alframe.kit.answers import AnswerBuilder
from alframe.kit.classes import missing_blank_class
from alframe.kit.round_folders import count_with_noun
from alframe.types import UNSURE, Answers, ItemId, Label, Problem, Request
from alframe_labelstudio.annotations import Task


@dataclass(frozen=True, slots=True)
class FoundTask:
    """A task about an image: where it was read, and the hash of the file, or "" where annotations have their own.

    `row` is the number of the task, for tasks that were read in a file.
    """

    item: ItemId
    task: Task
    place: str
    row: int | None = None
    file_hash: str = ""


@dataclass
class Collector:
    """The answers found so far; `annotators` people label each image, and `skipped` says what a skipped one means."""

    builder: AnswerBuilder
    annotators: int
    skipped: str
    _unanswered_places: set[str] = field(default_factory=set)
    _drafts: list[FoundTask] = field(default_factory=list)
    _people: dict[ItemId, set[str]] = field(default_factory=dict)

    def add(self, found: FoundTask) -> None:
        """Add what people answered to one task."""
        has_answer = False
        for annotation in found.task.annotations:
            names = annotation.classes
            if annotation.is_skipped:
                names = (UNSURE,) if self.skipped == "unsure" else ()
            elif not names:
                message = f"'{found.item}' was submitted without a class. Choose one, or '{UNSURE}', and press Update."
                self.builder.problems.append(Problem(found.place, found.row, message))
            for name in names:
                label = Label(
                    found.item, name, annotation.annotator, annotation.time, found.place, found.row,
                    found.file_hash or annotation.content_hash,
                )  # fmt: skip
                self.builder.add(label, problem_prefix=found.item)
                has_answer = True
                self._people.setdefault(found.item, set()).add(annotation.annotator)
        if not has_answer:
            self.builder.add_unanswered(found.place, found.item)
            self._unanswered_places.add(found.place)
            if found.task.has_only_draft:
                self._drafts.append(found)

    def build(self, request: Request, one_project: bool = False) -> Answers:
        """Return the answers. In `one_project`, an answer to any task shows that an empty one was emptied."""
        if self._drafts:
            first = self._drafts[0]
            message = (
                f"'{first.item}' has an answer that was not submitted, which does not count; there are "
                f"{count_with_noun(len(self._drafts), 'such image')}. Open it and press Submit."
            )
            self.builder.problems.append(Problem(first.place, first.row, message))
        if one_project and self.builder.raw_labels:
            self.builder.answered_files |= self._unanswered_places
        answers = self.builder.build(request.items, order=_time_of)
        few = [item for item, people in self._people.items() if len(people) < self.annotators]
        return replace(answers, incomplete=sorted(few))


def make_builder(request: Request, blank: str, new_classes: str, unsure: Sequence[str]) -> AnswerBuilder:
    """Return an empty builder, for which `blank` is a class too; while no class is known, it accepts any name."""
    known = (*request.classes, *missing_blank_class(request.classes, blank)) if request.classes else ()
    return AnswerBuilder(known, new_classes, unsure, allowed=(blank,) if blank else ())


def _time_of(label: Label) -> float:
    return label.labelled_at.timestamp() if label.labelled_at else 0.0
