"""Which class names an answer may bear: a typo must never become a class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from unicodedata import category, normalize

from alframe.errors import BadParams, LabelError
from alframe.registry import did_you_mean

POLICIES = ("ask", "add", "reject")
ALIKE = 0.8  # from here on (difflib's ratio) a new name is taken for a slip in writing an old one


def check_policy(new_classes: str) -> str:
    """Give `new_classes` back, or raise BadParams."""
    if new_classes not in POLICIES:
        raise BadParams(f"label_source.new_classes is '{new_classes}'; it must be one of: {', '.join(POLICIES)}.")
    return new_classes


def resolver(known: Sequence[str], new_classes: str) -> Callable[[str], str]:
    """A function from the name somebody wrote to the class that is meant; it raises LabelError with the remedy.

    Spaces around a name and the two Unicode spellings of an accent do not matter. While no class is known every name
    is accepted; later, `new_classes` decides: "ask" accepts a new name unless it looks like a class misspelt, "add"
    accepts any, "reject" none. A name that differs only in case from a class, or from one accepted a
    moment ago, is always refused: it is a slip, and could not even be a folder beside the other on Windows.
    """
    same = {_plain(name): name for name in known}
    folded = {name.casefold(): original for name, original in same.items()}

    def resolve(name: str) -> str:
        name = _plain(name)
        if name in same:
            return same[name]
        unreal = "\ufffd" in name or any(category(letter) == "Cc" for letter in name)
        if unreal or not any(map(str.isalnum, name)):  # also "?" and "-": leave empty what you cannot tell
            raise LabelError(
                f"{name!r} cannot be a class name. Leave it empty if you cannot tell; else write it again, and save "
                "the file as CSV UTF-8."
            )
        if twin := folded.get(name.casefold()):
            raise LabelError(f"'{name}' differs from the class '{twin}' only in upper and lower case. Write '{twin}'.")
        alike = get_close_matches(name.casefold(), folded, n=3, cutoff=ALIKE)
        slip = any(_digits(one) == _digits(name) for one in alike)
        if known and (new_classes == "reject" or (new_classes == "ask" and slip)):
            raise LabelError(
                f"'{name}' is not one of the classes.{did_you_mean(name, list(same))} Correct it, "
                "or set label_source.new_classes=add if it is a new class."
            )
        same[name] = folded[name.casefold()] = name
        return name

    return resolve


def describe(known: Sequence[str], new_classes: str) -> str:
    """The classes in words, for the message to the person who labels."""
    if not known:
        return "There are no classes yet: the names you give become the classes."
    more = "" if new_classes == "reject" else "; a new name becomes a new class"
    return f"Classes: {', '.join(known)}{more}."


def _plain(name: str) -> str:
    return normalize("NFC", name.strip())


def _digits(name: str) -> str:
    # Whoever numbers classes (deer_1, deer_2) means the number.
    return "".join(filter(str.isdigit, name))
