"""Commands for people to copy into a terminal: quoted so that bash, PowerShell and cmd all read them as meant."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9_./:=+-]+")
_PLAIN_ON_WINDOWS = re.compile(r"[A-Za-z0-9_./:=+\\-]+")


def quote_argument(argument: str) -> str:
    """Quote an argument: in double quotes where that does for every shell, else as this system's shells need it.

    Between double quotes bash and PowerShell replace names that begin with ``$``, which cmd does not know how to
    prevent. On Windows it is written as PowerShell wants it, with a backtick, and `drop_backticks` takes that away.
    """
    if sys.platform == "win32":
        if _PLAIN_ON_WINDOWS.fullmatch(argument):
            return argument
        end = "\\" if argument.endswith("\\") else ""  # else it would be the closing quote's
        return f'"{re.sub("[$`]", lambda sign: f"`{sign[0]}", argument)}{end}"'
    if _PLAIN.fullmatch(argument):
        return argument
    return shlex.quote(argument) if re.search(r'[$`"\\!]', argument) else f'"{argument}"'


def mapping_argument(setting: str, key: str, value: str) -> str:
    """Return the argument that sets a mapping with this key, quoted."""
    quoted = "'" + key.replace("'", "''") + "'"
    name = key if re.fullmatch(r"\w[\w ().-]*", key) else quoted
    return quote_argument(f"{setting}={{{name}: {value}}}")


def drop_backticks(argument: str) -> str:
    """Return the argument without the backticks of `quote_argument`, which cmd leaves where they are."""
    return re.sub("`([$`])", r"\1", argument) if sys.platform == "win32" else argument


def command_line(*arguments: str) -> str:
    """Return an alframe command that can be copied into a terminal."""
    return " ".join(["python -m alframe", *map(quote_argument, arguments)])


def project_command(folder: Path, *settings: str, verb: str | None = None) -> str:
    """Return the command that does what `verb` says with the project in `folder`, or goes on with it."""
    return command_line(*([verb] if verb else []), f"project={short_path(folder)}", *settings)


def short_path(path: Path) -> str:
    """Return the path from the working directory, if it lies below, or else as it is."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
