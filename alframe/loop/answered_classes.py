"""Check the class names that a label source reports, even if the source has checked them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from reprlib import repr as shorten

from alframe.class_names import class_name_key, clean_class_name, explain_suspect_name
from alframe.types import UNSURE, Label, Problem


def clean_class_names(labels: Iterable[Label], classes: Sequence[str]) -> tuple[list[Label], list[Problem]]:
    """Return the labels with cleaned class names, in the spelling of `classes`, and a Problem for each other name.

    Most label sources have done this before; a label source in a plugin may not.
    """
    spellings = {class_name_key(name): name for name in classes}
    exact = {*classes, UNSURE}
    declared = {*spellings, "none"}  # which a source may have been told to take for an image without an animal
    checked, problems = [], []
    for label in labels:
        if label.class_name in exact:
            checked.append(label)
            continue
        name = clean_class_name(label.class_name)
        if reason := explain_suspect_name(name, declared, is_typed=False):
            problems.append(Problem(label.file, label.row, f"{shorten(name)} {reason}. Correct it there."))
            continue
        key = class_name_key(name)
        name = UNSURE if key == UNSURE else spellings.setdefault(key, name)
        checked.append(label if name == label.class_name else replace(label, class_name=name))
    return checked, problems
