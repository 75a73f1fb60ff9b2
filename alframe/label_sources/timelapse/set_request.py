"""Select the images of a round in people's own Timelapse set, by a CSV to import or in the set itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from alframe.formats.timelapse.folders import TEMPLATE_NAME, files_directly_in
from alframe.formats.timelapse.import_csv import IMPORT_MENU, has_only_import_columns, write_import_csv
from alframe.formats.timelapse.schema import CHOICE_TYPES
from alframe.formats.timelapse.template import Template, all_lists_offer_empty, read_template, write_template
from alframe.formats.timelapse.update import RowUpdate, back_up_and_update_rows, explain_unsafe_write
from alframe.formats.timelapse.view import format_search_terms, format_sort_terms
from alframe.kit.round_folders import count_with_noun
from alframe.label_sources.timelapse.prepare import own_set_fields
from alframe.label_sources.timelapse.set_selection import FieldNames, SelectionPlan, require_set_fields
from alframe.types import UNSURE, Request


def prepare_first_opening(root: Path, request: Request, names: FieldNames, blank: str) -> str:
    """Return instructions to make a data file; write a template if there is none. Raises FormatError, LabelError."""
    templates = files_directly_in(root, ".tdb")
    if not templates:
        write_template(root / TEMPLATE_NAME, own_set_fields(request.classes, blank, names))
        state = f"There is no Timelapse template in {root}, so {TEMPLATE_NAME} was written there."
        templates = [root / TEMPLATE_NAME]
    else:
        require_set_fields(read_template(templates[0]), templates[0], names)
        state = f"The set in {root} has no data file yet."
    images = count_with_noun(len(request.items), "image")
    return (
        f"{state} Double-click {templates[0].name}: Timelapse loads all images below that folder. Then run the same "
        f"command again, and the {images} of round {request.round} will be selected."
    )


def request_selection(
    request: Request,
    ddb: Path,
    template: Template,
    plan: SelectionPlan,
    names: FieldNames,
    unsure: Sequence[str],
    write: bool,
) -> Iterator[str]:
    """Select the round's images, and yield the instructions for people, line by line. Raises FormatError."""
    yield f"Round {request.round}: {count_with_noun(len(request.items), 'image')} to label in the Timelapse set {ddb}."
    reason = explain_unsafe_write(ddb) if write and plan.records else ""
    if write and plan.records and not reason:
        yield _write_selection(ddb, template, plan, names)
    else:
        if reason:
            yield f"The set itself was not changed: {reason}. Close Timelapse, and run the same command again; or:"
        yield from _write_import_and_explain(ddb, template, plan, names)
    if boxes := [item.id for item in request.items if "box" in item.meta]:
        yield (
            f"{_count_and_sample(boxes)} of these are one of several boxes in an image, but a set has one record per "
            "image, so they cannot be labelled here. Use label_source=timelapse, or one box per image."
        )
    if plan.missing:
        yield (
            f"{_count_and_sample(plan.missing)} of these are not in the set. Timelapse loads only .jpg; add new images "
            "with File > Add image and video files."
        )
    species = template.find_field(names.species)
    words = {word.casefold() for word in (UNSURE, *unsure)}
    if species and species.type in CHOICE_TYPES and words.isdisjoint(map(str.casefold, species.choices)):
        yield f"The list of {names.species} has no '{UNSURE}': add it in the Template Editor to allow that answer."
    yield (
        f"Set the {names.species} of each. No export is needed: run the same command again, even while Timelapse is "
        "open."
    )


def _write_import_and_explain(ddb: Path, template: Template, plan: SelectionPlan, names: FieldNames) -> Iterator[str]:
    """Write the CSV to import, if there are changes."""
    file = ddb.with_suffix(".csv")
    unsafe = {record.id for record in plan.ambiguous_records}
    rows = [record.cells for record in plan.records if record.id not in unsafe]
    if rows:
        has_times = write_import_csv(file, template, rows)
        yield (
            f"In Timelapse: {IMPORT_MENU}; press Enter for {file.name}, and OK. The first time, choose Select > Custom "
            f"selection and tick {names.selected} = true. Timelapse keeps this choice, so later rounds appear "
            "automatically."
        )
        if not has_times:
            yield "Timelapse will warn that the Date/Time was not updated, which is intended."
    else:
        _remove_import_csv(file, plan)
        if plan.present:
            yield f"They are selected in Timelapse, with {names.selected} = true."
    if unsafe:
        yield (
            f"{_count_and_sample([record.image_path for record in plan.ambiguous_records])} cannot be selected by an "
            "import, which would change images of the same name in other folders too, or none. Set "
            f"{names.selected} by hand, or use label_source.write=true."
        )


def _write_selection(ddb: Path, template: Template, plan: SelectionPlan, names: FieldNames) -> str:
    """Write the changes into the data file. Timelapse shows the images when it next opens the file."""
    opening = {}
    if all_lists_offer_empty(ddb):
        opening["SearchTerms"] = format_search_terms(template.fields, names.selected)
    confidence = template.find_field(names.confidence)
    if confidence and any(record.cells.get(names.confidence) for record in plan.records):
        opening["SortTerms"] = format_sort_terms(confidence)
    changes = [
        RowUpdate(
            record.id,
            record.cells["File"],
            record.cells["RelativePath"],
            {name: record.cells[name] for name in plan.fields},
        )
        for record in plan.records
    ]
    backup = back_up_and_update_rows(ddb, changes, opening)
    _remove_import_csv(ddb.with_suffix(".csv"), plan)
    how = "It opens on them" if "SearchTerms" in opening else "Choose Select > Custom selection to see them"
    return f"They are selected in it: {names.selected} = true. {how}. A backup is in {backup}."


def _remove_import_csv(file: Path, plan: SelectionPlan) -> None:
    if has_only_import_columns(file, plan.fields):  # of an earlier round, perhaps: imported again, it would select that
        with suppress(OSError):  # Timelapse may be reading it just now
            file.unlink()


def _count_and_sample(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > 3 else ""
    return f"{len(names)} ({', '.join(names[:3])}{more})"
