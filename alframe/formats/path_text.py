"""Normalise paths of any program and system, many at once."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from unicodedata import normalize

ABSOLUTE_PATH = re.compile(r"\s*([A-Za-z]:)?[/\\]")

_SEP = "\0"  # no path contains it
_UNC = "\1"  # stands for the two slashes before a server, while other double slashes are made one
_BLANKS = (" ", "\t", "\r", "\n", "\xa0")
_BLANKS_AROUND = re.compile(rf"(?<!\s)\s*{_SEP}\s*")  # the look-behind keeps long runs of blanks cheap


def normalise_path(path: str) -> str:
    """Return a path's form for comparing: forward slashes, composed accents, no spaces at the ends, no dot folders."""
    return normalise_paths([path])[0]


def caseless_path(path: str) -> str:
    """Return the form of the path for comparisons that ignore upper and lower case."""
    return normalise_path(path).casefold()


def normalise_paths(paths: Sequence[str]) -> list[str]:
    """Normalise each path as `normalise_path` does, in the time of a few passes over the text of all paths."""
    if not paths:
        return []
    text = _SEP + _SEP.join(paths) + _SEP
    if text.count(_SEP) != len(paths) + 1 or _UNC in text:
        return normalise_paths([path.replace(_SEP, "\ufffd").replace(_UNC, "\ufffd") for path in paths])
    text = normalize("NFC", text).replace("\\", "/")
    if any(blank + _SEP in text or _SEP + blank in text for blank in _BLANKS):
        text = _BLANKS_AROUND.sub(_SEP, text)
    if _SEP + "file:/" in text:
        text = re.sub(_SEP + "file:/+(?=[A-Za-z]:/)", _SEP, text)
        text = re.sub(_SEP + "file:/+", _SEP + "/", text)
    if _SEP + "//?/" in text:
        text = re.sub(_SEP + r"//\?/UNC/", _SEP + _UNC, text, flags=re.IGNORECASE)
        text = text.replace(_SEP + "//?/", _SEP)
    text = text.replace(_SEP + "//", _SEP + _UNC)
    text = _replace_all(text, "/./", "/")
    text = _replace_all(text, _SEP + "./", _SEP)
    text = _replace_all(text, "//", "/").replace(_UNC, "//")
    normalised = text[1:-1].split(_SEP)
    if ".." in text:
        normalised = [_resolve_parents(path) if ".." in path else path for path in normalised]
    return normalised


def casefold_paths(paths: Sequence[str]) -> list[str]:
    return _SEP.join(paths).casefold().split(_SEP) if paths else []


def is_absolute(path: str) -> bool:
    """Return whether a path begins with a slash, a drive letter or a server, on any system."""
    return ABSOLUTE_PATH.match(path) is not None


def is_drive_relative(path: str) -> bool:
    """Return whether a path such as D:a.jpg is relative to the current folder of a drive, which is unknown."""
    return re.match(r"\s*[A-Za-z]:[^/\\]", path) is not None


def without_long_prefix(path: str) -> str:
    r"""Return a path with forward slashes and without the prefix \\?\ for long paths on Windows."""
    slashed = path.replace("\\", "/")
    return re.sub(r"^//\?/(UNC/)?", lambda prefix: "//" if prefix[1] else "", slashed, flags=re.IGNORECASE)


def anchor_of(path: str) -> str:
    """Return the start of a normalised path: "" if it is relative, else "/", a drive ("d:") or a share."""
    if path.startswith("//"):
        return "/".join(path.split("/")[:4])
    if path.startswith("/"):
        return "/"
    return path[:2] if path[1:3] == ":/" else ""


def quote_first(names: Sequence[str], most: int = 3) -> str:
    """Return the first names in quotes, for a message."""
    return ", ".join(f"'{name}'" for name in names[:most]) + (", ..." if len(names) > most else "")


def _replace_all(text: str, old: str, new: str) -> str:
    while old in text:
        text = text.replace(old, new)
    return text


def _resolve_parents(path: str) -> str:
    slashes = "/" if path.startswith("//") else ""  # normpath keeps two, but not on every system
    return slashes + posixpath.normpath(path[len(slashes) :]) if "/../" in f"/{path}/" else path
