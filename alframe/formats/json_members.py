"""Read large JSON files one element at a time, which needs a tenth of the memory of all elements together."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Iterator
from json.decoder import JSONDecodeError
from pathlib import Path
from typing import Any

from alframe.errors import FormatError

log = logging.getLogger(__name__)
_WHOLE_NUMBER = re.compile(r"-?[0-9]+\.0+")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_SPACE = re.compile(r"[ \t\n\r]*")


def read_json_members(file: Path, lists: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Yield (name, value) for each member of the JSON object in `file`, and for each element of those in `lists`.

    If the file is a list, its elements have the name "". Only the text of the file is in memory as a whole. Raises
    FormatError with the line if the file is not JSON, or if it cannot be read.
    """
    reader = _JsonReader(file)
    if reader.peek() == "[":
        yield from (("", reader.read_value()) for _ in reader.before_values("]"))
    elif reader.peek() == "{":
        for _ in reader.before_values("}"):
            name = reader.read_name()
            if name in lists and reader.peek() == "[":
                yield from ((name, reader.read_value()) for _ in reader.before_values("]"))
            else:
                yield name, reader.read_value()
    else:
        raise reader.error("it is neither an object nor a list")
    if reader.peek():
        raise reader.error("something follows its end")


def id_text(value: object) -> str:
    """Return an id as text. Tables may write a whole number as 7 or 7.0; both give the same text."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).encode("utf-8", "replace").decode().strip()  # without lone surrogates, which no database can hold
    return text.partition(".")[0] if _WHOLE_NUMBER.fullmatch(text) else text


def _decode(file: Path, data: bytes, encoding: str) -> str:
    """Return the text. If it is not UTF-8, single bytes are damaged, or it has the encoding of a spreadsheet."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
        damaged = text.count("\ufffd")
        if damaged > len(_NOT_ASCII.findall(text)) - damaged:
            text = data.decode("cp1252")
            log.warning("%s is not UTF-8, and is read as cp1252. If names look wrong, save it as UTF-8.", file)
        else:
            line = text.count("\n", 0, text.index("\ufffd")) + 1
            text_of_log = (
                "%s: %d characters are damaged, the first in line %d. The names and paths with them match nothing."
            )
            log.warning(text_of_log, file, damaged, line)
        return text


class _JsonReader:
    """The text of a JSON file, and the `position` up to which it has been read."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.position = 0
        self.decode = json.JSONDecoder().raw_decode
        try:
            data = file.read_bytes()
            # What PowerShell wrote from a program's output is UTF-16.
            self.text = _decode(file, data, json.detect_encoding(data))
        except FileNotFoundError:
            raise FormatError(f"{file} does not exist. Correct the path.") from None
        except OSError as error:
            raise FormatError(f"{file} cannot be read: {error.strerror}. Choose a readable JSON file.") from error
        except (UnicodeError, ValueError) as error:
            raise FormatError(
                f"{file} is not UTF-8 text ({error}). Choose the JSON file, or save it as UTF-8."
            ) from error

    def peek(self) -> str:
        """Skip spaces and return the next character, or "" at the end."""
        self.position = _SPACE.match(self.text, self.position).end()  # type: ignore[union-attr]  # it matches everywhere
        return self.text[self.position : self.position + 1]

    def read_value(self) -> Any:
        self.peek()
        try:
            value, self.position = self.decode(self.text, self.position)
        except JSONDecodeError as error:
            self.position = error.pos
            raise self.error(error.msg) from None
        except (ValueError, RecursionError) as error:  # an endless number, or brackets without end
            raise self.error(str(error)) from None
        return value

    def read_name(self) -> str:
        """Read a member's name and the colon after it."""
        name = self.read_value()
        if not isinstance(name, str) or self.peek() != ":":
            raise self.error("expected a name and a colon")
        self.position += 1
        return name

    def before_values(self, end: str) -> Iterator[None]:
        """Yield before each value of the list or object that opens here, then step over its `end`."""
        self.position += 1
        if self.peek() != end:
            yield
            while self.peek() == ",":
                self.position += 1
                yield
            if self.peek() != end:
                raise self.error(f"expected a comma or '{end}'")
        self.position += 1

    def error(self, reason: str) -> FormatError:
        line = self.text.count("\n", 0, self.position) + 1
        return FormatError(f"{self.file}, line {line}: not valid JSON ({reason}). Is the file complete?")
