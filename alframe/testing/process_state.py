"""What all parts of a process share: generators of random numbers, and settings of NumPy and PyTorch."""

from __future__ import annotations

import random
import sys
from typing import Any

import numpy as np


def generator_states() -> dict[str, Any]:
    """Return the states of the global generators of Python, NumPy and, where it is imported, PyTorch."""
    states = {"random": random.getstate(), "numpy.random": np.random.get_state()}  # noqa: NPY002
    torch = sys.modules.get("torch")
    return states if torch is None else {**states, "torch": torch.get_rng_state().numpy().tobytes()}


def seed_generators_at_random() -> None:
    """Seed them by the system, so that no two runs are alike."""
    random.seed()
    np.random.seed()  # noqa: NPY002  # these are the ones that must not be used
    if torch := sys.modules.get("torch"):
        torch.default_generator.seed()


def restore_generators(states: dict[str, Any]) -> None:
    """Give them these states again."""
    random.setstate(states["random"])
    np.random.set_state(states["numpy.random"])  # noqa: NPY002
    if (torch := sys.modules.get("torch")) and "torch" in states:
        torch.set_rng_state(torch.frombuffer(bytearray(states["torch"]), dtype=torch.uint8))


def process_settings() -> list[Any]:
    """Return settings for the whole process: of NumPy its errors; of PyTorch, if imported, dtype and gradients."""
    torch = sys.modules.get("torch")
    return [np.geterr(), *([torch.get_default_dtype(), torch.is_grad_enabled()] if torch else [])]


def restore_settings(settings: list[Any]) -> None:
    """Set these settings again."""
    np.seterr(**settings[0])
    if torch := sys.modules.get("torch"):
        torch.set_default_dtype(settings[1] if settings[1:] else torch.float32)
        torch.set_grad_enabled(settings[2] if settings[1:] else True)
