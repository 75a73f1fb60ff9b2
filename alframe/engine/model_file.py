"""Read and check `model.json` of an exported model, because the folder may come from anybody."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from alframe.errors import StoreError

MODEL_FORMAT = 1
MODEL_FILE = "model.json"
MAX_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """The content of `model.json`. `head_checksum` is None in old models."""

    alframe: str
    classes: tuple[str, ...]
    preprocessing: Mapping[str, Any]
    backbone: Mapping[str, Any]
    head: Mapping[str, Any]
    fingerprint: str
    head_checksum: str | None = None


def read_model_file(folder: Path) -> ModelDescription:
    """Read the description of the model in `folder`. Raises StoreError with the missing or wrong value."""
    file = folder / MODEL_FILE
    data = _read_object(file)
    if isinstance(data.get("format"), int) and data["format"] > MODEL_FORMAT:
        raise StoreError(f"{file} was written by a newer alframe ({data.get('alframe')}). Update alframe to use it.")
    if data.get("format") is not MODEL_FORMAT and data.get("format") != MODEL_FORMAT:
        _refuse(file, f"its format is {data.get('format')!r}, not {MODEL_FORMAT}")
    types = {"alframe": str, "classes": list, "preprocessing": dict, "backbone": dict, "head": dict, "fingerprint": str}
    for name, expected in types.items():
        if not isinstance(data.get(name), expected):
            _refuse(file, f"'{name}' is {_short(data.get(name))}, not {_TYPE_NAMES[expected]}")
    classes, checksum = data["classes"], data.get("head_checksum")
    if not classes or not all(isinstance(name, str) and name.strip() for name in classes):
        _refuse(file, f"'classes' is {_short(classes)}, not a list of names")
    if repeated := sorted({name for name in classes if classes.count(name) > 1}):
        _refuse(file, f"'classes' has {', '.join(map(repr, repeated))} more than once")
    for part in ("backbone", "head"):
        if not isinstance(data[part].get("name"), str):
            _refuse(file, f"'{part}' is {_short(data[part])}, without a name")
    if not (checksum is None or isinstance(checksum, str)):
        _refuse(file, f"'head_checksum' is {_short(checksum)}, not a text")
    return ModelDescription(
        **{name: data[name] for name in types} | {"classes": tuple(classes)}, head_checksum=checksum
    )


def checksum_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return a digest of arrays with their names, types and shapes."""
    digest = hashlib.blake2b(digest_size=16)
    for name, array in sorted(arrays.items()):
        digest.update(f"{name}{array.shape}{array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _read_object(file: Path) -> dict[str, Any]:
    try:
        if not file.exists():
            raise StoreError(f"There is no model in {file.parent}: no {file.name}. `alframe export` writes one.")
        if not file.is_file() or file.stat().st_size > MAX_BYTES:
            _refuse(file, f"it is no file, or larger than {MAX_BYTES:,} bytes")
        data = json.loads(file.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror or error}. Check its permissions.") from error
    except (ValueError, RecursionError) as error:
        _refuse(file, str(error))
    if not isinstance(data, dict):
        _refuse(file, f"it is {_short(data)}, not an object")
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")


def _refuse(file: Path, reason: str) -> NoReturn:
    raise StoreError(f"{file} is damaged: {reason}. Export the model again with `alframe export`.")


def _short(value: object) -> str:
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


_TYPE_NAMES = {str: "a text", list: "a list", dict: "an object"}
