"""Parts by name: built-ins and entry points in one table, imported only when one is asked for."""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points
from typing import Any

from alframe.errors import BadParams, BrokenPlugin, DuplicateComponent, UnknownComponent


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a part comes from: its name, "module:attribute", and the distribution that owns it."""

    name: str
    target: str
    owner: str
    version: str

    def load(self) -> Callable[..., Any]:
        """Import the part; whatever goes wrong names the plugin and costs only its user."""
        module, _, attribute = self.target.partition(":")
        try:
            factory: Callable[..., Any] = getattr(import_module(module), attribute)
        except Exception as error:
            raise BrokenPlugin(
                f"'{self.name}' from {self.owner} {self.version} ({self.target}) cannot be imported: "
                f"{type(error).__name__}: {error}. Update or uninstall {self.owner}; everything else still works."
            ) from error
        return factory

    def declares(self, flag: str) -> bool:
        """Return whether the part's class has a true attribute `flag`, such as `read_only`; no part is built."""
        return bool(getattr(self.load(), flag, False))


class Registry:
    """All parts of one kind.

    `group` is the entry-point group that other distributions use. The built-ins enter through the same table.
    """

    def __init__(self, kind: str, group: str, builtins: Mapping[str, str], version: str) -> None:
        self.kind = kind
        self.group = group
        self._builtins = builtins
        self._version = version

    def entries(self) -> dict[str, list[Entry]]:
        """Every name with all that claim it; nothing is imported."""
        table: dict[str, list[Entry]] = {
            name: [Entry(name, target, "alframe", self._version)] for name, target in self._builtins.items()
        }
        for point in _installed(self.group, tuple(sys.path)):
            owner, version = (point.dist.name, point.dist.version) if point.dist else ("?", "?")
            table.setdefault(point.name, []).append(Entry(point.name, point.value, owner, version))
        return table

    def get(self, name: str) -> Entry:
        """The one entry with this name; ``dist:name`` settles a name that two distributions claim.

        Raises UnknownComponent (with suggestions) or DuplicateComponent (naming both owners).
        """
        owner, _, bare = name.rpartition(":")
        table = self.entries()
        if bare not in table:  # it may have been installed a moment ago, from a notebook
            _installed.cache_clear()
            table = self.entries()
        matches = [entry for entry in table.get(bare, []) if owner in ("", entry.owner)]
        if not matches:
            raise UnknownComponent(unknown(self.kind, name, sorted(table)))
        if len(matches) > 1:
            owners = " and ".join(entry.owner for entry in matches)
            raise DuplicateComponent(
                f"The {self.kind} '{bare}' is registered by {owners}. "
                f"Say which: {self.kind}.name={matches[-1].owner}:{bare}, or uninstall one."
            )
        return matches[0]

    def build(self, config: Mapping[str, Any]) -> Any:
        """The part that `config["name"]` names, made with the other keys as its parameters.

        Raises BadParams naming the parameter that does not fit and the ones that are accepted.
        """
        params = dict(config)
        entry = self.get(str(params.pop("name", None)))
        factory = entry.load()
        self._check(entry, factory, params)
        try:
            return factory(**params)
        except (TypeError, ValueError) as error:  # a word where a number is wanted, say
            given = ", ".join(f"{name}={value!r}" for name, value in params.items())
            raise BadParams(f"{self.kind} '{entry.name}' cannot be made with {given}: {error}.") from error

    def _check(self, entry: Entry, factory: Callable[..., Any], params: Mapping[str, Any]) -> None:
        signature = inspect.signature(factory)
        try:
            signature.bind(**params)
        except TypeError as error:
            accepted = list(signature.parameters)
            strange = [name for name in params if name not in accepted]
            hint = "".join(did_you_mean(name, accepted) for name in strange)
            what = f"has no parameter '{strange[0]}'.{hint}" if strange else f"{error}."
            listing = ", ".join(map(_shown, signature.parameters.values())) or "none"
            raise BadParams(f"{self.kind} '{entry.name}' {what} Accepted: {listing}.") from None


@lru_cache
def _installed(group: str, path: tuple[str, ...]) -> EntryPoints:
    # Reading the metadata of every installed package takes as long as fitting a head, and a round asks several times.
    return entry_points(group=group)


def _shown(parameter: inspect.Parameter) -> str:
    required = parameter.default is inspect.Parameter.empty
    return f"{parameter.name} (required)" if required else f"{parameter.name}={parameter.default!r}"


def did_you_mean(word: str, known: list[str]) -> str:
    """The words `Did you mean X?` for a word that is nearly one of `known`, else nothing."""
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f" Did you mean '{folded[close[0]]}'?" if close else ""


def unknown(kind: str, name: str, known: list[str]) -> str:
    """The message for a name that does not exist."""
    return f"There is no {kind} '{name}'.{did_you_mean(name, known)} Known: {', '.join(known)}."
