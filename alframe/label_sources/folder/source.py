"""People drag the images into one folder per class, with the file manager they know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from unicodedata import normalize

from alframe.errors import LabelError
from alframe.kit.classes import check_policy, describe, resolver
from alframe.kit.round_folders import asked_before, count, round_folder
from alframe.label_sources.folder.images import Sighting, lay_out, look, read_manifest
from alframe.store.names import folder_name
from alframe.types import UNSURE, Answers, ItemId, Label, Problem, Request


class Folder:
    """`round-003/` with the images to label, an empty folder for each class, one for `unsure`, and a manifest.

    `link` makes hard links instead of copies where the file system can: no room is taken, but a program that changes
    an image in place (a viewer that rotates it) then changes the original. One of several boxes of an image is cut out.
    """

    answers_now = False

    def __init__(self, link: bool = False, new_classes: str = "ask", annotator: str = "") -> None:
        self.link = link
        self.new_classes = check_policy(new_classes)
        self.annotator = annotator

    def request(self, request: Request) -> str:
        """Put every image that is nowhere in the round's folder into it; one that has been moved stays moved."""
        folder = round_folder(request)
        try:
            for name in _class_folders(request.classes):
                (folder / name).mkdir(parents=True, exist_ok=True)
            lay_out(folder, request.items, self.link, asked_before(request))
        except OSError as error:
            raise LabelError(
                f"Cannot put the images to label into {folder}: {error}. Check that the image is still there, that the "
                "disk has room, and on Windows that the path is not too long; then run the command again."
            ) from error
        return (
            f"Round {request.round}: {count(len(request.items), 'image')} to label in {folder}. "
            f"Move each into the folder of its class and run the same command again. "
            f"{describe(request.classes, self.new_classes)}"
        )

    def collect(self, request: Request) -> Answers:
        """A label for each class folder an image lies in; it is blank if it lies in none, beside the folders.

        Where no image at all has been put into a class folder, nothing is blank: nobody has answered there yet.
        """
        folder = round_folder(request)
        entries, problems = read_manifest(folder)
        whole = not problems
        asked = {item.id for item in request.items}
        class_of = _reader(folder, request.classes, self.new_classes, problems)
        answers: dict[ItemId, dict[str, Label]] = defaultdict(dict)
        beside, inside = set(), set()
        for sighting in look(folder, entries):
            entry = sighting.entry
            if not sighting.inside:
                beside |= {entry.id} if entry and not entry.again else set()
            elif entry is None or entry.id not in asked:
                problems += [] if sighting.linked else [_stranger(sighting)]
            else:
                inside.add(entry.id)
                if name := class_of(sighting):
                    label = Label(entry.id, name, self.annotator, file=str(sighting.file), digest=entry.hash)
                    answers[entry.id].setdefault(name, label)
        blank = beside - inside if whole and answers else set()
        return Answers(
            [label for item in request.items for label in answers[item.id].values()],
            problems,
            [item.id for item in request.items if item.id in blank],
        )


def _reader(
    folder: Path, classes: Sequence[str], new_classes: str, problems: list[Problem]
) -> Callable[[Sighting], str | None]:
    """A function from where an image lies to the class that means; None after it has said why there is none."""
    known = _class_folders(classes)
    resolve = resolver(classes, new_classes)
    names: dict[str, str | None] = {}

    def read(sighting: Sighting) -> str | None:
        name, *deeper = sighting.inside
        if deeper:
            message = f"lies too deep. Move it up, into the folder of a class directly in {folder}."
            problems.append(Problem(str(sighting.file), None, message))
            return None
        if name not in names:
            try:
                names[name] = known.get(normalize("NFC", name)) or resolve(name)
            except LabelError as error:
                names[name] = None
                problems.append(Problem(str(folder / name), None, f"Folder {error}"))
        return names[name]

    return read


def _stranger(sighting: Sighting) -> Problem:
    message = (
        "is none of the images of this round, or cannot be read, or could be several of them. Move it out of here."
    )
    return Problem(str(sighting.file), None, message)


def _class_folders(classes: Sequence[str]) -> dict[str, str]:
    """Folder name to class. Raises LabelError where two classes cannot have folders side by side."""
    table = {normalize("NFC", folder_name(name)): name for name in (*classes, UNSURE)}
    if len({folder.casefold() for folder in table}) < len({*classes, UNSURE}):
        raise LabelError(
            f"Some of the classes {', '.join(classes)} differ only in case, so not every file system can hold "
            "a folder for each. Rename one, or use label_source=csv."
        )
    return table
