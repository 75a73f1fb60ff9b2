"""Which class names an answer may bear: a typo must never become a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from unicodedata import category, normalize

from alframe.errors import BadParams, LabelError
from alframe.registry import did_you_mean
from alframe.types import UNSURE

POLICIES = ("ask", "add", "reject")
CANNOT_TELL = (UNSURE, "?")
ALIKE = 0.8  # from here on (difflib's ratio) a new name is taken for a slip in writing an old one


def check_policy(new_classes: str) -> str:
    """Give `new_classes` back, or raise BadParams."""
    if new_classes not in POLICIES:
        raise BadParams(f"label_source.new_classes is '{new_classes}'; it must be one of: {', '.join(POLICIES)}.")
    return new_classes


def check_unsure(unsure: str | Sequence[str]) -> tuple[str, ...]:
    """The words for "cannot tell" as they were given, or BadParams."""
    words = (unsure,) if isinstance(unsure, str) else tuple(map(str, unsure))
    if not all(map(str.strip, words)):
        raise BadParams(
            "label_source.unsure holds an empty word, but an empty cell is one not answered yet. Remove it."
        )
    return words


def resolver(
    known: Sequence[str], new_classes: str, unsure: Sequence[str] = CANNOT_TELL, said: Iterable[str] = ()
) -> Callable[[str], str]:
    """A function from the name somebody wrote to the class that is meant; it raises LabelError with the remedy.

    It gives UNSURE for that word and those in `unsure`, in upper or lower case.

    Spaces around a name and the two Unicode spellings of an accent do not matter. While no class is known every name
    is accepted; later, `new_classes` decides: "ask" accepts a new name unless it looks like a class misspelt, "add"
    accepts any, "reject" none. A name that differs only in case from a class, or from one accepted a
    moment ago, is always refused: it is a slip, and could not even be a folder beside the other on Windows. Of all
    names `said`, the commonest spelling is the one that is meant, whichever comes first.
    """
    cannot_tell = {_plain(word).casefold() for word in (UNSURE, *unsure)}
    same = {_plain(name): name for name in known}
    folded = {name.casefold(): original for name, original in same.items()}
    commonest: dict[str, str] = {}
    for spelling, _ in Counter(map(_plain, said)).most_common():
        commonest.setdefault(spelling.casefold(), spelling)

    def resolve(name: str) -> str:
        name = _plain(name)
        if name.casefold() in cannot_tell:
            return UNSURE
        if name in same:
            return same[name]
        unreal = "\ufffd" in name or any(category(letter) == "Cc" for letter in name)
        if unreal or not any(map(str.isalnum, name)):
            raise LabelError(
                f"{name!r} cannot be a class name. Write '{UNSURE}' if you cannot tell; else write it again, and save "
                "the file as CSV UTF-8."
            )
        twin = folded.get(name.casefold()) or commonest.get(name.casefold(), name)
        if twin != name:
            raise LabelError(f"'{name}' differs from the class '{twin}' only in upper and lower case. Write '{twin}'.")
        alike = get_close_matches(name.casefold(), [*folded, UNSURE], n=3, cutoff=ALIKE)
        slip = any(_digits(one) == _digits(name) for one in alike)
        if (known and new_classes == "reject") or ((known or UNSURE in alike) and new_classes == "ask" and slip):
            raise LabelError(
                f"'{name}' is not one of the classes.{did_you_mean(name, [*same, UNSURE])} Correct it, "
                "or set label_source.new_classes=add if it is a new class."
            )
        same[name] = folded[name.casefold()] = name
        return name

    return resolve


def describe(known: Sequence[str], new_classes: str) -> str:
    """The classes in words, for the message to the person who labels."""
    if not known:
        return f"There are no classes yet: the names you give become the classes; '{UNSURE}' if you cannot tell."
    more = "" if new_classes == "reject" else "; a new name becomes a new class"
    return f"Classes: {', '.join(known)}; '{UNSURE}' if you cannot tell{more}."


def _plain(name: str) -> str:
    return normalize("NFC", name.strip())


def _digits(name: str) -> str:
    # Whoever numbers classes (deer_1, deer_2) means the number.
    return "".join(filter(str.isdigit, name))
