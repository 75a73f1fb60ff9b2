"""Large JSON files, one element at a time: ten times less memory than all of it as Python objects."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from json.decoder import JSONDecodeError
from pathlib import Path
from typing import Any

from alframe.errors import FormatError

_SPACE = re.compile(r"[ \t\n\r]*")


def read_json_members(file: Path, lists: Collection[str]) -> Iterator[tuple[str, Any]]:
    """(name, value) of the file's object in order; the members named in `lists` come element by element.

    A file that is itself a list has its elements under the name "". Only the text is held whole. Raises FormatError
    with the line where the file is no JSON, or cannot be had.
    """
    text = _JsonReader(file)
    if text.next() == "[":
        yield from (("", text.value()) for _ in text.places("]"))
    elif text.next() == "{":
        for _ in text.places("}"):
            name = text.name()
            if name in lists and text.next() == "[":
                yield from ((name, text.value()) for _ in text.places("]"))
            else:
                yield name, text.value()
    else:
        raise text.wrong("it is neither an object nor a list")
    if text.next():
        raise text.wrong("something follows its end")


class _JsonReader:
    """The text of a file, and how far it has been read."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.at = 0
        self.decode = json.JSONDecoder().raw_decode
        try:
            data = file.read_bytes()
            # What PowerShell wrote from a program's output is UTF-16.
            self.text = data.decode(json.detect_encoding(data))
        except FileNotFoundError:
            raise FormatError(f"{file} does not exist. Correct the path.") from None
        except OSError as error:
            raise FormatError(f"{file} cannot be read: {error.strerror}. Choose a readable JSON file.") from error
        except (UnicodeError, ValueError) as error:
            raise FormatError(f"{file} is no text ({error}). Choose the JSON file.") from error

    def next(self) -> str:
        """The next character that is no space, or "" at the end."""
        self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches everywhere
        return self.text[self.at : self.at + 1]

    def value(self) -> Any:
        self.next()
        try:
            value, self.at = self.decode(self.text, self.at)
        except JSONDecodeError as error:
            self.at = error.pos
            raise self.wrong(error.msg) from None
        except (ValueError, RecursionError) as error:  # an endless number, or brackets without end
            raise self.wrong(str(error)) from None
        return value

    def name(self) -> str:
        name = self.value()
        if not isinstance(name, str) or self.next() != ":":
            raise self.wrong("expected a name and a colon")
        self.at += 1
        return name

    def places(self, end: str) -> Iterator[None]:
        """Stop before each value of the list or object that opens here, then step over its `end`."""
        self.at += 1
        if self.next() != end:
            yield
            while self.next() == ",":
                self.at += 1
                yield
            if self.next() != end:
                raise self.wrong(f"expected a comma or '{end}'")
        self.at += 1

    def wrong(self, why: str) -> FormatError:
        line = self.text.count("\n", 0, self.at) + 1
        return FormatError(f"{self.file}, line {line}: this is no JSON ({why}). Was it written to its end?")
