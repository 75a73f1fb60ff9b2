"""The parameters of the label source, and which values are allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alframe.errors import BadParams
from alframe.kit.classes import NEW_CLASSES_RULES, UNSURE_WORDS, parse_unsure_words
from alframe.kit.parameters import require_at_least, require_one_of

PART = "label_source 'labelstudio'"
UPLOAD = "upload"


@dataclass
class Parameters:
    """See `LabelStudio`."""

    url: str | None = "http://localhost:8080"
    project: int | None = None
    images: str = UPLOAD
    exports: str | Path | Sequence[str | Path] = ()
    choices: str = "choice"
    image: str = "image"
    unique_names: bool = False
    several: bool = False
    annotators: int = 1
    suggestions: bool = True
    skipped: str = "unsure"
    unsure: str | Sequence[str] = UNSURE_WORDS
    new_classes: str = "ask"
    blank: str = "blank"

    def __post_init__(self) -> None:
        require_one_of(PART, NEW_CLASSES_RULES, new_classes=self.new_classes)
        require_one_of(PART, ("unsure", "open"), skipped=self.skipped)
        require_at_least(PART, 1, annotators=self.annotators, project=self.project)
        self.unsure = parse_unsure_words(self.unsure)
        self.blank = self.blank.strip()
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise BadParams(f"label_source.url is {self.url!r}; it must start with http:// or https://, or be null.")
        if self.url is not None and self.exports:
            raise BadParams(
                "label_source.exports is read only without a server. Set label_source.url=null, or remove exports."
            )
        if self.url is None and self.images == UPLOAD:
            raise BadParams(
                "label_source.url=null: nothing can be uploaded without a server. Set label_source.images to the "
                'address before the path of each image, for example "/data/local-files/?d=FOLDER".'
            )
