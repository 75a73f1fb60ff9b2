"""Choose the device on which PyTorch runs the network."""

from __future__ import annotations

from alframe.errors import BadParams

__all__ = ["choose_device"]


def choose_device(device: str, setting: str, remedy: str) -> str:
    """Return a torch device of this machine; `device` "auto" means CUDA, else Apple's MPS, else the CPU.

    Raises BadParams if this machine lacks the device. The message begins with `setting`, such as "compute.device=cuda",
    and ends with `remedy`, a sentence that tells the user what to do.
    """
    if device == "cpu":
        return "cpu"
    import torch

    names = ["cuda", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))] if torch.cuda.is_available() else []
    names += ["mps", "cpu"] if torch.backends.mps.is_available() else ["cpu"]
    if device == "auto":
        return names[0]
    if device not in names:
        raise BadParams(f"{setting}: this machine has {', '.join(names)}. {remedy}")
    return device
