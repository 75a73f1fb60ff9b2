"""The label source `labelstudio`: it makes tasks with suggestions, and reads the answers."""

from __future__ import annotations

from alframe.kit.classes import describe_classes
from alframe.kit.round_folders import count_with_noun, marking_round_asked
from alframe.types import Answers, Request
from alframe_labelstudio.answers import Collector, make_builder
from alframe_labelstudio.files import collect_exports, write_tasks
from alframe_labelstudio.parameters import Parameters
from alframe_labelstudio.project import Rounds


class LabelStudio(Parameters):
    """Ask for labels in Label Studio: over the API of the server at `url`, or, with ``url=None``, only by files.

    The token is in the environment variable LABEL_STUDIO_API_KEY. `project`: the number of a project; None: alframe
    makes a project. `images`: "upload", or the beginning of the addresses of the images. `exports`: without a server,
    JSON or JSON-MIN files in addition to the files in the round's folder. `choices`: the name of the Choices tag with
    the class. `image`: the field with the image in an exported task. `unique_names`: all images of the pool have
    different file names, which identify uploaded images. `several`: people may choose several classes. `annotators`:
    the number of people who label each image. `suggestions`: the model's class is chosen beforehand, except for the
    images without a suggestion. `skipped`: the meaning of a skipped image, "unsure" or "open". `blank`: the class of a
    picture without an animal; "": no such class.
    """

    answers_now = False

    @property
    def answers_persist(self) -> bool:
        """Whether answers may be in files of the user, which have the answers of all rounds."""
        return bool(self.exports)

    def check(self) -> None:
        """Raise LabelError if the server, the token or the project cannot be used."""
        if self.url is not None:
            Rounds(self, self.url).check()

    def request(self, request: Request) -> str:
        """Make the tasks that are missing; tasks that are there stay as they are."""
        with marking_round_asked(request) as asked_before:
            if self.url is None:
                text = write_tasks(self, request, asked_before)
            else:
                text = Rounds(self, self.url).request(request, asked_before)
        images = count_with_noun(len(request.items), "image")
        return f"Round {request.round}: {images} to label in Label Studio: {text}\n" + describe_classes(
            request.classes, self.new_classes, request.named_since
        )

    def collect(self, request: Request) -> Answers:
        """Return the answers that people have submitted to the tasks of this round, and those that they deleted."""
        builder = make_builder(request, self.blank, self.new_classes, self.unsure)
        collector = Collector(builder, self.annotators, self.skipped)
        if self.url is None:
            return collect_exports(self, request, collector)
        return Rounds(self, self.url).collect(request, collector)
