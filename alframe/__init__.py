"""Active learning for images: choose the most useful images, let people label them, learn, and continue.

The names below are imported when they are first used, so that ``import alframe`` takes little time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alframe.app.api import compose, open_session
    from alframe.app.building import build
    from alframe.arrays.campaign import Campaign
    from alframe.arrays.choosing import ArraySelection
    from alframe.arrays.select import select
    from alframe.arrays.simulate import simulate
    from alframe.builtins import alframe_version
    from alframe.engine.model import load_model

    __version__ = alframe_version()

_MODULES = {
    "ArraySelection": "alframe.arrays.choosing",
    "Campaign": "alframe.arrays.campaign",
    "build": "alframe.app.building",
    "compose": "alframe.app.api",
    "open_session": "alframe.app.api",
    "load_model": "alframe.engine.model",
    "select": "alframe.arrays.select",
    "simulate": "alframe.arrays.simulate",
}

__all__ = [
    "ArraySelection",
    "Campaign",
    "__version__",
    "build",
    "compose",
    "load_model",
    "open_session",
    "select",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from alframe.builtins import alframe_version

        return alframe_version()
    if name not in _MODULES:
        raise AttributeError(f"module 'alframe' has no attribute '{name}'")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
