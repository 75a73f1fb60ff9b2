"""Keep old public names working for two more minor versions, with a warning that gives the new name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def forward_old_names(module: str, new_names: Mapping[str, str], removed_in: str) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module. The keys of `new_names` are old names, and the values are full new paths.

    Write ``__getattr__ = forward_old_names(__name__, {"top_k": "alframe.kit.scoring.select_top_k"}, "0.4")``. Using an
    old name raises a DeprecationWarning, which alframe reports with the name of the plugin that was loaded.
    """

    def get_old_name(name: str) -> Any:
        if name not in new_names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        place, _, new = new_names[name].rpartition(".")
        warnings.warn(
            f"{module}.{name} is called {new_names[name]} now. The old name will be removed in alframe {removed_in}.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(import_module(place), new)

    return get_old_name
