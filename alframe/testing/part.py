"""The base classes of all conformance suites."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pytest

Part = TypeVar("Part")


class Suite:
    """Checks that run during each test of every part."""

    @pytest.fixture(autouse=True)
    def process_is_left_alone(self) -> Iterator[None]:
        """Fail a test in which the part seeds, or draws from, a global generator, or changes the working directory.

        The generators start with random states, so that the test notices a part that seeds them.
        """
        folder, original, modules = Path.cwd(), _generator_states(), len(sys.modules)
        _seed_generators_at_random()
        before = _generator_states()
        try:
            yield
            after, folder_after = _generator_states(), Path.cwd()
        finally:
            os.chdir(folder)
            _restore_generators(original)
        changed = [name for name, state in before.items() if repr(after[name]) != repr(state)]
        if len(sys.modules) > modules:  # libraries draw from it while they are imported, which happens once
            changed = [name for name in changed if name != "random"]
        assert not changed, f"the global generator of {', '.join(changed)} was used: draw from `rng` or the seed only"
        assert folder_after == folder, f"the working directory was changed to {folder_after}"


class PartSuite(Suite, Generic[Part]):
    """Tests of every part whose constructor needs no folder."""

    def make(self) -> Part:
        """Return a new part, with its default parameters if it has any."""
        raise NotImplementedError

    def test_constructor_writes_nothing(self, tmp_path: Path, *_: object) -> None:
        with writing_nothing(tmp_path, "make() writes {}: the constructor must only store its parameters"):
            self.make()


@contextmanager
def writing_nothing(folder: Path, message: str) -> Iterator[None]:
    """Assert that the block, whose working directory is `folder`, leaves no new file there; {} are their names."""
    before = {*folder.rglob("*")}  # what fixtures of the subclass have made
    with chdir(folder):
        yield
        assert Path.cwd() == folder.resolve(), f"the working directory was changed to {Path.cwd()}"
    made = sorted(path.relative_to(folder).as_posix() for path in {*folder.rglob("*")} - before)
    assert not made, message.format(", ".join(made))


def _generator_states() -> dict[str, Any]:
    """Return the states of the global generators of Python, NumPy and, where it is imported, PyTorch."""
    states = {"random": random.getstate(), "numpy.random": np.random.get_state()}  # noqa: NPY002
    torch = sys.modules.get("torch")
    return states if torch is None else {**states, "torch": torch.get_rng_state().numpy().tobytes()}


def _seed_generators_at_random() -> None:
    random.seed()
    np.random.seed()  # noqa: NPY002  # these are the ones that must not be used
    if torch := sys.modules.get("torch"):
        torch.default_generator.seed()


def _restore_generators(states: dict[str, Any]) -> None:
    random.setstate(states["random"])
    np.random.set_state(states["numpy.random"])  # noqa: NPY002
    if (torch := sys.modules.get("torch")) and "torch" in states:
        torch.set_rng_state(torch.frombuffer(bytearray(states["torch"]), dtype=torch.uint8))
