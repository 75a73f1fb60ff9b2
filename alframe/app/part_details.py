"""The output of `alframe plugins NAME` and `alframe COMMAND --help`: the owner, source and parameters of a part."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from alframe.app.parts import GROUPS, ChosenParts
from alframe.builtins import KINDS, REGISTRIES
from alframe.errors import UnknownComponent
from alframe.registry import RegisteredPart, unknown_name_message

COMMENT = re.compile(r"^(?P<name>\w+):.*?\s#\s(?P<text>.*(?:\n\s+#\s.*)*)$", re.MULTILINE)
SUMMARY = re.compile(r"# (?P<text>[^@].*)")  # on the first line of a ready-made choice
COMMENT_CONTINUATION = re.compile(r"\n\s+#\s")
REFERENCE = re.compile(r"\$\{(\w+)\}")


def describe_parts_named(name: str) -> str:
    """Return a description of each part or ready-made choice of this name, of any kind or of that in ``kind=name``.

    Raises UnknownComponent with the nearest name, BadParams for a YAML file that cannot be read, and BrokenPlugin.
    """
    kind, _, bare = name.rpartition("=")
    groups = [kind] if kind in GROUPS else GROUPS
    chosen = ChosenParts({})
    names = {
        group: {*chosen.files_by_name(group), *(REGISTRIES[group].parts() if group in REGISTRIES else ())}
        for group in groups
    }
    found = [describe_part(group, bare, chosen) for group in groups if bare in names[group]]
    if not found:
        raise UnknownComponent(unknown_name_message(kind or "part", bare, sorted(set().union(*names.values()))))
    return "\n\n".join(found)


def describe_part(kind: str, name: str, parts: ChosenParts) -> str:
    """Return a description of a part: its origin, its documentation, and its parameters with their values."""
    file = parts.files_by_name(kind).get(name)
    recipe = parts.inherited_recipe(kind, name) if file else {"name": name}
    lines = [f"{kind}={name}"]
    if kind not in KINDS:
        return "\n".join([*lines, f"  {file}", "", *_indented(file.read_text(encoding="utf-8") if file else "")])
    part = REGISTRIES[kind].get(str(recipe.get("name", name)))
    factory = part.load()
    lines.append(f"  {part.owner} {part.version}, {_source_line(factory, part)}")
    if file is None:
        lines.append(f"  There is no conf/{kind}/{name}.yaml, so it cannot be chosen as {kind}={name}.")
    elif part.name != name:
        lines.append(f"  {file} is the {kind} '{part.name}' with other defaults.")
        summary = SUMMARY.match(file.read_text(encoding="utf-8"))
        lines += ["", f"  {summary['text']}"] if summary else []
    lines += ["", *_indented(inspect.getdoc(factory) or "It has no documentation.")]
    parameters = list(_parameter_lines(factory, recipe, file, parts.files_by_name(kind).get(part.name)))
    lines += ["", *(["Parameters:", *parameters] if parameters else ["It has no parameters."])]
    settings = dict.fromkeys(REFERENCE.findall("\n".join(parameters)))
    lines += (f"${{{setting}}} is the value of the setting `{setting}`." for setting in settings)
    return "\n".join(lines)


def _source_line(factory: Callable[..., Any], part: RegisteredPart) -> str:
    try:
        return f"{inspect.getsourcefile(factory)}, line {inspect.getsourcelines(factory)[1]}"
    except (OSError, TypeError):  # compiled, or made by a call
        return part.target


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}".rstrip() for line in text.strip().splitlines())


def _parameter_lines(factory: Callable[..., Any], recipe: dict[str, Any], *files: Path | None) -> Iterator[str]:
    """Yield a line for each parameter, with its value and the comment from the first YAML file that has a comment."""
    comments: dict[str, str] = {}
    for file in files:
        found = COMMENT.finditer(file.read_text(encoding="utf-8")) if file else ()
        comments = {match["name"]: COMMENT_CONTINUATION.sub(" ", match["text"]) for match in found} | comments
    values = {}
    for parameter in inspect.signature(factory).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = "(required)" if parameter.default is parameter.empty else parameter.default
        value = recipe.get(parameter.name, default)
        values[parameter.name] = "(required)" if value == "???" else value
    settings = {name: f"  {name}={_value_text(value)}" for name, value in values.items()}
    width = min(max(map(len, settings.values()), default=0), 42) + 2
    for name, setting in settings.items():
        lines = textwrap.wrap(comments.get(name, ""), 120 - width, break_on_hyphens=False)
        first = f"{setting:{width}}" if len(setting) < width else f"{setting}\n{'':{width}}"
        yield (first + f"\n{'':{width}}".join(lines)).rstrip()


def _value_text(value: object) -> str:
    """Return a value as it is written on the command line."""
    words = {None: "null", True: "true", False: "false", "": '""'}
    return words[value] if value is None or value == "" or isinstance(value, bool) else str(value)
