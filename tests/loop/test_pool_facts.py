"""A sampler may ask when, where and of which id each image is: a campaign knows it, arrays do not."""

from __future__ import annotations

import csv
import logging
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import alframe as al
from alframe.app.api import open_session
from alframe.contracts import CheckableHead
from alframe.errors import BadParams, UnmetNeed
from alframe.heads.calibrated import Calibrated
from alframe.heads.ensemble import Ensemble
from alframe.heads.linear import Linear
from alframe.samplers.mixture import Mixture
from alframe.samplers.uncertainty import Margin
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import POOL_FACTS, Need

SEEN = []


class AsksForFacts(Margin):
    """A margin sampler that keeps what it is told of the images."""

    needs = frozenset({Need.PROBS, *POOL_FACTS, *POOL_FACTS.values()})

    def select(self, view, k, rng):
        unlabelled = zip(view.ids, view.taken.tolist(), view.cameras.tolist(), strict=True)
        labelled = zip(view.labelled_ids, view.labelled_taken.tolist(), view.labelled_cameras.tolist(), strict=True)
        SEEN.append(([*unlabelled], [*labelled]))
        return super().select(view, k, rng)


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the words of a campaign on a table in which the first of 24 images has neither time nor camera."""
    SEEN.clear()
    monkeypatch.setattr("alframe.samplers.uncertainty.Margin", AsksForFacts)
    images = tiny_pool(tmp_path / "images", each=8)
    with (tmp_path / "images" / "table.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("path", "class", "station", "time"))
        for number, path in enumerate(sorted(images.rglob("*.png"))):
            fact = (f"site {number % 4}", f"{TIMES[number]:%Y-%m-%d %H:%M:%S}") if number else ("", "")
            table.writerow((path.relative_to(images).as_posix(), path.parent.name, *fact))
    others = [word for word in tiny_overrides(images, tmp_path / "runs") if not word.startswith("pool")]
    table = f"pool.file={(images / 'table.csv').as_posix()}"
    return [
        "pool=csv",
        table,
        "pool.label_column=class",
        *others,
        "sampler=margin",
        "stopping.labels=8",
        "holdout.fraction=0",
    ]


TIMES = [datetime(2024, 5, 1, 22) + timedelta(hours=number) for number in range(24)]
COLUMNS = ["pool.time_column=time", "pool.camera_column=station"]


def test_a_campaign_tells_them(words: list[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), open_session(*words, *COLUMNS) as session:
        session.task_to_run.run(session)
        items = session.items()
    cameras = {item.id: item.camera for item in items}
    times = {item.id: item.taken for item in items}
    ((unlabelled, labelled),) = SEEN
    assert len(unlabelled) == 20 and len(labelled) == 4
    numbers: dict[int, set[str | None]] = {}
    for id, taken, camera in [*unlabelled, *labelled]:
        assert taken == times[id]
        numbers.setdefault(camera, set()).add(cameras[id])
    assert all(len(names) == 1 for names in numbers.values()) and len(numbers) == 5
    assert numbers[-1] == {None}
    for what in ("time", "camera"):
        assert f"sampler=margin needs the {what} of each image: 1 of 24 have none." in caplog.text


@pytest.mark.parametrize(("column", "message"), [(COLUMNS[0], "pool.camera_level=1"), (COLUMNS[1], "pool.time_column")])
def test_a_pool_that_tells_nothing_of_them_is_refused_before_an_image_is_read(
    words: list[str], column: str, message: str
) -> None:
    with open_session(*words, column, "sequences.times=none") as session:
        with pytest.raises(UnmetNeed, match=f"sampler=margin needs the .* not one of the 24 images.*{message}"):
            session.task_to_run.run(session)
        assert not list(session.folder.glob("features/*"))


def test_arrays_do_not_tell_them() -> None:
    with pytest.raises(UnmetNeed, match=r"AsksForFacts needs cameras, ids, .*only the pool of a campaign gives"):
        al.select(AsksForFacts(), np.zeros((9, 2), np.float32), k=2)
    with pytest.raises(UnmetNeed, match="only the pool of a campaign gives"):
        al.select(AsksForFacts(), probs=np.full((9, 3), 1 / 3), k=2)


class NamesAFile(Margin):
    """A sampler whose file is missing."""

    def check(self):
        raise BadParams("times=nofile.csv: is no file.")


class NamesAnotherFile(Linear):
    """A head whose file is missing."""

    def check(self):
        raise BadParams("words=nofile.csv: is no file.")


def test_a_missing_file_is_reported_before_an_image_is_read(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alframe.samplers.uncertainty.Margin", NamesAFile)
    with open_session(*words, "sequences.times=none") as session:
        with pytest.raises(BadParams, match=r"times=nofile\.csv"):
            session.task_to_run.run(session)
        assert not list(session.folder.glob("features/*"))


def test_a_head_reports_it_too(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alframe.heads.linear.Linear", NamesAnotherFile)
    with open_session(*words, "head=linear", "sampler=random") as session, pytest.raises(BadParams, match="nofile"):
        session.task_to_run.run(session)


def test_parts_that_are_made_of_others_ask_these(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not isinstance(Ensemble({"name": "linear"}, bootstrap=True), CheckableHead)
    monkeypatch.setattr("alframe.samplers.uncertainty.Margin", NamesAFile)
    monkeypatch.setattr("alframe.heads.linear.Linear", NamesAnotherFile)
    linear = {"name": "linear"}
    for part in (Mixture({"margin": 0.5, "random": 0.5}), Ensemble(linear, bootstrap=True), Calibrated(linear)):
        with pytest.raises(BadParams, match="nofile"):
            part.check()
