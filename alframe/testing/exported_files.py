"""What an exporter has written: which files, the names in them, and whether two exports say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_WORD = re.compile(r"\w+|\W")


def files_below(*paths: Path) -> set[Path]:
    """Return the files among `paths`, and those in the folders among them."""
    return {file for path in paths for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()}


def read_files(folder: Path) -> dict[str, bytes]:
    """Return what each file below `folder` holds, by its path in it."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(files_below(folder))}


def is_same_export(first: Mapping[str, bytes], other: Mapping[str, bytes], again: Mapping[str, bytes]) -> bool | None:
    """Return whether the files of `other` say what those of `first` say; None if this cannot be told.

    `again` is a second export of the same as `first`. Words in which these two differ, such as the time of the export,
    do not count.
    """
    if first.keys() != other.keys():
        return None if first.keys() != again.keys() else False
    answers = [_is_same_content(first[name], other[name], again.get(name, b"")) for name in first]
    return False if False in answers else None if None in answers else True


def _is_same_content(first: bytes, other: bytes, again: bytes) -> bool | None:
    if first == again:
        return first == other
    try:
        words, other_words, words_again = (_WORD.findall(content.decode()) for content in (first, other, again))
    except UnicodeDecodeError:  # what stands beside the time of the export in a compressed file, nobody knows
        return None
    if len(words) != len(words_again):
        return None
    triples = zip(words, other_words, words_again, strict=False)
    return len(words) == len(other_words) and all(
        word == theirs for word, theirs, repeated in triples if word == repeated
    )


def files_with_invalid_json(paths: Sequence[Path]) -> list[str]:
    """Return the names of the JSON files among `paths` or below them that hold NaN or an infinite number."""
    found: list[str] = []
    for file in sorted(files_below(*paths)):
        if file.suffix.lower() in (".json", ".geojson"):
            with suppress(ValueError):  # rows of JSON, perhaps
                constants: list[str] = []
                json.loads(file.read_bytes(), parse_constant=constants.append)
                found += [file.name] if constants else []
    return found


def texts_in_files(paths: Sequence[Path]) -> list[str]:
    """Return the text of each file among `paths` or below them that is no binary file."""
    texts = []
    for file in sorted(files_below(*paths)):
        with suppress(UnicodeDecodeError):
            texts.append(file.read_text(encoding="utf-8"))
    return texts


def are_text_files(paths: Sequence[Path]) -> bool:
    """Return whether each file among `paths`, or below them, is text."""
    return len(texts_in_files(paths)) == len(files_below(*paths))


def count_lines_and_files_in_folders(text: str, paths: Sequence[Path]) -> int:
    """Count the lines of these files that hold `text`, and the files in a folder of that name; 0 for binary files."""
    lines = [line for content in texts_in_files(paths) for line in content.splitlines()]
    in_folders = sum(text in file.parent.parts for file in files_below(*paths))
    return in_folders + sum(text in line or json.dumps(text)[1:-1] in line for line in lines)


def count_mentions_in_files_and_paths(text: str, paths: Sequence[Path]) -> int:
    """Count how often `text` stands in these files, in upper or lower case, and in their paths; 0 in binary files."""
    spellings = {text.casefold(), json.dumps(text)[1:-1].casefold()}
    places = [*texts_in_files(paths), *("/".join(file.parts) for file in files_below(*paths))]
    return sum(place.casefold().count(spelling) for place in places for spelling in spellings)
