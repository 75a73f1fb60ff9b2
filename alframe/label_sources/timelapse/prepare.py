"""The fields of a round's set, and the set made ready before Timelapse first opens it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from alframe.errors import FormatError
from alframe.formats.exif import earliest_file_time, read_exif_time
from alframe.formats.timelapse.folders import DATA_NAME, files_in, find_files
from alframe.formats.timelapse.prepared import OpeningView, explain_unknown_version, write_data_file
from alframe.formats.timelapse.schema import STANDARD_FIELDS, Field
from alframe.formats.timelapse.template import read_template
from alframe.formats.timelapse.view import MAX_SHORTCUTS, format_quick_paste, format_search_terms, format_sort_terms
from alframe.label_sources.timelapse.answers import blank_word, has_blank
from alframe.label_sources.timelapse.set_selection import Names
from alframe.types import UNSURE, ItemId, Request

SPECIES, NEW = "Species", "NewSpecies"


def round_fields(
    classes: Sequence[str], blank: str, new_classes: str = "ask", annotator_field: str = "", prepared: bool = False
) -> tuple[Field, ...]:
    """Species is a list of the classes, or while there are none a field to write in, and the rest serves it."""
    names = tuple(dict.fromkeys(name.strip() for name in classes))
    what = "What is in the picture"
    fields = [
        Field("FixedChoice", SPECIES, tooltip=what, choices=_choices(names, blank), copyable=True)
        if names
        else Field("Note", SPECIES, tooltip=f"{what}; {UNSURE} where you cannot tell", copyable=True)
    ]
    if names and new_classes != "reject":
        tooltip = "A species that is not in the list: leave Species empty and write it here"
        fields.append(Field("Note", NEW, "New species", tooltip=tooltip, copyable=True))
    if annotator_field:
        fields.append(Field("Note", annotator_field, tooltip="Who labels", copyable=True))
    return (
        *fields,
        Field("Flag", "Selected", default="false", tooltip="Chosen for this round", visible=False, width=20),
        Field("IntegerPositive", "ALRound", "Round", tooltip="The round that asks", visible=False, width=60),
        Field("Note", "ALPrediction", "Predicted", tooltip="What the model thinks it is", visible=prepared),
        Field("DecimalPositive", "ALConfidence", "Confidence", tooltip="Its probability", visible=prepared, width=60),
        Field("Note", "Comments", tooltip="Anything you wish to say"),
    )


def own_fields(classes: Sequence[str], blank: str, names: Names, annotator_field: str = "") -> tuple[Field, ...]:
    """The same for a set that people keep, under the names they want."""
    called = {
        SPECIES: names.species,
        "Selected": names.selected,
        "ALRound": names.round,
        "ALPrediction": names.prediction,
        "ALConfidence": names.confidence,
    }
    return tuple(
        replace(field, data_label=name, visible=True)
        for field in round_fields(classes, blank, "reject", annotator_field)
        if (name := called.get(field.data_label, field.data_label))
    )


def prepare(
    root: Path, request: Request, places: Mapping[ItemId, str], fields: Sequence[Field], blank: str
) -> list[str]:
    """Write the data file of a set whose images are in place; or say why that was left to Timelapse."""
    reason = _unknown(root, request.folder, fields)
    if reason:
        return [f"The set was not prepared: {reason}. It opens all the same, without suggestions and keys."]
    records = [
        {
            "File": place.name,
            "RelativePath": str(place.parent.relative_to(root)).replace("/", "\\").removeprefix("."),
            "DateTime": f"{item.taken or read_exif_time(place) or earliest_file_time(place):%Y-%m-%d %H:%M:%S}",
            "Selected": "true",
            "ALRound": str(request.round),
            "ALPrediction": guess.class_name if guess else "",
            "ALConfidence": f"{guess.confidence:.4f}" if guess else "",
        }
        for item, guess in zip_longest(request.items, request.suggestions[: len(request.items)])
        if (place := root / places[item.id]).exists()
    ]
    species = fields[0]
    keys = [] if not species.choices else _keys(request, blank)
    opening = OpeningView(
        format_search_terms((*STANDARD_FIELDS, *fields), "Selected"),
        format_sort_terms(Field("", "Id")),  # in the order in which they were chosen: the most wanted first
        format_quick_paste(species, keys),
    )
    write_data_file(root / DATA_NAME, fields, records, opening)
    if not keys:
        return []
    shown = ", ".join(
        f"{'Ctrl+Shift' if at > 9 else 'Ctrl'}+{at % 10 + at // 10} {key}" for at, key in enumerate(keys, 1)
    )
    return [f"Q shows the keys: {shown}."]


def _unknown(root: Path, folder: Path, fields: Sequence[Field]) -> str:
    """Why the tables of this user's Timelapse may be others than we write, or nothing."""
    for template in files_in(root, ".tdb"):
        if reason := explain_unknown_version(template):
            return reason
        if [_bare(field) for field in read_template(template).fields] != [
            _bare(one) for one in (*STANDARD_FIELDS, *fields)
        ]:
            return f"{template} has been changed"
    for ddb in find_files(folder, ".ddb"):  # Timelapse leaves its version in whatever it opens
        with suppress(FormatError):  # a damaged one is collect()'s to report
            if reason := explain_unknown_version(ddb):
                return reason
    return ""


def _bare(field: Field) -> tuple[str, str, str, tuple[str, ...]]:
    return field.type, field.data_label, field.default, field.choices


def _keys(request: Request, blank: str) -> list[str]:
    """Blank first and unsure last; between them the classes by name, the commonest ones where there are too many."""
    word = has_blank(request.classes, blank) or blank  # always the first, so that the keys stay where they were
    first = [word] if word else []
    others = [name for name in request.classes if name != word]
    often = Counter(guess.class_name for guess in request.suggestions)
    chosen = set(sorted(others, key=lambda name: -often[name])[: MAX_SHORTCUTS - len(first) - 1])
    return [*first, *(name for name in others if name in chosen), UNSURE]


def _choices(names: Sequence[str], blank: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, *blank_word(names, blank), UNSURE)))
