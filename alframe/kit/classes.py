"""Which class names an answer may give: a typing error must never become a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from unicodedata import category, normalize

from alframe.errors import BadParams, LabelError
from alframe.registry import did_you_mean
from alframe.types import UNSURE

NEW_CLASSES_RULES = ("ask", "add", "reject")
UNSURE_WORDS = (UNSURE, "?")
BLANK_NAMES = {"blank", "empty", "none", "nothing", "no animal", "no_animal", "vacant"}
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
    classes: Sequence[str], new_classes: str, unsure: Sequence[str] = UNSURE_WORDS, written: Iterable[str] = ()
) -> Callable[[str], str]:
    """Return a function from the name somebody wrote to the class that is meant; it raises LabelError with the remedy.

    `classes` are known already, and `written` are all names that will be asked about. The function returns UNSURE for
    that word and those in `unsure`, in upper or lower case.

    Spaces around a name and the two Unicode spellings of an accent do not matter. While no class is known every name
    is accepted. Later, `new_classes` decides: "ask" accepts a new name unless it looks like a class misspelt, "add"
    accepts any, "reject" none. A name that differs only in case from a class, or from a name accepted before, is
    always refused: it is a typing error, and on Windows it could not even be a folder beside the other. If a new name
    is `written` in several cases, the commonest of them is the class.
    """
    unsure_keys = {_normalise(word).casefold() for word in (UNSURE, *unsure)}
    accepted = {_normalise(name): name for name in classes}
    by_lower_case = {name.casefold(): original for name, original in accepted.items()}
    commonest: dict[str, str] = {}
    for spelling, _ in Counter(map(_normalise, written)).most_common():
        commonest.setdefault(spelling.casefold(), spelling)

    def resolve(name: str) -> str:
        name = _normalise(name)
        if name.casefold() in unsure_keys:
            return UNSURE
        if name in accepted:
            return accepted[name]
        garbled = "\ufffd" in name or any(category(letter) == "Cc" for letter in name)
        if garbled or not any(map(str.isalnum, name)):
            raise LabelError(
                f"{name!r} cannot be a class name. Write '{UNSURE}' if you cannot tell; else write it again, and save "
                "the file as CSV UTF-8."
            )
        twin = by_lower_case.get(name.casefold()) or commonest.get(name.casefold(), name)
        if twin != name:
            raise LabelError(f"'{name}' differs from the class '{twin}' only in upper and lower case. Write '{twin}'.")
        similar = get_close_matches(name.casefold(), [*by_lower_case, UNSURE], n=3, cutoff=MIN_SIMILARITY)
        misspelt = any(_digits_in(other) == _digits_in(name) for other in similar)
        rejected = classes and new_classes == "reject"
        if rejected or (new_classes == "ask" and misspelt and (classes or UNSURE in similar)):
            raise LabelError(
                f"'{name}' is not one of the classes.{did_you_mean(name, [*accepted, UNSURE])} Correct it, "
                "or set label_source.new_classes=add if it is a new class."
            )
        accepted[name] = by_lower_case[name.casefold()] = name
        return name

    return resolve


def missing_blank_class(classes: Iterable[str], blank: str) -> tuple[str, ...]:
    """Return the class to add for an image without an animal: `blank`, or none if the classes have one."""
    return (blank,) if blank and not find_blank_class(classes, blank) else ()


def find_blank_class(classes: Iterable[str], blank: str) -> str | None:
    """Return the class that means an image without an animal, if there is one."""
    return next((name for name in classes if name.casefold() in {*BLANK_NAMES, blank.casefold()}), None)


def describe_classes(classes: Sequence[str], new_classes: str) -> str:
    """Return a sentence about the classes, for the message to the person who labels."""
    if not classes:
        return f"There are no classes yet: the names you give become the classes; '{UNSURE}' if you cannot tell."
    more = "" if new_classes == "reject" else "; a new name becomes a new class"
    return f"Classes: {', '.join(classes)}; '{UNSURE}' if you cannot tell{more}."


def _normalise(name: str) -> str:
    return normalize("NFC", name.strip())


def _digits_in(name: str) -> str:
    # Whoever numbers classes (deer_1, deer_2) means the number.
    return "".join(filter(str.isdigit, name))
