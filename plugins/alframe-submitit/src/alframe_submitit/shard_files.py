"""The folder between this process and its jobs: the work, and the result of each shard under a name of its own.

The name is a digest of the work and of the shard. So the results that jobs leave after this process was killed are
found by the next one, and nothing else is ever taken for them.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle

from alframe.kit.files import replace_atomically

WORK = "work.pkl"


@dataclass(frozen=True, slots=True)
class ShardFiles:
    """The shards of one call, and the file for the result of each; a file of an earlier process counts as well."""

    folder: Path
    shards: Sequence[Any]
    names: Sequence[str]

    @classmethod
    def create(
        cls, root: Path, function: Callable[[Sequence[Any]], Iterator[Any]], shards: Sequence[Any]
    ) -> ShardFiles:
        """Write the function into a folder below `root` that is named after its content."""
        folder = root / digest(function)
        folder.mkdir(parents=True, exist_ok=True)
        with replace_atomically(folder / WORK) as temporary:
            temporary.write_bytes(cloudpickle.dumps(function))
        counts, names = Counter[str](), []
        for shard in shards:  # equal ones have files of their own
            name = digest(shard)
            names.append(f"{name}-{counts[name]}.pkl")
            counts[name] += 1
        return cls(folder, shards, names)

    def path(self, number: int) -> Path:
        """Return where the result of a shard is, or will be."""
        return self.folder / self.names[number]

    def has(self, number: int) -> bool:
        """Return whether the result of a shard is there, or the error."""
        return self.path(number).exists()

    def missing(self) -> list[int]:
        """Return the numbers of the shards without a result."""
        present = {file.name for file in self.folder.iterdir()}
        return [number for number, name in enumerate(self.names) if name not in present]

    def load(self, number: int) -> Any:
        """Return the result of a shard, or raise the error that its function raised; that one is then forgotten."""
        is_right, result = pickle.loads(self.path(number).read_bytes())
        if not is_right:
            self.remove(number)
            raise result
        return result

    def remove(self, number: int) -> None:
        """Remove the result of a shard."""
        self.path(number).unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Remove the folder, as no result is missing any more."""
        shutil.rmtree(self.folder, ignore_errors=True)


def work_on(work: Path, shards: Sequence[Any], files: Sequence[Path]) -> None:
    """Work on those of the shards that have no file yet, and write the result of each, or the first error. For jobs."""
    from alframe.kit.libraries import import_torchvision

    import_torchvision()  # a network that is loaded may need it, and it does not import everywhere by itself
    left = [(shard, file) for shard, file in zip(shards, files, strict=True) if not file.exists()]
    results: Iterator[Any] = iter(())
    for number, (_, file) in enumerate(left):
        outcome: tuple[bool, Any]
        try:
            if not number:
                results = pickle.loads(work.read_bytes())([shard for shard, _ in left])
            outcome = True, next(results)
        except Exception as error:
            outcome = False, error
        with replace_atomically(file) as temporary:
            temporary.write_bytes(_dump(*outcome))
        if not outcome[0]:
            return


def _dump(is_right: bool, result: Any) -> bytes:
    try:
        content: bytes = cloudpickle.dumps((is_right, result))
    except Exception as error:  # what holds a lock, a handle ...
        content = pickle.dumps((False, TypeError(f"{result!r} cannot be sent back from a job: {error}")))
    return content


def digest(thing: Any) -> str:
    """Return a digest of a picklable object, the same in each process: only what it holds counts.

    It does not matter where tensors are in memory, nor which equal texts are one object.
    """
    try:
        content = _dump_for_digest(thing, by_identity=False)
    except ValueError:  # it holds itself
        content = _dump_for_digest(thing, by_identity=True)
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def _dump_for_digest(thing: Any, by_identity: bool) -> bytes:
    stream = io.BytesIO()
    pickler = _Digester(stream)
    pickler.fast = not by_identity
    pickler.dump(thing)
    return stream.getvalue()


class _Digester(cloudpickle.Pickler):  # type: ignore[misc]  # it comes without types
    """A pickler that writes the content of tensors, of which torch writes where they are in memory."""

    def reducer_override(self, thing: Any) -> Any:
        """Return how `thing` is reduced."""
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(thing, torch.Tensor):
            content = thing.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
            return str, (f"{type(thing)} {thing.dtype} {tuple(thing.shape)} {hashlib.blake2b(content).hexdigest()}",)
        return super().reducer_override(thing)
