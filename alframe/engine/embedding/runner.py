"""Run a network with an engine and a precision, and check that the features are right."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from alframe.commands import quote_argument
from alframe.engine.embedding import runtimes
from alframe.engine.embedding.feature_source import is_mps
from alframe.engine.embedding.runtimes import Runtime
from alframe.errors import EngineError
from alframe.settings import Inference
from alframe.types import InputSpec

log = logging.getLogger(__name__)

_BUILDERS: dict[str, Callable[[nn.Module, InputSpec, str, str, torch.Tensor], Runtime]] = {
    "eager": runtimes.make_eager_runtime,
    "compile": runtimes.make_compiled_runtime,
    "onnxruntime": runtimes.make_onnxruntime,
    "openvino": runtimes.make_openvino,
}
_REQUIRED_PACKAGES = {"onnxruntime": ("onnxruntime", "onnxscript"), "openvino": ("openvino", "onnxscript")}
_EXTRAS = {"onnxruntime": "onnx", "openvino": "openvino"}
# On a CPU, the fastest first, by benchmarks/micro/embedding.py. The order is fixed because the features of two engines
# differ in their last bits. torch.compile takes a minute or two to begin, and what it then gains depends on the CPU.
_CPU_ENGINES = {"fp32": ("openvino", "onnxruntime", "eager"), "bf16": ("openvino", "eager")}
MIN_COSINE = {"fp32": 0.9999, "bf16": 0.995}  # cosine to eager fp32
_COMPARED_IMAGES = 16
REPAYING_IMAGES = 3_000  # from which on another engine surely repays its preparation (docs/adr/0018)
_PREPARATION_TIMES = {"eager": "a moment", "compile": "a minute or two"}
_EXPORT_TIME = "about ten seconds, more for a large network"


def inference_candidates(inference: Inference, device: str) -> list[Inference]:
    """Return the inference to use on `device`, then its fallbacks. An engine that was chosen by name has no fallbacks.

    Raises EngineError if the chosen engine is not installed or does not run on this device.
    """
    if inference.engine != "auto":
        _require_engine(inference, device)
        return [inference]
    if device != "cpu":
        return [Inference("eager", inference.precision)]
    precision = inference.precision
    if precision == "bf16" and not cpu_has_bf16():
        log.warning("This processor does not compute in bf16: inference.engine=auto uses fp32.")
        precision = "fp32"
    candidates = [Inference(engine, precision) for engine in _CPU_ENGINES[precision] if not _missing_packages(engine)]
    return [*candidates, *([Inference()] if precision == "bf16" else [])]


def cpu_has_bf16() -> bool:
    """Return whether this CPU has instructions for bfloat16. Without them, bf16 is slower than fp32."""
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public name for them yet
    return any(getattr(torch.cpu, name, lambda: False)() for name in checks)


def suggest_engine(inference: Inference, device: str, count: int) -> str | None:
    """Return a hint for users who are going to embed the first `count` images of a pool, or None."""
    if inference != Inference() or device != "cpu" or count < REPAYING_IMAGES:
        return None
    installed = not _missing_packages("onnxruntime")
    install = quote_argument(f"alframe[{_EXTRAS['onnxruntime']}]")
    return (
        f"These {count:,} images are embedded by PyTorch. inference.engine=onnxruntime often takes half the time"
        + ("" if installed else f", after pip install {install}")
        + ". To use it, stop now and add it to the command: features of two engines are never mixed."
    )


class NetworkRunner:
    """A function from pixels (B, H, W, C), 0 to 255, to features (B, D) float32, which a GPU may still be computing.

    The engine is prepared at the first batch, because the preparation can take longer than embedding a few images. Each
    process prepares it again, so that a runner can be sent to other processes. Raises EngineError if the engine cannot
    be prepared, or if its features of that batch differ from the features of the network.
    """

    def __init__(self, inference: Inference, module: nn.Module, spec: InputSpec, device: str) -> None:
        self.inference = inference
        self._network = (module, spec, device)
        self._runtime: Runtime | None = None

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        if self._runtime is None:
            self._runtime = self._make(pixels)
        return self._runtime(pixels)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_runtime": None}

    def _make(self, pixels: torch.Tensor) -> Runtime:
        module, spec, device = self._network
        exact_network = (copy.deepcopy(module).to("cpu"), spec, "cpu") if is_mps(device) else self._network
        exact = runtimes.make_eager_runtime(*exact_network, "fp32", pixels)
        if self.inference == Inference() and not is_mps(device):
            return exact
        duration = _PREPARATION_TIMES.get(self.inference.engine, _EXPORT_TIME)
        log.info("Preparing the network for %s, which takes %s ...", self.inference, duration)
        sample = pixels[:_COMPARED_IMAGES]
        try:
            runtime = _BUILDERS[self.inference.engine](module, spec, device, self.inference.precision, sample)
            features = runtime(sample)
        except Exception as error:  # a compiler that is missing, an operation that is not known, too little memory ...
            reason = (str(error).strip().splitlines() or [""])[0]
            raise EngineError(
                f"inference.engine={self.inference.engine} cannot run this network here: {type(error).__name__}: "
                f"{reason}. inference.engine=eager always works."
            ) from error
        blank = exact(torch.full_like(sample[:1], 128))
        cosine, minimum = centred_cosine(features, exact(sample), blank), MIN_COSINE[self.inference.precision]
        if not cosine >= minimum and is_mps(device):  # nan as well
            raise EngineError(
                f"This Mac's GPU (compute.device={device}) gives different features in {self.inference.precision} "
                f"than its processor: cosine {cosine:.5f}, below {minimum}. Set compute.device=cpu."
            )
        if not cosine >= minimum:
            raise EngineError(
                f"inference.engine={self.inference.engine} in {self.inference.precision} gives different features "
                f"than the network: cosine {cosine:.5f}, below {minimum}. Set inference.engine=eager and "
                f"inference.precision=fp32."
            )
        return runtime


def centred_cosine(features: torch.Tensor, exact: torch.Tensor, blank: torch.Tensor) -> float:
    """Return the cosine between features (B, D), minus the features of a blank picture (1, D), over all images.

    Without this centring, the features of all pictures are similar. The mean of the batch is no good centre, because
    the batch may be one burst, and only noise would remain.
    """
    a, b = ((x.double().cpu() - blank.double().cpu()).flatten() for x in (features, exact))
    if a.norm() == b.norm() == 0:  # nothing but blank pictures
        return 1.0
    return float((a @ b) / (a.norm() * b.norm()))


def _require_engine(inference: Inference, device: str) -> None:
    if missing := _missing_packages(inference.engine):
        raise EngineError(
            f"inference.engine={inference.engine} needs {' and '.join(missing)}, which this Python does not have: "
            f'pip install "alframe[{_EXTRAS[inference.engine]}]". Or set inference.engine=eager, which needs no '
            f"package. Features of different engines are never mixed, so every image is then embedded again."
        )
    if inference.engine in _REQUIRED_PACKAGES and device != "cpu":
        raise EngineError(
            f"inference.engine={inference.engine} runs on the CPU only, but the device is {device}. "
            f"Set compute.device=cpu, or inference.engine=eager or compile."
        )


def _missing_packages(engine: str) -> list[str]:
    return [package for package in _REQUIRED_PACKAGES.get(engine, ()) if find_spec(package) is None]
