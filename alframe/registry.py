"""Find parts by name. Built-in parts and entry points are in one table, and are imported when they are first used."""

from __future__ import annotations

import difflib
import inspect
import logging
import os
import re
import reprlib
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import Any

from alframe.errors import AlframeError, BadParams, BrokenPlugin, DuplicateComponent, UnknownComponent

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RegisteredPart:
    """The origin of a part: its name, "module:attribute", and the distribution that owns it."""

    name: str
    target: str
    owner: str
    version: str

    def load(self) -> Callable[..., Any]:
        """Import the part and return its class or factory. Any failure raises BrokenPlugin with the owner."""
        module, _, attribute = self.target.partition(":")
        with self._with_plugin_contained():
            try:
                factory: Callable[..., Any] = getattr(import_module(module), attribute)
            except (Exception, SystemExit) as error:
                raise BrokenPlugin(
                    f"'{self.name}' from {self.owner} {self.version} ({self.target}) cannot be imported: "
                    f"{type(error).__name__}: {error}. Update or uninstall {self.owner}; everything else still works."
                ) from error
        if not callable(factory):
            raise BrokenPlugin(
                f"'{self.name}' from {self.owner} {self.version} ({self.target}) is {reprlib.repr(factory)}, and not a "
                f"class or a function that builds a part. Update or uninstall {self.owner}."
            )
        return factory

    @contextmanager
    def _with_plugin_contained(self) -> Iterator[None]:
        """Undo a plugin's change of the working directory, and name the owner in its warnings."""
        if self.owner == "alframe":
            yield
            return
        folder = Path.cwd()
        with warnings.catch_warnings(record=True) as caught:
            try:
                yield
            finally:
                if Path.cwd() != folder:
                    os.chdir(folder)
                    log.warning("%s %s changed the working directory; it is changed back.", self.owner, self.version)
        for text in dict.fromkeys(str(warning.message) for warning in caught):
            log.warning("%s %s warns: %s", self.owner, self.version, text)

    def declares(self, flag: str) -> bool:
        """Return whether the part's class has a true attribute `flag`, such as `read_only`. The part is not built."""
        return bool(getattr(self.load(), flag, False))


@dataclass
class Registry:
    """All parts of one kind.

    `group`: the entry-point group that other distributions use. `builtins`: name -> "module:attribute".
    `renamed`: old name -> new name; `renamed_parameters`: new name of a part -> {old parameter: new parameter}.
    `moved`: name of a former built-in part -> the distribution that contains it now.
    """

    kind: str
    group: str
    builtins: Mapping[str, str]
    version: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    renamed_parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    moved: Mapping[str, str] = field(default_factory=dict)

    def parts(self) -> dict[str, list[RegisteredPart]]:
        """Return every name with all parts that have this name, without importing them."""
        table = {
            name: [RegisteredPart(name, target, "alframe", self.version)] for name, target in self.builtins.items()
        }
        for point in _entry_points(self.group, tuple(sys.path)):
            owner, version = (point.dist.name, point.dist.version) if point.dist else ("?", "?")
            table.setdefault(point.name, []).append(RegisteredPart(point.name, point.value, owner, version))
        return table

    def get(self, name: str) -> RegisteredPart:
        """Return the part with this name. If two distributions have a part of this name, use ``dist:name``.

        A built-in part keeps its name. If a plugin registers the same name, its part is only ``dist:name``. An old name
        of a built-in part returns the part, with a warning. Raises UnknownComponent (with suggestions) or
        DuplicateComponent (with both owners).
        """
        owner, _, bare = self.current_name(name).rpartition(":")
        table = self.parts()
        if bare not in table:  # it may have been installed a moment ago, from a notebook
            _entry_points.cache_clear()
            table = self.parts()
        matches = [part for part in table.get(bare, []) if owner in ("", part.owner)]
        if not matches:
            raise UnknownComponent(unknown_name_message(self.kind, bare, sorted(table), self.moved))
        if len(matches) > 1 and not owner and matches[0].owner == "alframe":
            return matches[0]  # a plugin adds to what there is and takes nothing away
        if len(matches) > 1:
            owners = " and ".join(part.owner for part in matches)
            raise DuplicateComponent(
                f"The {self.kind} '{bare}' is registered by {owners}. "
                f"Say which: {self.kind}.name={matches[-1].owner}:{bare}, or uninstall one."
            )
        return matches[0]

    def describe(self, recipe: Mapping[str, Any]) -> str:
        """Return the name of the part of `recipe` for messages: "head 'tabpfn' (alframe-tabpfn 0.2)"."""
        name = str(recipe.get("name"))
        try:
            part = self.get(name)
        except AlframeError:  # not installed any more, or built without the registry
            return f"{self.kind} '{name}'"
        return f"{self.kind} '{part.name}' ({part.owner} {part.version})"

    def describe_built(self, part: object) -> str:
        """Return the name of a built part for messages, found by the module of its class, or else its class."""
        kind = type(part)
        target, package = f"{kind.__module__}:{kind.__qualname__}", kind.__module__.partition(".")[0]
        known = [entry for entries in self.parts().values() for entry in entries]
        exact = [entry for entry in known if entry.target == target]
        near = [entry for entry in known if package != "alframe" and re.split("[.:]", entry.target)[0] == package]
        for entry in exact or near[: len(near) == 1]:
            return f"{self.kind} '{entry.name}' ({entry.owner} {entry.version})"
        return f"{self.kind} {kind.__qualname__}"

    def build(self, recipe: Mapping[str, Any]) -> Any:
        """Build the part that `recipe["name"]` names; the other keys are its parameters.

        Raises BadParams with the wrong parameter and the accepted parameters, and the errors of `get` and of the part's
        constructor.
        """
        params = dict(self.current_recipe(recipe))
        part = self.get(str(params.pop("name", None)))
        factory = part.load()
        signature = inspect.signature(factory)
        try:
            signature.bind(**params)
        except TypeError as error:
            accepted = list(signature.parameters)
            unknown = [name for name in params if name not in accepted]
            hint = "".join(did_you_mean(name, accepted) for name in unknown)
            what = f"has no parameter '{unknown[0]}'.{hint}" if unknown else f"{error}."
            listing = ", ".join(_parameter_text(each, params) for each in signature.parameters.values()) or "none"
            raise BadParams(f"{self.kind} '{part.name}' {what} Accepted: {listing}.") from None
        try:
            with part._with_plugin_contained():
                return factory(**params)
        except AlframeError:
            raise
        except (TypeError, ValueError) as error:
            for name, value in params.items():
                if isinstance(value, str | list) and _is_number(signature.parameters[name]):
                    raise BadParams(f"{self.kind} '{part.name}': {name}={value}: must be a number.") from None
            given = ", ".join(f"{name}={value!r}" for name, value in params.items())
            raise BadParams(f"{self.kind} '{part.name}' cannot be built with {given}: {error}.") from error
        except (Exception, SystemExit) as error:
            raise BrokenPlugin(
                f"{self.describe(recipe)} cannot be built: {type(error).__name__}: {error}. "
                "Report it to its maintainer."
            ) from error

    def current_name(self, name: str) -> str:
        """Return the present name of a renamed part, with a warning. Other names are returned unchanged."""
        owner, colon, bare = name.rpartition(":")
        if bare not in self.renamed or owner not in ("", "alframe") or (not owner and bare in self.parts()):
            return name
        new = f"{owner}{colon}{self.renamed[bare]}"
        _warn_renamed(f"{self.kind}={name}", f"{self.kind}={new}")
        return new

    def current_recipe(self, recipe: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a recipe, perhaps of an older version, with the present names of the part and its parameters."""
        if "name" not in recipe:
            return recipe
        name = self.current_name(str(recipe["name"]))
        renamed = self.renamed_parameters.get(name.rpartition(":")[2], {})
        for old in renamed.keys() & recipe.keys():
            _warn_renamed(f"{self.kind}.{old}", f"{self.kind}.{renamed[old]}")
        return {renamed.get(key, key): value for key, value in recipe.items()} | {"name": name}


@lru_cache
def _entry_points(group: str, path: tuple[str, ...]) -> EntryPoints:
    # Reading the metadata of every installed package takes as long as fitting a head, and a round asks several times.
    return entry_points(group=group)


@cache
def _warn_renamed(old: str, new: str) -> None:
    # Once in a process: a round builds its parts several times.
    log.warning("%s has been renamed: use %s from now on. The old name still works.", old, new)


def _is_number(parameter: inspect.Parameter) -> bool:
    """Return whether a parameter of a part accepts only a number (and None), by its default or its annotation."""
    types = {name.strip() for name in str(parameter.annotation).split("|")}
    return isinstance(parameter.default, int | float) or (types != {"None"} and types <= {"int", "float", "None"})


def _parameter_text(parameter: inspect.Parameter, given: Mapping[str, Any]) -> str:
    """Return the text of a parameter: its default, or else the given value, for example from a YAML file."""
    default = given.get(parameter.name, parameter.default)
    value = default if parameter.default is inspect.Parameter.empty else parameter.default
    return f"{parameter.name} (required)" if value is inspect.Parameter.empty else f"{parameter.name}={value!r}"


def did_you_mean(word: str, known: list[str]) -> str:
    """Return " Did you mean 'X'?" if `word` is nearly the name X of `known`, else nothing."""
    by_lower_case = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), by_lower_case, n=1, cutoff=0.6)
    return f" Did you mean '{by_lower_case[close[0]]}'?" if close else ""


def unknown_name_message(kind: str, name: str, known: list[str], moved: Mapping[str, str] = {}) -> str:
    """Return the message for a name that does not exist, with the nearest of the `known` names and all of them.

    `moved` has names that an earlier version contained, with the distribution that now contains them.
    """
    if name in moved:
        return (
            f"The {kind} '{name}' is in a package of its own now. Install it, and run the same command again: "
            f"pip install {moved[name]}"
        )
    return f"There is no {kind} '{name}'.{did_you_mean(name, known)} Known: {', '.join(known)}."
