"""Fine-tune with large batches on a laptop: if the activations need too much memory, they are computed twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules.batchnorm import _BatchNorm

from alframe.compat import import_timm
from alframe.types import InputSpec

log = logging.getLogger(__name__)

MAX_CPU_BYTES = 2 * 2**30  # bytes of activations; training takes up to twice as much, and a laptop has 8 GB in all


@runtime_checkable
class _Checkpointing(Protocol):
    """A network of timm that can compute its activations again."""

    def set_grad_checkpointing(self, enable: bool = True) -> None: ...


def limit_activation_memory(module: nn.Module, spec: InputSpec, batch_size: int, device: str) -> bool:
    """Let a timm network in `module` drop its activations if they need too much memory. Return whether it does so.

    The activations are computed again for the gradients (Chen et al. 2016, arXiv 1604.06174). The trained weights are
    the same, and a training step takes about 1.4 times as long. A GPU may use half of its free memory. If the memory is
    still too large, or if the network cannot do this, a warning gives the needed memory. Call this function in the
    state of the training: with frozen weights without gradients, and in the same precision.
    """
    limit = _free_gpu_bytes(device) // 2 if device.startswith("cuda") else MAX_CPU_BYTES
    recompute_activations(module, enable=False)
    needed = measure_activation_bytes(module, spec, device) * batch_size
    recomputes = needed > limit and recompute_activations(module, enable=True)
    if recomputes:
        needed = measure_activation_bytes(module, spec, device) * batch_size
    if needed > limit:
        log.warning(
            "Fine-tuning on batches of %d images needs more than %.0f GB of memory. If the computer has less, set "
            "finetune.first.batch_size=%d, and finetune.again.samples=2.",
            *(batch_size, needed / 2**30, max(2, batch_size * limit // needed)),
        )
    return recomputes


def _free_gpu_bytes(device: str) -> int:
    reusable = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + reusable


def recompute_activations(module: nn.Module, enable: bool) -> bool:
    """Switch the recomputing of activations on or off. Return whether every network of timm in `module` can do it.

    With old versions of timm, frozen weights would block the gradients, so the function does nothing if weights are
    frozen.
    """
    networks = [layer for layer in module.modules() if isinstance(layer, _Checkpointing)]
    if enable and networks:
        layers = import_timm().layers
        if hasattr(layers, "set_reentrant_ckpt"):
            layers.set_reentrant_ckpt(False)
        elif not all(weight.requires_grad for weight in module.parameters()):
            return False
    try:
        for network in networks:
            network.set_grad_checkpointing(enable)
    except (AssertionError, NotImplementedError):  # of the networks that cannot
        for network in networks:
            network.set_grad_checkpointing(False)
        return False
    return bool(networks)


def measure_activation_bytes(module: nn.Module, spec: InputSpec, device: str) -> int:
    """Return the bytes that `module` keeps for the gradients of one image. It is in evaluation mode afterwards."""
    weights = {weight.untyped_storage().data_ptr() for weight in module.parameters()}
    sizes: dict[int, int] = {}

    def note_size(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    image = torch.zeros(1, spec.channels, spec.size, spec.size, device=device)
    with torch.enable_grad(), saved_tensors_hooks(note_size, lambda tensor: tensor):
        output = module.eval()(image.to(memory_format=torch.channels_last))
    del output  # until here it has kept the tensors, so that no two had the same address
    return sum(size for address, size in sizes.items() if address not in weights)


@contextmanager
def statistics_kept(module: nn.Module) -> Iterator[None]:
    """Keep the running statistics of batch normalisation unchanged inside the block.

    Otherwise each batch would count twice in a backward pass that computes activations again.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]
    before = [
        (layer.momentum, None if (count := layer.num_batches_tracked) is None else count.clone()) for layer in layers
    ]
    try:
        for layer in layers:
            layer.momentum = 0.0
        yield
    finally:
        for layer, (momentum, count) in zip(layers, before, strict=True):
            layer.momentum = momentum
            if layer.num_batches_tracked is not None and count is not None:
                layer.num_batches_tracked.copy_(count)
