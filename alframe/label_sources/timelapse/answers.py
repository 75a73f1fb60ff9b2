"""From what Timelapse's records say to answers."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from alframe.errors import FormatError, LabelError
from alframe.formats.digests import content_hash
from alframe.formats.timelapse.data import read_records
from alframe.formats.timelapse.schema import CHOICE_TYPES
from alframe.formats.timelapse.sqlite import check_integrity
from alframe.formats.timelapse.template import Template
from alframe.kit.classes import CANNOT_TELL, resolver
from alframe.types import Answers, ItemId, Label, Problem

NO_ANIMAL = {"blank", "empty", "none", "nothing", "no animal", "no_animal", "vacant"}
Stamp = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Said:
    """One record or row of a file: the image as the file has it, the cells wanted, and its number there."""

    row: int
    key: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was when it was read."""

    file: str
    at: datetime
    digest: str


@dataclass
class Gathering:
    """Puts together what several files say about the items asked.

    `again` are items that were put in place a second time, after somebody had removed them, perhaps with an answer:
    that they lie there without one takes nothing back. Nor does a file without any answer.
    """

    resolver: Callable[[Sequence[str]], Callable[[str], str]]
    again: Collection[ItemId] = ()
    said: list[tuple[Label, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    empty: dict[str, list[ItemId]] = field(default_factory=lambda: defaultdict(list))
    written: dict[ItemId, set[str]] = field(default_factory=lambda: defaultdict(set))
    by: dict[ItemId, set[str]] = field(
        default_factory=lambda: defaultdict(set)
    )  # who has answered, in sets of their own

    def add(self, item: ItemId, said: Said, name: str, annotator: str, source: Source) -> None:
        """One answer, or none yet, of the record `said`."""
        name = name.strip()
        if not name:
            self.empty[source.file].append(item)
            return
        self.written[item].add(source.file)
        label = Label(item, name, annotator, source.at, source.file, said.row, source.digest)
        self.said.append((label, said.key))

    def answers(self, order: Iterable[ItemId]) -> Answers:
        """Said twice in one file, as of two animals of one class in a picture, an answer counts once.

        An item is blank where a file has no answer to it but to others, and no file has one.
        """
        place = {item: at for at, item in enumerate(order)}
        resolve = self.resolver([label.class_name for label, _ in self.said])
        found: dict[tuple[ItemId, str, str, str], Label] = {}
        for label, image in self.said:
            try:
                name = resolve(label.class_name)
            except LabelError as error:  # people see the image, and no number of its record
                self.problems.append(Problem(label.file, label.row, f"'{image}': {error}"))
                continue
            found.setdefault((label.item, name, label.annotator, label.file), replace(label, class_name=name))
        labels = sorted(found.values(), key=lambda label: (place[label.item], label.file, label.row or 0))
        answered = set().union(*self.written.values())
        blank = {item for file, items in self.empty.items() if file in answered for item in items}
        blank -= {*self.written, *self.again}
        return Answers(labels, self.problems, [item for item in place if item in blank])


def known_classes(classes: Sequence[str], blank: str) -> tuple[str, ...]:
    """The classes with the word for a picture without an animal, if none of them means that; none while none are known.

    While there are none, every name that somebody writes is welcome.
    """
    return (*classes, *blank_word(classes, blank)) if classes else ()


def blank_word(classes: Iterable[str], blank: str) -> tuple[str, ...]:
    """The word to be added for a picture without an animal: one, or none."""
    return (blank,) if blank and not has_blank(classes, blank) else ()


def has_blank(classes: Iterable[str], blank: str) -> str | None:
    """The class that means a picture without an animal, if there is one."""
    return next((name for name in classes if name.casefold() in {*NO_ANIMAL, blank.casefold()}), None)


def gathering(classes: Sequence[str], blank: str, new_classes: str, unsure: Sequence[str] = CANNOT_TELL) -> Gathering:
    """An empty one, with the policy for names outside the classes and the words for "cannot tell"."""
    return Gathering(lambda said: resolver(known_classes(classes, blank), new_classes, unsure, said))


def load(ddb: Path, columns: Sequence[str], filled: str | None = None) -> tuple[list[Said], Source]:
    """All records of a data file, and the file as it was. Raises FormatError or OSError.

    Timelapse may save meanwhile; then it is read once more, so that the digest is of what was read.
    """
    check_integrity(ddb)
    for _ in range(3):
        before = stamp(ddb)
        said = [Said(record.id, record.image_path, record.cells) for record in read_records(ddb, columns, filled)]
        source = Source(str(ddb), saved(before), content_hash(ddb))
        if stamp(ddb) == before:
            break
    return said, source


def stamp(file: Path) -> Stamp:
    """What changes with the file: size, time (ns), SQLite's count of changes, and the same of the log beside it.

    The count tells changes apart that come within one tick of the clock. Raises OSError.
    """
    with file.open("rb") as handle:
        count = int.from_bytes(handle.read(28)[24:])
        about = os.fstat(handle.fileno())
    try:
        log = file.with_name(file.name + "-wal").stat()
    except OSError:
        return about.st_size, about.st_mtime_ns, count, 0, 0
    return about.st_size, about.st_mtime_ns, count, log.st_size, log.st_mtime_ns


def saved(when: Stamp) -> datetime:
    """When the file was last written."""
    return datetime.fromtimestamp(max(when[1], when[4]) / 1e9, UTC)


def trouble(file: Path, error: FormatError | OSError) -> Problem:
    """A file that cannot be read, as a Problem of that file: the others are read all the same."""
    if isinstance(error, FormatError):
        return Problem(str(file), None, str(error).removeprefix(str(file)).lstrip(": "))
    return Problem(str(file), None, f"cannot be read: {error.strerror or error}. Run the command again.")


def check_list(ddb: Path, template: Template, species: str, classes: Sequence[str]) -> list[Problem]:
    """What is wrong with the field that the answers are in: it is not there any more, or lacks some of the classes."""
    found = template.field(species)
    if found is None:
        others = [one.data_label for one in template.fields if one.type == "FixedChoice"]
        hint = f" Its lists are: {', '.join(others)}." if others else ""
        message = (
            f"has no field with the Data Label '{species}', so its answers cannot be read.{hint} Give the field its "
            "Data Label again in Timelapse's Template Editor."
        )
        return [Problem(str(ddb), None, message)]
    lacking = [name for name in classes if name not in found.choices]
    if found.type in CHOICE_TYPES and lacking:
        message = (
            f"has no {', '.join(map(repr, lacking[:5]))} in the list of '{species}', so nobody can choose it. Add it "
            "to the list in Timelapse's Template Editor."
        )
        return [Problem(str(ddb), None, message)]
    return []
