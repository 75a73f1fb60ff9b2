"""The parts that a command chooses, and how to parse the values of their parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from alframe.app.conf_folders import config_files, config_folders
from alframe.app.declarations import declared_types, value_parsing
from alframe.app.grammar import ValueParsing
from alframe.app.overrides import SEARCH_PATH, Overrides
from alframe.app.part_recipes import inherit_recipe, load_recipe, main_config
from alframe.app.schema import SETTINGS
from alframe.builtins import KINDS

GROUPS = (*KINDS, "experiment")
MULTIPLE_KINDS = ("exporter", "tracker")  # of which several parts can be chosen, with parameters below their names


class ChosenParts:
    """The parts selected by overrides, experiment and defaults.

    Their files are in alframe's and the plugins' folders, in `folders`, or in those that ``hydra.searchpath`` names.
    """

    def __init__(self, overrides: Overrides, folders: Sequence[str] = ()) -> None:
        self._overrides = overrides
        searched = overrides[SEARCH_PATH].parsed_value if SEARCH_PATH in overrides else None
        named = [folder.removeprefix("file://") for folder in searched or [] if "pkg://" not in folder]
        self._folders = [*config_folders(), *map(Path, [*folders, *named])]
        self._files: dict[str, dict[str, Path]] = {}

    def files_by_name(self, group: str) -> Mapping[str, Path]:
        """Return every name that can be chosen in this group, with its file."""
        if group not in self._files:
            self._files[group] = config_files(group, self._folders)
        return self._files[group]

    def chosen_names(self, kind: str) -> list[str]:
        if kind in self._overrides:
            return self._overrides[kind].chosen_names
        name = self._default_choices.get(kind)
        return list(name) if isinstance(name, list) else [str(name)]

    def find_value_parsing(self, key: str) -> ValueParsing:
        """Return the rule for parsing this parameter's value, as its dataclass or the chosen part declares it."""
        if key in SETTINGS:
            return replace(value_parsing(SETTINGS[key].type), is_path=SETTINGS[key].is_path)
        kind, _, below = key.partition(".")
        if kind not in KINDS or not below:
            return ValueParsing()
        name, _, parameter = below.partition(".")
        if kind in MULTIPLE_KINDS:
            chosen, prefix, below = [name], f"{kind}.{name}", parameter
        else:
            chosen, prefix = self.chosen_names(kind), kind
        known = [name for name in chosen if name in self.files_by_name(kind)]
        types = [self._find_value_parsing_in(kind, self.inherited_recipe(kind, name), below, prefix) for name in known]
        return next((declared for declared in types if declared != ValueParsing()), ValueParsing())

    def inherited_recipe(self, group: str, name: str) -> dict[str, Any]:
        """Return the values of this YAML file, with inherited values. Raises BadParams if it is unreadable."""
        return inherit_recipe(group, name, self.files_by_name(group))

    def _find_value_parsing_in(self, kind: str, recipe: Mapping[str, Any], below: str, prefix: str) -> ValueParsing:
        parameter, _, further = below.partition(".")
        default = recipe.get(parameter)
        if isinstance(default, Mapping) and "name" in default and further:  # a part in a part
            return self._find_value_parsing_in(kind, default, further, f"{prefix}.{parameter}")
        # No annotation, for which the part is imported, is needed to know these.
        if further or isinstance(default, Mapping | bool | int | float):
            return ValueParsing()
        if isinstance(default, list) and default and all(isinstance(element, int | float) for element in default):
            return ValueParsing(is_list=True)
        chosen = self._overrides.get(f"{prefix}.name")
        registered = str(chosen.parsed_value if chosen else recipe.get("name"))
        declared = declared_types(kind, registered).get(parameter, ValueParsing())
        return replace(declared, is_list=True) if isinstance(default, list) else declared

    @cached_property
    def _default_choices(self) -> dict[str, Any]:
        """The choices in config.yaml and in the chosen experiment."""
        configs = [main_config()]
        names = self._overrides["experiment"].chosen_names if "experiment" in self._overrides else []
        configs += [self.load_yaml("experiment", name) for name in names if name in self.files_by_name("experiment")]
        choices = [entry for config in configs for entry in config.get("defaults", []) if isinstance(entry, dict)]
        return {key.removeprefix("override ").strip("/"): name for entry in choices for key, name in entry.items()}

    def load_yaml(self, group: str, name: str) -> dict[str, Any]:
        """Return the content of the YAML file of this name. Raises BadParams if it is unreadable."""
        return load_recipe(self.files_by_name(group)[name], f"{group}={name}")
