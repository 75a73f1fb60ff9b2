"""Prepare a network for an inference engine, with one function for each engine. Packages are imported when needed.

Each function takes the network in evaluation mode on its device, its input, the device, the precision and a batch to
try. It returns a function from pixels (B, H, W, C), 0 to 255, to features (B, D) float32.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch
from torch import nn

from alframe.data.loading import normalise_pixels
from alframe.types import InputSpec

Runtime = Callable[[torch.Tensor], torch.Tensor]


def make_eager_runtime(
    module: nn.Module, spec: InputSpec, device: str, precision: str, pixels: torch.Tensor
) -> Runtime:
    """Return PyTorch's own runtime. A batch is copied to a GPU while the batch before is still being computed."""
    to_device = _make_transfer(device)

    def run(pixels: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode(), _autocast(precision, device):
            features: torch.Tensor = module(normalise_pixels(to_device(pixels), spec, device))
            return features.float()

    return run


def make_compiled_runtime(
    module: nn.Module, spec: InputSpec, device: str, precision: str, pixels: torch.Tensor
) -> Runtime:
    """Return the network compiled by torch.compile, for batches of any size; on a CPU it needs a C++ compiler."""
    torch.compiler.reset()  # networks of before count towards a limit, beyond which nothing is compiled
    network = torch.compile(_NormalisingNetwork(module, spec).to(device))
    to_device = _make_transfer(device)

    def run(pixels: torch.Tensor) -> torch.Tensor:
        # One alone would be compiled for itself, for a minute: two of it cost less.
        several = pixels if len(pixels) > 1 else pixels.repeat(2, 1, 1, 1)
        on_device = to_device(several)
        torch._dynamo.mark_dynamic(on_device, 0)  # and nothing else: were all sizes free, compiling would take an age
        with torch.inference_mode(), _autocast(precision, device):
            features: torch.Tensor = network(on_device)
            return features[: len(pixels)].float()

    return run


def make_onnxruntime(module: nn.Module, spec: InputSpec, device: str, precision: str, pixels: torch.Tensor) -> Runtime:
    """Return a runtime in ONNX Runtime, only on the CPU and in fp32."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    # While it waits for pixels it must not burn the cores on which they are decoded.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(export_onnx_bytes(module, spec, pixels), options, ["CPUExecutionProvider"])
    return lambda pixels: torch.from_numpy(session.run(None, {"pixels": pixels.numpy()})[0])


def make_openvino(module: nn.Module, spec: InputSpec, device: str, precision: str, pixels: torch.Tensor) -> Runtime:
    """Return a runtime in OpenVINO on the CPU. Raises ValueError for bf16 if the CPU has no instructions for it."""
    core = _openvino_core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise ValueError("this processor does not compute in bf16; set inference.precision=fp32")
    options = {
        "PERFORMANCE_HINT": "LATENCY",  # all threads on one batch
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "ENABLE_CPU_PINNING": False,  # the cores are shared with what decodes
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
    }
    network = core.compile_model(core.read_model(io.BytesIO(export_onnx_bytes(module, spec, pixels))), "CPU", options)
    request = network.create_infer_request()
    return lambda pixels: torch.from_numpy(request.infer({0: pixels.numpy()})[0].copy())  # it keeps its output's memory


@cache
def _openvino_core() -> Any:
    """Return OpenVINO's core, which is the same until the process ends.

    On Linux, its CPU plugin gives the thread a stack for signals, and restores the earlier stack when it is freed. If
    two cores were freed in their order, the second would restore a stack that no longer exists. Then the next signal
    (Ctrl-C, the end of a decoding process) would kill the process without a message.
    """
    import openvino

    return openvino.Core()


def export_onnx_bytes(module: nn.Module, spec: InputSpec, pixels: torch.Tensor) -> bytes:
    """Return the network with its normalisation as ONNX: `pixels` (b, H, W, C) to `features` (b, D), b free."""
    example = torch.zeros(2, *pixels.shape[1:], dtype=pixels.dtype)
    with warnings.catch_warnings(action="ignore"):  # the exporter's remarks on itself
        program: Any = torch.onnx.export(
            _NormalisingNetwork(module, spec).eval(),
            (example,),
            dynamo=True,  # the older exporter is faster, but PyTorch calls it legacy
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            input_names=["pixels"],
            output_names=["features"],
            verbose=False,
        )
    return bytes(program.model_proto.SerializeToString())


class _NormalisingNetwork(nn.Module):
    """A network that takes pixels, with `normalise_pixels` as a part of its graph."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, module: nn.Module, spec: InputSpec) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, -1, 1, 1) * 255)
        self.register_buffer("std", torch.tensor(spec.std).view(1, -1, 1, 1) * 255)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = pixels.permute(0, 3, 1, 2).float()
        features: torch.Tensor = self.module((x - self.mean) / self.std)
        return features.float()


def _autocast(precision: str, device: str) -> AbstractContextManager[None]:
    device_type = device.partition(":")[0]
    return torch.autocast(device_type, torch.bfloat16) if precision == "bf16" else nullcontext()


def _make_transfer(device: str) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return a function that copies pixels to the device: to CUDA from pinned memory, on a separate stream."""
    if not device.startswith("cuda"):
        return lambda pixels: pixels.to(device)
    transfers = torch.cuda.Stream(device)

    def send(pixels: torch.Tensor) -> torch.Tensor:
        with torch.cuda.stream(transfers):
            on_device = pixels.pin_memory().to(device, non_blocking=True)
        computing = torch.cuda.current_stream(device)
        computing.wait_stream(transfers)
        on_device.record_stream(computing)  # else its memory could be given away before it was used
        return on_device

    return send
