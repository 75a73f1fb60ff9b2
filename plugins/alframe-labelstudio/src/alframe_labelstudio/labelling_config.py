"""Read and write the labelling interface of a project: the XML that says what people see and may choose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from alframe.errors import LabelError

CHOICES, IMAGE, NEW_CLASS = "choice", "image", "new_class"  # names of tags; the first two as in Label Studio's template


@dataclass(frozen=True, slots=True)
class LabellingConfig:
    """The part of a labelling interface that matters here.

    `choices` and `image` are the names of the tags; `image_field` is the field of a task that holds the image. `names`
    are the choices, None if each task brings its own.
    """

    choices: str
    image: str
    image_field: str
    names: tuple[str, ...] | None


def write_config(names: Iterable[str], several: bool, with_new_classes: bool) -> str:
    """Return the labelling interface for images with these classes.

    `several` lets people choose more than one. `with_new_classes` adds a field for a class that is not in the list.
    """
    kind = "multiple" if several else "single"
    choices = "".join(map(_choice, names))
    field = (
        f'  <TextArea name="{NEW_CLASS}" toName="{IMAGE}" maxSubmissions="1" editable="true" rows="1" '
        'placeholder="another class"/>\n'
    )
    return (
        f'<View>\n  <Image name="{IMAGE}" value="${IMAGE}" zoom="true"/>\n'
        f'  <Choices name="{CHOICES}" toName="{IMAGE}" choice="{kind}" showInline="true">\n{choices}  </Choices>\n'
        f"{field if with_new_classes else ''}</View>\n"
    )


def read_config(xml: str, choices: str, project: str) -> LabellingConfig:
    """Read the labelling interface of a project.

    `choices` is the name of the Choices tag that counts if there are several. Raises LabelError, which names the
    `project`, for an interface in which people cannot give an image a class.
    """
    remedy = "Correct it in Label Studio, under Settings > Labeling Interface."
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise LabelError(f"The labelling interface of {project} is no valid XML ({error}). {remedy}") from error
    images = {tag.get("name", ""): tag for tag in root.iter("Image")}
    tags = {tag.get("name", ""): tag for tag in root.iter("Choices") if tag.get("toName") in images}
    if not images or not tags:
        lacking = "Choices tag for an image" if images else "Image tag"
        raise LabelError(f"The labelling interface of {project} has no {lacking}, so nobody can answer. {remedy}")
    if len(tags) > 1 and choices not in tags:
        raise LabelError(
            f"The labelling interface of {project} has several Choices tags: {', '.join(tags)}. Set "
            "label_source.choices to the name of the one with the class."
        )
    name = choices if choices in tags else next(iter(tags))
    tag = tags[name]
    image = images[tag.get("toName", "")]
    options = tag.findall(".//Choice")
    names = None if tag.get("value") else tuple(option.get("alias") or option.get("value") or "" for option in options)
    return LabellingConfig(name, image.get("name", ""), image.get("value", "").lstrip("$"), names)


def add_choices(xml: str, choices: str, names: Sequence[str]) -> str:
    """Return the labelling interface with further choices at the end of the tag called `choices`.

    All else stays as it is written, comments too.
    """
    start = next(
        (at for quote in "\"'" if (at := xml.find(f"name={quote}{choices}{quote}", xml.find("<Choices"))) >= 0), -1
    )
    end = xml.find("</Choices>", start)
    if start < 0 or end < 0:
        raise LabelError(
            f"The choices {', '.join(map(repr, names))} cannot be added to the labelling interface. Add them in Label "
            "Studio, under Settings > Labeling Interface."
        )
    end = len(xml[:end].rstrip(" \t"))
    return xml[:end] + "".join(map(_choice, names)) + xml[end:]


def _choice(name: str) -> str:
    return f"    <Choice value={quoteattr(name)}/>\n"
