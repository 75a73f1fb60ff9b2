"""Workarounds for defects of other packages; each docstring names the defect."""

from __future__ import annotations

import importlib
import logging
import sys
from contextlib import suppress
from functools import cache
from types import ModuleType
from typing import Any

_libraries: list[Any] = []  # the operators vanish with the library object


def import_torchvision() -> ModuleType:
    """Import torchvision, also where its compiled part does not fit the installed torch.

    A torchvision from another index than torch (a CUDA wheel beside a CPU one, say) cannot load its compiled
    operators, and then fails to import for want of two schemas (`nms`, `qnms`) that its Python part describes.
    alframe and timm use only the Python part, so declaring the two is enough.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error) or _libraries:
            raise
    import torch

    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    _libraries.append(library)
    for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[module]  # the half-imported package
    return importlib.import_module("torchvision")


def import_faiss() -> Any:
    """Import faiss: not before torch except on Linux, for both bring OpenMP.

    On macOS a process survives only this order, and one thread.
    """
    if sys.platform != "linux":
        importlib.import_module("torch")
    faiss = importlib.import_module("faiss")
    if sys.platform == "darwin":
        faiss.omp_set_num_threads(1)
    return faiss


def import_timm() -> ModuleType:
    """Import timm, which imports torchvision."""
    import_torchvision()
    return importlib.import_module("timm")


@cache
def register_heic() -> None:
    """Let Pillow read HEIC where pillow-heif is installed, which it does not find by itself.

    Also silence the error that it logs for a TIFF of more bands than it knows; alframe reads those otherwise.
    """
    logging.getLogger("PIL.TiffImagePlugin").setLevel(logging.CRITICAL)
    with suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
