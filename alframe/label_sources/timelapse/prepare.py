"""The fields of a round's set, and its data file, which is prepared before Timelapse opens the set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, replace
from itertools import zip_longest
from pathlib import Path

from alframe.errors import FormatError
from alframe.formats.timelapse.folders import DATA_NAME, files_directly_in, find_files_below
from alframe.formats.timelapse.prepared import OpeningView, find_version_problem, write_data_file
from alframe.formats.timelapse.schema import STANDARD_FIELDS, Field
from alframe.formats.timelapse.template import read_template
from alframe.formats.timelapse.view import MAX_SHORTCUTS, format_quick_paste, format_search_terms, format_sort_terms
from alframe.kit.classes import find_blank_class, missing_blank_class
from alframe.kit.times import earliest_file_time, read_exif_time
from alframe.label_sources.timelapse.set_selection import FieldNames
from alframe.types import UNSURE, ItemId, Request

SPECIES, NEW_SPECIES = "Species", "NewSpecies"


def round_fields(
    classes: Sequence[str], blank: str, new_classes: str = "ask", annotator_field: str = "", prepared: bool = False
) -> tuple[Field, ...]:
    """Return the fields of a round's set. Species is a list of the classes, or free text while there are no classes.

    `prepared`: the fields of the suggestions have values, so they are shown.
    """
    names = [name.strip() for name in classes]
    choices = tuple(dict.fromkeys((*names, *missing_blank_class(names, blank), UNSURE)))
    tooltip = "What is in the picture"
    fields = [
        Field("FixedChoice", SPECIES, tooltip=tooltip, choices=choices, copyable=True)
        if names
        else Field("Note", SPECIES, tooltip=f"{tooltip}; {UNSURE} if you cannot tell", copyable=True)
    ]
    if names and new_classes != "reject":
        hint = "A species that is not in the list: leave Species empty and write it here"
        fields.append(Field("Note", NEW_SPECIES, "New species", tooltip=hint, copyable=True))
    if annotator_field:
        fields.append(Field("Note", annotator_field, tooltip="Who labels", copyable=True))
    return (
        *fields,
        Field("Flag", "Selected", default="false", tooltip="Chosen for this round", visible=False, width=20),
        Field("IntegerPositive", "ALRound", "Round", tooltip="Number of the round", visible=False, width=60),
        Field("Note", "ALPrediction", "Predicted", tooltip="The class that the model suggests", visible=prepared),
        Field("DecimalPositive", "ALConfidence", "Confidence", tooltip="Its probability", visible=prepared, width=60),
        Field("Note", "Comments", tooltip="Your own notes"),
    )


def own_set_fields(classes: Sequence[str], blank: str, names: FieldNames) -> tuple[Field, ...]:
    """Return the fields for people's own set, with the names that they have chosen."""
    ours = (SPECIES, "Selected", "ALRound", "ALPrediction", "ALConfidence")
    wanted_names = dict(zip(ours, astuple(names), strict=False))
    return tuple(
        replace(field, data_label=name, visible=True)
        for field in round_fields(classes, blank, "reject", names.annotator)
        if (name := wanted_names.get(field.data_label, field.data_label))
    )


def prepare_data_file(
    root: Path, request: Request, names: Mapping[ItemId, str], fields: Sequence[Field], blank: str
) -> list[str]:
    """Write the data file of a set whose images are in place; return remarks, such as why it was not written.

    `names` are the paths of the images below `root`.
    """
    reason = _reason_not_to_prepare(root, request.folder, fields)
    if reason:
        return [f"The set was not prepared: {reason}. It opens anyway, without suggestions and keys."]
    records = [
        {
            "File": file.name,
            "RelativePath": str(file.parent.relative_to(root)).replace("/", "\\").removeprefix("."),
            "DateTime": f"{item.taken or read_exif_time(file) or earliest_file_time(file):%Y-%m-%d %H:%M:%S}",
            "Selected": "true",
            "ALRound": str(request.round),
            "ALPrediction": suggestion.class_name if suggestion else "",
            "ALConfidence": f"{suggestion.confidence:.4f}" if suggestion else "",
        }
        for item, suggestion in zip_longest(request.items, request.suggestions[: len(request.items)])
        if (file := root / names[item.id]).exists()
    ]
    species = fields[0]
    key_words = [] if not species.choices else _choose_words_with_keys(request, blank)
    opening = OpeningView(
        format_search_terms((*STANDARD_FIELDS, *fields), "Selected"),
        format_sort_terms(Field("", "Id")),  # in the order in which they were chosen: the most wanted first
        format_quick_paste(species, key_words),
    )
    write_data_file(root / DATA_NAME, fields, records, opening)
    if not key_words:
        return []
    shown = ", ".join(
        f"{'Ctrl+Shift' if number > 9 else 'Ctrl'}+{number % 10 + number // 10} {word}"
        for number, word in enumerate(key_words, 1)
    )
    return [f"Q shows the keys: {shown}."]


def _reason_not_to_prepare(root: Path, folder: Path, fields: Sequence[Field]) -> str:
    """Return why this user's Timelapse may need other tables than ours, or ""."""
    for template in files_directly_in(root, ".tdb"):
        if reason := find_version_problem(template):
            return reason
        present, ours = (
            [(field.type, field.data_label, field.default, field.choices) for field in definitions]
            for definitions in (read_template(template).fields, (*STANDARD_FIELDS, *fields))
        )
        if present != ours:
            return f"{template} has been changed"
    for ddb in find_files_below(folder, ".ddb"):  # Timelapse leaves its version in whatever it opens
        with suppress(FormatError):  # a damaged one is collect()'s to report
            if reason := find_version_problem(ddb):
                return reason
    return ""


def _choose_words_with_keys(request: Request, blank: str) -> list[str]:
    """Return the words with a key: blank, the classes (the most suggested ones if there are too many), unsure."""
    blank_class = find_blank_class(request.classes, blank) or blank
    first = [blank_class] if blank_class else []  # always, so that the keys stay where they were
    others = [name for name in request.classes if name != blank_class]
    suggested = Counter(suggestion.class_name for suggestion in request.suggestions)
    chosen = set(sorted(others, key=lambda name: -suggested[name])[: MAX_SHORTCUTS - len(first) - 1])
    return [*first, *(name for name in others if name in chosen), UNSURE]
