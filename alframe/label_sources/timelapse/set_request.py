"""How a round is put before people in their own Timelapse set, by a CSV to import or in the set itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from alframe.formats.timelapse.folders import TEMPLATE_NAME, files_in
from alframe.formats.timelapse.schema import CHOICE_TYPES
from alframe.formats.timelapse.selector import IMPORT_MENU, is_import_csv, write_import_csv
from alframe.formats.timelapse.template import Template, all_lists_offer_empty, read_template, write_template
from alframe.formats.timelapse.update import RecordChange, explain_unsafe_write, update_records
from alframe.formats.timelapse.view import format_search_terms, format_sort_terms
from alframe.kit.round_folders import count
from alframe.label_sources.timelapse.prepare import own_fields
from alframe.label_sources.timelapse.set_selection import Names, Selection, check_fields_of
from alframe.types import UNSURE, Request


def begin(root: Path, request: Request, names: Names, blank: str, annotator_field: str) -> str:
    """Help people to a set that has a data file: with a template if there is none. Raises FormatError, LabelError."""
    templates = files_in(root, ".tdb")
    if not templates:
        write_template(root / TEMPLATE_NAME, own_fields(request.classes, blank, names, annotator_field))
        said = f"There is no Timelapse template in {root}, so {TEMPLATE_NAME} was written there."
        templates = [root / TEMPLATE_NAME]
    else:
        check_fields_of(read_template(templates[0]), templates[0], names)
        said = f"The set in {root} has no data file yet."
    return (
        f"{said} Double-click {templates[0].name}: Timelapse loads all images below that folder. Then run the same "
        f"command again, and the {count(len(request.items), 'image')} of round {request.round} will be selected."
    )


def ask(
    request: Request,
    ddb: Path,
    template: Template,
    selection: Selection,
    names: Names,
    unsure: Sequence[str],
    write: bool,
) -> Iterator[str]:
    """Have the round's images selected, and say what people are to do, line by line. Raises FormatError."""
    yield f"Round {request.round}: {count(len(request.items), 'image')} to label in the Timelapse set {ddb}."
    why = explain_unsafe_write(ddb) if write and selection.rows else ""
    if write and selection.rows and not why:
        yield _change(ddb, template, selection, names)
    else:
        if why:
            yield f"The set itself was not changed: {why}. Close Timelapse, and run the same command again; or:"
        yield from _hand_over(ddb, template, selection, names)
    if boxes := [item.id for item in request.items if "box" in item.meta]:
        yield (
            f"{_some(boxes)} of these are one of several boxes in an image, but a set has one record for it: they "
            "cannot be asked here. Use label_source=timelapse, or one box an image."
        )
    if selection.missing:
        yield (
            f"{_some(selection.missing)} of these are not in the set. Timelapse loads only .jpg; add new images with "
            "File > Add image and video files."
        )
    species = template.field(names.species)
    words = {word.casefold() for word in (UNSURE, *unsure)}
    if species and species.type in CHOICE_TYPES and words.isdisjoint(map(str.casefold, species.choices)):
        yield f"The list of {names.species} has no '{UNSURE}': add it in the Template Editor, to have that answer."
    yield (
        f"Give each its {names.species}. Nothing need be exported: run the same command again, also while Timelapse is "
        "open."
    )


def _hand_over(ddb: Path, template: Template, selection: Selection, names: Names) -> Iterator[str]:
    """Write the CSV to be imported, if anything is to be changed."""
    file = ddb.with_suffix(".csv")
    hazards = {row.id for row in selection.hazards}
    rows = [row.cells for row in selection.rows if row.id not in hazards]
    if rows:
        timed = write_import_csv(file, template, rows)
        yield (
            f"In Timelapse: {IMPORT_MENU}; press Enter for {file.name}, and OK. The first time, choose Select > Custom "
            f"selection and tick {names.selected} = true; it stays so, and later rounds show by themselves."
        )
        if not timed:
            yield "Timelapse will warn that the Date/Time was not updated, which is intended."
    else:
        _remove(file, selection)
        if selection.found:
            yield f"They are selected in Timelapse: they are those with {names.selected} = true."
    if hazards:
        yield (
            f"{_some([row.image_path for row in selection.hazards])} cannot be selected by an import, which would "
            f"change images of the same name in other folders too, or none. Set {names.selected} of it by hand, or use "
            "label_source.write=true."
        )


def _change(ddb: Path, template: Template, selection: Selection, names: Names) -> str:
    opening = {}
    if all_lists_offer_empty(ddb):
        opening["SearchTerms"] = format_search_terms(template.fields, names.selected)
    confidence = template.field(names.confidence)
    if confidence and any(row.cells.get(names.confidence) for row in selection.rows):
        opening["SortTerms"] = format_sort_terms(confidence)
    changes = [
        RecordChange(
            row.id, row.cells["File"], row.cells["RelativePath"], {name: row.cells[name] for name in selection.fields}
        )
        for row in selection.rows
    ]
    backup = update_records(ddb, changes, opening)
    _remove(ddb.with_suffix(".csv"), selection)
    how = "It opens on them" if "SearchTerms" in opening else "Choose Select > Custom selection to see them"
    return f"They are selected in it: {names.selected} = true. {how}. A backup is in {backup}."


def _remove(file: Path, selection: Selection) -> None:
    if is_import_csv(file, selection.fields):  # of an earlier round, perhaps: imported again, it would select that
        with suppress(OSError):  # Timelapse may be reading it just now
            file.unlink()


def _some(names: Sequence[str]) -> str:
    """The number of them, and the first few."""
    more = ", ..." if len(names) > 3 else ""
    return f"{len(names)} ({', '.join(names[:3])}{more})"
