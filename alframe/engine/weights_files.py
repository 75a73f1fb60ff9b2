"""Read and write the weights of networks and heads as safetensors files. No other module does this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
from safetensors import SafetensorError, numpy

from alframe.errors import StoreError

if TYPE_CHECKING:
    import torch


def save_weights(weights: Mapping[str, torch.Tensor], file: Path) -> None:
    """Write tensors of any device straight into `file`, not atomically. Raises StoreError, e.g. on a full disk."""
    from safetensors.torch import save_file

    try:
        save_file({name: tensor.cpu().contiguous() for name, tensor in weights.items()}, file)
    except (OSError, SafetensorError) as error:
        raise _write_error(file, error) from error


def save_arrays(arrays: Mapping[str, npt.NDArray[Any]], file: Path) -> None:
    """Write contiguous arrays straight into `file`, not atomically. Raises StoreError as `save_weights` does."""
    try:
        numpy.save_file(dict(arrays), file)
    except (OSError, SafetensorError) as error:
        raise _write_error(file, error) from error


def load_weights(file: Path, advice: str) -> dict[str, torch.Tensor]:
    """Read the tensors that `save_weights` wrote. Raises StoreError with the `advice` if the file is damaged."""
    from safetensors.torch import load_file

    _require_file(file, advice)
    try:
        return load_file(file)
    except Exception as error:
        raise _damaged_error(file, error, advice) from error


def load_arrays(file: Path, advice: str) -> dict[str, npt.NDArray[Any]]:
    """Read the arrays that `save_arrays` wrote. Raises StoreError as `load_weights` does."""
    _require_file(file, advice)
    try:
        return numpy.load_file(file)
    except Exception as error:
        raise _damaged_error(file, error, advice) from error


def _require_file(file: Path, advice: str) -> None:
    if not file.is_file():  # a link to a device would never end
        raise StoreError(f"There is no file {file}. {advice}")


def _damaged_error(file: Path, error: Exception, advice: str) -> StoreError:
    return StoreError(f"{file} is damaged: it cannot be read ({error}). {advice}")


def _write_error(file: Path, error: Exception) -> StoreError:
    return StoreError(f"{file} cannot be written: {error}. Make room if the disk is full, and run the command again.")
