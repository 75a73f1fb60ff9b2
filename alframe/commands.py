"""Write commands that people can copy into a terminal, quoted for bash, PowerShell and cmd."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9_./:=+-]+")
# Between double quotes PowerShell reads these signs; it takes the typographic quotes for plain ones.
_READ_BY_POWERSHELL = "$`\u201c\u201d\u201e"


def quote_argument(argument: str) -> str:
    """Quote an argument: in double quotes if these work in every shell, else as the shells of this system need.

    On Windows, a name that begins with ``$`` is written for PowerShell, with a backtick. cmd keeps the backtick, and
    `drop_backticks` removes it. A backslash at the end would escape the closing quote, so it becomes a slash. Two cases
    cannot be written for all shells of Windows: the name of a variable between percent signs, which cmd replaces by its
    value, and a double quote, which PowerShell 5.1 loses. (No file name on Windows has a double quote).
    """
    if _PLAIN.fullmatch(argument):
        return argument
    if sys.platform == "win32":
        whole = argument.rstrip("\\")
        escaped = re.sub(f"[{_READ_BY_POWERSHELL}]", r"`\g<0>", whole.replace('"', '""'))
        return f'"{escaped}{"/" if whole != argument else ""}"'
    return shlex.quote(argument) if re.search(r'[$`"\\!]', argument) else f'"{argument}"'


def mapping_argument(setting: str, key: str, value: str) -> str:
    """Return the argument that sets a mapping with this key, quoted."""
    quoted = "'" + key.replace("'", "''") + "'"
    name = key if re.fullmatch(r"\w[\w ().-]*", key) else quoted
    return quote_argument(f"{setting}={{{name}: {value}}}")


def drop_backticks(argument: str) -> str:
    """Return the argument without the backticks of `quote_argument`, which cmd does not remove."""
    return re.sub(f"`([{_READ_BY_POWERSHELL}])", r"\1", argument) if sys.platform == "win32" else argument


def command_line(*arguments: str) -> str:
    """Return an alframe command that can be copied into a terminal."""
    return " ".join(["python -m alframe", *map(quote_argument, arguments)])


def project_command(folder: Path, *settings: str, verb: str | None = None) -> str:
    """Return the command that runs the task `verb` on the project in `folder`, or that continues the project."""
    return command_line(*([verb] if verb else []), f"project={short_path(folder)}", *settings)


def short_path(path: Path) -> str:
    """Return the path relative to the working directory if it is below, else the unchanged path."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
