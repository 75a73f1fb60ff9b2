"""The only rules for class names from any source: a cell, a folder, a file of another program, the settings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from unicodedata import category, normalize

UNSURE = "unsure"  # the answer of somebody who looked and cannot tell; never a class
MAX_LENGTH = 120
# Programs write these where nothing is known. A survey may still have a class of that name, if it says so.
MISSING_WORDS = frozenset({"nan", "null", "none", "nil", "na", "n/a", "<na>", "nat", "undefined", "missing"})

_LATIN = re.compile("[a-z]")
# Cyrillic, and the Greek omicron; other Greek letters are names of their own ("type α").
_LOOK_ALIKES = str.maketrans("аеорсухіјѕһο", "aeopcyxijsho")
# Characters that are not seen but are no format characters (Cf) either: fillers, joiners and variation selectors.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_BLANKS = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_ERROR_CELL = re.compile(r"#(?:[A-ZÀ-ÖØ-Þ/0_]+[!?]?)|(?:Err|Fehler|Erreur):\d+")  # of Excel, LibreOffice and Sheets
_MARKS = ",;|\t\n\r\u2028\u2029，；、،｜"
_NOT_IN_BRACKETS = r"(?![^()]*\))"  # "weather (fog, rain)" is one name
_LIST_MARKS = re.compile(f"[{_MARKS}]{_NOT_IN_BRACKETS}")
_CLOSE_LIST_MARKS = re.compile(f"(?:[{_MARKS.replace(',', '')}]|,(?! )){_NOT_IN_BRACKETS}")
_JOINING_MARKS = re.compile(rf"[+/&\\＋／＆]{_NOT_IN_BRACKETS}")
_JOINING_WORDS = re.compile(
    r"\s+(?:and|or|with|und|oder|mit|et|ou|avec|y|o|con|e|en|of|och|eller|og)\s+", re.IGNORECASE
)
_DECIMAL = re.compile(r"\d+,\d+")
_YEAR = re.compile(r"[12]\d{3}")  # "Panthera onca Linnaeus, 1758" names one species


def clean_class_name(text: str) -> str:
    """Return a name without invisible differences: format characters (Unicode Cf), blanks at its ends, double blanks.

    Accents are composed (NFC), and every kind of blank becomes a space. Line breaks inside stay, because they separate
    two names.
    """
    seen = "".join(letter for letter in _UNSEEN.sub("", text) if category(letter) != "Cf")
    return _BLANKS.sub(" ", normalize("NFC", seen)).strip()


def class_name_key(name: str) -> str:
    """Return a key that is equal for all spellings of a name: case, width, `_`, `-`, blanks and a last full stop vary.

    In a name with Latin letters, Cyrillic letters and ο count as the Latin letters that they look like.
    """
    plain = normalize("NFKC", clean_class_name(name)).casefold()
    if not plain.isascii() and _LATIN.search(plain):
        plain = plain.translate(_LOOK_ALIKES)
    return re.sub(r"[\s_-]+", " ", plain).strip(" .") or plain


def explain_unusable_name(name: str) -> str | None:
    """Return why a cleaned name can never be a class, as the end of a sentence that begins with the name; or None."""
    if not name:
        return "is empty"
    if len(name) > MAX_LENGTH:
        return f"has {len(name)} characters; a class name has at most {MAX_LENGTH}"
    if name.startswith("=") or _ERROR_CELL.fullmatch(name):
        return "is the error of a spreadsheet formula, and no class name"
    if (name[0] + name[-1]) in ("[]", "{}", '""', "''") or name.startswith(("[", "{")):
        return "is JSON, and no class name: write the name alone"
    if "\ufffd" in name or any(category(letter) in ("Cc", "Cs") and letter not in "\t\n\r" for letter in name):
        return "has characters that cannot be read, so it cannot be a class name: save the file as CSV UTF-8"
    if not any(map(str.isalnum, name)):
        return "cannot be a class name: it has neither a letter nor a digit"
    if (bare := name.strip(_MARKS + "/&\\ ")) != name:
        return f"begins or ends with a punctuation mark, and cannot be a class name: write {bare!r}"
    return None


def split_if_several_names(name: str, known: Collection[str], is_typed: bool = True) -> tuple[str, ...]:
    """Return the names in a cleaned name such as "fox, hare" or "fox + red deer"; () if it is one name.

    `known` has the `class_name_key` of every class. Names that are joined by words ("fox and hare") are a list only if
    each of them is known, because "black and white colobus" is one name. In a text that somebody typed, marks always
    separate names. In a declared name (a folder, a category of another program), they do so only beside a known name.
    """
    if _DECIMAL.fullmatch(name):
        return ()
    if name.startswith("(") and name.endswith(")"):
        name = name[1:-1]
    for marks in (_LIST_MARKS, _JOINING_MARKS, _JOINING_WORDS):
        names = tuple(dict.fromkeys(part for each in marks.split(name) if (part := clean_class_name(each))))
        parts = [part for part in names if not _YEAR.fullmatch(part)] if marks is _LIST_MARKS else list(names)
        if len(parts) < 2:
            continue
        are_known = [class_name_key(part) in known for part in parts]
        if all(are_known) or (marks is not _JOINING_WORDS and (is_typed or any(are_known))):
            return names
    return ()


def looks_like_list(name: str) -> bool:
    """Return whether a cleaned name seems to list several names: "fox;hare" and "fox,hare" do, "deer, mule" does not.

    A comma before a space may be part of a name.
    """
    return _CLOSE_LIST_MARKS.search(name) is not None and len(split_if_several_names(name, ())) > 1


def explain_suspect_name(
    name: str, declared: Collection[str], others: Collection[str] = (), is_typed: bool = True
) -> str | None:
    """Return why a cleaned name is no class, as the end of a sentence that begins with the name; or None.

    `declared` has the `class_name_key` of the classes that people have declared, which may be called "none" or
    "bird/bat". `others` has the keys of other names that occur. `is_typed` is as in `split_if_several_names`.
    """
    if reason := explain_unusable_name(name):
        return reason
    if class_name_key(name) in declared:
        return None
    remedy = "if it is a class, add it to the setting classes"
    if name.casefold() in MISSING_WORDS:
        return f"is a word that programs write for unknown values; {remedy}"
    if names := split_if_several_names(name, {*declared, *others}, is_typed):
        several = f"gives several classes ({', '.join(map(repr, names))}), but an image has one"
        return several if _LIST_MARKS.search(name) else f"{several}; {remedy}"
    return None


def commonest_spellings(names: Iterable[str] | Mapping[str, int]) -> dict[str, str]:
    """Return for each `class_name_key` the spelling that occurs most often, or the first of equally frequent ones.

    `names` are cleaned names, or a mapping from name to its frequency.
    """
    spellings: dict[str, str] = {}
    for spelling, _ in Counter(names).most_common():
        spellings.setdefault(class_name_key(spelling), spelling)
    return spellings


def clean_declared_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that the settings declare, cleaned. Raises ValueError with the fault and a remedy."""
    cleaned = tuple(map(clean_class_name, names))
    taken: dict[str, str] = {}
    for name in cleaned:
        if reason := explain_unusable_name(name):
            raise ValueError(f"names of classes, but {name[:MAX_LENGTH]!r} {reason}")
        if class_name_key(name) in (UNSURE, "?"):
            raise ValueError(
                f"names of classes, but '{name}' is the word for images that nobody can identify; remove it"
            )
        if _LIST_MARKS.search(name) and len(parts := split_if_several_names(name, ())) > 1:
            raise ValueError(f"names of classes, but {name!r} lists several: write {','.join(parts)}")
        if (key := class_name_key(name)) in taken:
            raise ValueError(f"different names, but '{taken[key]}' and '{name}' are the same class: remove one of them")
        taken[key] = name
    return cleaned
