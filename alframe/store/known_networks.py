"""Remember the digest of the network of each recipe, so that it is not built again.

A record is valid as long as the files of the weights have the same size and modification time. If it is lost, the
network is built once more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alframe.store.files import remove_file, write_json
from alframe.types import InputSpec


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """The digest of a network's weights, structure and input; and the input itself."""

    digest: str
    spec: InputSpec


class KnownNetworks:
    """One small file for each network, below `folder`. `origin` is all that decides it, without files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, origin: Mapping[str, Any]) -> KnownNetwork | None:
        """Return the network, unless none is recorded or one of its files has changed."""
        try:
            stored = json.loads(self._file(origin).read_text(encoding="utf-8"))
            if any(_size_and_time(Path(path)) != stamp for path, stamp in stored["files"]):
                return None
            return KnownNetwork(str(stored["digest"]), _read_spec(stored["spec"]))
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def remember(self, origin: Mapping[str, Any], network: KnownNetwork, files: Sequence[Path]) -> None:
        stamps = [(str(file.absolute()), _size_and_time(file)) for file in files]
        with suppress(OSError):  # a cache that may only be read
            write_json(self._file(origin), {**asdict(network), "files": stamps, "origin": origin})

    def forget(self, origin: Mapping[str, Any]) -> None:
        with suppress(OSError):
            remove_file(self._file(origin))

    def _file(self, origin: Mapping[str, Any]) -> Path:
        text = json.dumps(origin, sort_keys=True, default=str)
        return self._folder / f"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}.json"


def _size_and_time(file: Path) -> list[int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _read_spec(stored: Mapping[str, Any]) -> InputSpec:
    ranges = stored["value_range"]
    return InputSpec(
        stored["size"],
        tuple(stored["mean"]),
        tuple(stored["std"]),
        stored["interpolation"],
        None if ranges is None else tuple((low, high) for low, high in ranges),
    )
