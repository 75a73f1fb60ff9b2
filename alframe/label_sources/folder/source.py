"""People drag images into the folders of classes with a file manager."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from unicodedata import normalize

from alframe.errors import LabelError
from alframe.kit.classes import NEW_CLASSES_RULES, class_resolver, describe_classes
from alframe.kit.files import class_folder_name
from alframe.kit.parameters import require_one_of
from alframe.kit.round_folders import count_with_noun, marking_round_asked, read_manifest, round_folder
from alframe.label_sources.folder.images import complete_folder, identify_files
from alframe.types import UNSURE, Answers, ItemId, Label, Problem, Request

UNKNOWN_FILE = "is not an image of this round, or cannot be read, or could be several of them. Move it out of here."


@dataclass
class Folder:
    """Ask for labels in a folder for each round: people move each image into the folder of its class.

    The folder `round-003/` has the images, an empty folder for each class, an empty folder `unsure`, and a manifest (a
    list of the images). If an image has several boxes, and the item is one of them, the folder has only the part of the
    image inside this box.
    """

    link: bool = False
    new_classes: str = "ask"
    annotator: str = ""

    answers_now = False

    def __post_init__(self) -> None:
        require_one_of("label_source 'folder'", NEW_CLASSES_RULES, new_classes=self.new_classes)

    def request(self, request: Request) -> str:
        """Put every missing image into the round's folder. An image that people have moved stays where it is."""
        folder = round_folder(request)
        with marking_round_asked(request) as asked_before:
            for name in _classes_by_folder(request.classes):
                (folder / name).mkdir(parents=True, exist_ok=True)
            complete_folder(folder, request.items, self.link, asked_before)
        return (
            f"Round {request.round}: {count_with_noun(len(request.items), 'image')} to label in {folder}. "
            f"Move each into the folder of its class and run the same command again. "
            f"{describe_classes(request.classes, self.new_classes, request.named_since)}"
        )

    def collect(self, request: Request) -> Answers:
        """Return a label for each image in a class folder. An image outside the class folders is cleared.

        If no image is in a class folder, none is cleared, because nobody has answered yet.
        """
        folder = round_folder(request)
        images, problems = read_manifest(folder)
        manifest_is_whole = not problems
        asked = {item.id for item in request.items}
        known = _classes_by_folder(request.classes)
        resolve = class_resolver(request.classes, self.new_classes)

        @cache
        def class_of_folder(name: str) -> str | None:
            try:
                return known.get(normalize("NFC", name)) or resolve(name)
            except LabelError as error:
                problems.append(Problem(str(folder / name), None, f"Folder {error}"))
                return None

        labels: dict[ItemId, dict[str, Label]] = defaultdict(dict)
        beside, inside = set(), set()
        for found in identify_files(folder, images):
            file, image = str(found.file), found.image
            if not found.folders:
                if image and not image.reissued:
                    beside.add(image.id)
            elif image is None or image.id not in asked:
                if not found.linked:
                    problems.append(Problem(file, None, UNKNOWN_FILE))
            else:
                inside.add(image.id)
                if len(found.folders) > 1:
                    message = f"is in too deep a folder. Move it up, into the folder of a class directly in {folder}."
                    problems.append(Problem(file, None, message))
                elif name := class_of_folder(found.folders[0]):
                    label = Label(image.id, name, self.annotator, file=file, answer_file_hash=image.hash)
                    labels[image.id].setdefault(name, label)
        cleared = beside - inside if manifest_is_whole and labels else set()
        return Answers(
            [label for item in request.items for label in labels[item.id].values()],
            problems,
            cleared=[item.id for item in request.items if item.id in cleared],
        )


def _classes_by_folder(classes: Sequence[str]) -> dict[str, str]:
    """Return each class by the name of its folder. Raises LabelError if two cannot have folders side by side."""
    table = {normalize("NFC", class_folder_name(name)): name for name in (*classes, UNSURE)}
    if len({folder.casefold() for folder in table}) < len({*classes, UNSURE}):
        raise LabelError(
            f"Some of the classes {', '.join(classes)} differ only in upper and lower case, so not every file system "
            "can hold a folder for each. Rename one, or use label_source=csv."
        )
    return table
