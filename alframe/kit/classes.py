"""Decide which class names an answer may give, so that a typing error never becomes a class."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from reprlib import repr as shorten

from alframe.class_names import class_name_key, clean_class_name, commonest_spellings, explain_suspect_name
from alframe.errors import BadParams, LabelError
from alframe.formats.json_members import id_text
from alframe.registry import did_you_mean
from alframe.types import UNSURE

log = logging.getLogger(__name__)
NEW_CLASSES_RULES = ("ask", "add", "reject")
UNSURE_WORDS = (UNSURE, "?")
BLANK_NAMES = {"blank", "empty", "none", "nothing", "no animal", "no_animal", "vacant"}
_IF_UNSURE = f"If you cannot identify an image, answer '{UNSURE}'."
MIN_SIMILARITY = 0.8  # of difflib: a new name this similar to a class is taken for a typing error


def parse_unsure_words(unsure: str | Sequence[str]) -> tuple[str, ...]:
    """Return the words for "cannot tell" as a tuple, or raise BadParams if one is empty."""
    words = (unsure,) if isinstance(unsure, str) else tuple(map(str, unsure))
    if not all(map(str.strip, words)):
        raise BadParams(
            "label_source.unsure contains an empty string, but an empty cell means 'not answered yet'. Remove the "
            "empty string."
        )
    return words


def class_resolver(
    classes: Sequence[str],
    new_classes: str,
    unsure: Sequence[str] = UNSURE_WORDS,
    written: Iterable[str] = (),
    allowed: Iterable[str] = (),
) -> Callable[[str], str]:
    """Return a function that converts a written name to the class it means, or raises LabelError with a remedy.

    `classes` are the known classes, and `written` are all names that the function will be called with. The function
    returns UNSURE for the word "unsure" and the words in `unsure`, in upper or lower case.

    Invisible characters in a name do not matter (`alframe.class_names`). Error cells, JSON, and several names in one
    cell are refused. "none", "nan" and similar names are refused unless they are in `classes` or `allowed`. As long as
    no class is known, every other name is accepted. Later, `new_classes` decides: "ask" accepts a new name unless it
    looks like a misspelt class, "add" accepts every new name, and "reject" accepts none. A name that differs only in
    case, width, blanks or marks from a class, or from a name accepted before, is always refused: it is a typing error,
    and on Windows both names could not be folders side by side. If a new name is `written` in several ways, the most
    frequent way is the class. The answer 1.0, as tables write the number 1, is the class 1 if there is no class 1.0. A
    single warning counts such answers.
    """
    unsure_keys = {class_name_key(word) for word in (UNSURE, *unsure)}
    known = {clean_class_name(name): name for name in classes}
    accepted = dict(known)
    by_key = {class_name_key(name): original for name, original in accepted.items()}
    allowed_keys = set(map(class_name_key, allowed))
    counts = Counter(map(clean_class_name, written))
    commonest = commonest_spellings(counts)

    def resolve(name: str) -> str:
        name = clean_class_name(name)
        key = class_name_key(name)
        if key in unsure_keys:
            return UNSURE
        if name in accepted:
            return accepted[name]
        if (whole := known.get(id_text(name))) is not None:
            _warn_of_decimal_point(name, f" ({counts[name]} times)" if name in counts else "", whole)
            accepted[name] = whole
            return whole
        if reason := explain_suspect_name(name, by_key.keys() | allowed_keys, commonest):
            raise LabelError(
                f"{shorten(name)} {reason}. Write '{UNSURE}' if you cannot identify the image, else one class."
            )
        twin = by_key.get(key) or commonest.get(key, name)
        if twin != name:
            is_case = twin.casefold() == name.casefold()
            how = (
                "only in upper and lower case."
                if is_case
                else "only in blanks, marks, width or letters that look alike."
            )
            raise LabelError(f"'{name}' differs from the class '{twin}' {how} Write '{twin}'.")
        caseless = {original.casefold(): original for original in by_key.values()}
        similar = get_close_matches(name.casefold(), [*caseless, UNSURE], n=3, cutoff=MIN_SIMILARITY)
        misspelt = any(_digits_in(other) == _digits_in(name) for other in similar)
        rejected = classes and new_classes == "reject"
        if rejected or (new_classes == "ask" and misspelt and (classes or UNSURE in similar)):
            raise LabelError(
                f"'{name}' is not one of the classes.{did_you_mean(name, [*accepted, UNSURE])} Correct it, "
                "or set label_source.new_classes=add if it is a new class."
            )
        accepted[name] = by_key[key] = name
        return name

    return resolve


def missing_blank_class(classes: Iterable[str], blank: str) -> tuple[str, ...]:
    """Return the class to add for images without an animal: `blank`, or nothing if `classes` has such a class."""
    return (blank,) if blank and not find_blank_class(classes, blank) else ()


def find_blank_class(classes: Iterable[str], blank: str) -> str | None:
    """Return the class that means an image without an animal, if there is one."""
    return next((name for name in classes if name.casefold() in {*BLANK_NAMES, blank.casefold()}), None)


def describe_classes(classes: Sequence[str], new_classes: str, named_since: Sequence[str] = ()) -> str:
    """Return the sentence that tells people which classes exist and whether they may add new ones.

    For `named_since`, see `Request`.
    """
    if not classes and named_since:
        named = ", ".join(named_since)
        return f"Classes named so far: {named}. A new name becomes a new class. {_IF_UNSURE}"
    if not classes:
        return f"There are no classes yet: the names you give become the classes. {_IF_UNSURE}"
    more = "" if new_classes == "reject" else " A new name becomes a new class."
    return f"Classes: {', '.join(classes)}.{more} {_IF_UNSURE}"


@cache
def _warn_of_decimal_point(name: str, how_often: str, whole: str) -> None:
    """Log it once: answers are read again and again."""
    log.warning("The answer '%s'%s is taken as the class '%s', which is the same number.", name, how_often, whole)


def _digits_in(name: str) -> str:
    # Whoever numbers classes (deer_1, deer_2) means the number.
    return "".join(filter(str.isdigit, name))
