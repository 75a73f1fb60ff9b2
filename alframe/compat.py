"""Workarounds for defects of other packages; each docstring names the defect."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, wraps
from types import ModuleType
from typing import Any

_libraries: list[Any] = []  # the operators vanish with the library object


def import_torchvision() -> ModuleType:
    """Import torchvision, even if its compiled part does not fit the installed torch.

    If torchvision comes from another index than torch (for example, a CUDA wheel beside a CPU wheel), it cannot load
    its compiled operators. The import then fails because two schemas (`nms`, `qnms`) are missing. alframe and timm use
    only the Python part, so it is enough to declare the two schemas.

    torchvision's `roi_align` uses torch's compiler (torch._dynamo, with sympy), whose import takes a second. So this
    function delays the import until `roi_align` is called.
    """
    try:
        with _compiler_imported_late():
            return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::" not in str(error) or _libraries:
            raise
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _libraries.append(library)
    for module in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[module]  # the half-imported package
    with _compiler_imported_late():
        return importlib.import_module("torchvision")


@contextmanager
def _compiler_imported_late() -> Iterator[None]:
    """Replace torch._dynamo.utils by a stand-in until the end of the block.

    When an attribute of the stand-in is read, the real module is imported and its attribute returned. The function that
    torchvision reads is an exception: it imports the real module when it is called.
    """
    if "torch._dynamo" in sys.modules:
        yield
        return
    stand_ins = {name: _StandIn(name) for name in ("torch._dynamo", "torch._dynamo.utils")}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, module in stand_ins.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


class _StandIn(ModuleType):
    """A module that imports the real module of its name when an attribute is read."""

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        if attribute == "is_compile_supported":
            return lambda device_type: _real_attribute(self.__name__, attribute)(device_type)
        return _real_attribute(self.__name__, attribute)


def _real_attribute(module: str, attribute: str) -> Any:
    for stand_in in [each for each, found in sys.modules.items() if isinstance(found, _StandIn)]:
        del sys.modules[stand_in]
    return getattr(importlib.import_module(module), attribute)


def import_faiss() -> Any:
    """Import faiss after torch (except on Linux), because both bring OpenMP.

    On macOS, another order or more than one thread ends the process.
    """
    if sys.platform != "linux":
        importlib.import_module("torch")
    faiss = importlib.import_module("faiss")
    if sys.platform == "darwin":
        faiss.omp_set_num_threads(1)
    return faiss


def import_timm() -> ModuleType:
    """Import timm, which imports torchvision.

    timm marks some of its functions for torch's compiler, whose import takes long (see `import_torchvision`). This
    function delays the marking until the compiler is imported.
    """
    import_torchvision()
    if "torch._dynamo" in sys.modules or "timm" in sys.modules:
        return importlib.import_module("timm")
    import torch

    disable = torch.compiler.disable
    torch.compiler.disable = _disable_when_called  # type: ignore[assignment]
    try:
        return importlib.import_module("timm")
    finally:
        torch.compiler.disable = disable


def _disable_when_called(function: Callable[..., Any]) -> Callable[..., Any]:
    """Exclude a function from torch's compiler, as torch.compiler.disable does, without importing the compiler.

    As long as the compiler is not imported, nothing is compiled.
    """

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if "torch._dynamo" not in sys.modules:
            return function(*args, **options)
        import torch

        return torch.compiler.disable(function)(*args, **options)

    return call


@cache
def register_heic() -> None:
    """Let Pillow read HEIC if pillow-heif is installed. Pillow does not find it by itself.

    Also suppress the error that Pillow logs for a TIFF with more bands than it knows: alframe reads such files itself.
    """
    logging.getLogger("PIL.TiffImagePlugin").setLevel(logging.CRITICAL)
    with suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()
