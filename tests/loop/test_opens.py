"""How often each original is opened: the header and the whole file once, and never again while it stays as it is."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from alframe.app.api import open_session
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Outcome, OutcomeState
from tests.loop.test_people import Person

_COUNTS: list[tuple[Path, Counter[str]]] = []  # an audit hook cannot be removed, so there is one that counts if asked


def _count(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _COUNTS and isinstance(arguments[0], (str, os.PathLike)):
        root, counter = _COUNTS[-1]
        path = Path(arguments[0])
        if path.is_relative_to(root) and path.is_file():
            counter[path.relative_to(root).as_posix()] += 1


@pytest.fixture(scope="session")  # a second hook of the same process would count each file twice
def hook() -> None:
    sys.addaudithook(_count)


@pytest.fixture
def person(tmp_path: Path, hook: None) -> Iterator[Person]:
    person = Person(tmp_path)
    for number, file in enumerate(sorted(person.images.rglob("*.png"))):
        exif = Image.Exif()
        exif[0x0132] = f"2024:05:{number % 28 + 1:02d} {number // 28:02d}:00:00"
        with Image.open(file) as image:
            image.save(file.with_suffix(".jpg"), exif=exif)
        file.unlink()
    yield person
    _COUNTS.clear()


def opens(person: Person) -> tuple[Counter[str], Outcome]:
    """How often each image of the pool is opened by a command."""
    _COUNTS.append((person.images, counter := Counter()))
    outcome = person.run()
    _COUNTS.clear()
    return counter, outcome


def test_the_header_and_the_whole_file_once(person: Person) -> None:
    counts, outcome = opens(person)
    assert outcome.state is OutcomeState.WAITING
    asked = person.answer(1)
    assert len(counts) == 36
    # Those that are asked for are drawn on the report's page besides.
    assert counts == {name: 2 + (name in asked) for name in counts}
    counts, _ = opens(person)
    second = person.answer(2)
    assert counts == dict.fromkeys(second, 1), "the second round needs no pixels but those on its page"
    counts, _ = opens(person)
    assert counts == dict.fromkeys(person.answer(3), 1)


def test_a_command_that_finds_nothing_new_opens_only_what_the_page_shows(person: Person) -> None:
    person.run()
    asked = person.answer(1, lambda row, truth: "")
    for _ in range(2):
        assert opens(person)[0] == dict.fromkeys(asked, 1)


def test_what_has_changed_is_read_again(person: Person) -> None:
    person.run()
    asked = person.answer(1)
    file = next(one for one in sorted(person.images.rglob("*.jpg")) if not one.as_posix().endswith(tuple(asked)))
    name = file.relative_to(person.images).as_posix()
    with Image.open(file) as image:
        image.rotate(180).save(file)
    counts, _ = opens(person)
    assert counts == {**dict.fromkeys(person.answer(2), 1), name: 1 + (name in person.answer(2))}


def test_a_simulation_reads_each_file_once_for_all_seeds(tmp_path: Path, hook: None) -> None:
    images = tiny_pool(tmp_path / "images", classes=3, each=12)
    words = [word for word in tiny_overrides(images, tmp_path / "runs") if not word.startswith("compare")]
    _COUNTS.append((images, counts := Counter()))
    try:
        with open_session(*words, "sequences.times=none", "compare.sampler=random", "compare.seeds=2") as session:
            session.task_to_run.run(session)
    finally:
        _COUNTS.clear()
    assert set(counts.values()) <= {1, 2}
    assert counts.total() <= 36 + 4, "each once, and the last batch on the page"
