"""The base classes of all conformance suites."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import pytest

from alframe.testing.process_state import (
    generator_states,
    process_settings,
    restore_generators,
    restore_settings,
    seed_generators_at_random,
)

Part = TypeVar("Part")


class Suite:
    """Checks that run during each test of every part."""

    @pytest.fixture(autouse=True)
    def process_is_left_alone(self) -> Iterator[None]:
        """Fail a test in which the part uses a global generator, or changes the working directory or another setting.

        The generators start with random states, so that the test notices a part that seeds them.
        """
        folder, original, modules = Path.cwd(), generator_states(), len(sys.modules)
        settings = process_settings()
        seed_generators_at_random()
        before = generator_states()
        try:
            yield
            after, folder_after, settings_after = generator_states(), Path.cwd(), process_settings()
        finally:
            os.chdir(folder)
            restore_generators(original)
            restore_settings(settings)
        changed = [name for name, state in before.items() if repr(after[name]) != repr(state)]
        if len(sys.modules) > modules:  # libraries draw from it while they are imported, which happens once
            changed, settings_after = [name for name in changed if name != "random"], settings
        assert not changed, f"the global generator of {', '.join(changed)} was used: draw from `rng` or the seed only"
        assert folder_after == folder, f"the working directory was changed to {folder_after}"
        assert settings_after == settings, (
            f"these settings hold for all parts, and must stay {settings}: they are {settings_after}. Change them only "
            f"inside of `with`, for example np.errstate or torch.no_grad"
        )


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
