"""Averages say which classes they leave out: in the terminal, in status, in the report, in a sweep's table."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides, tiny_pool
from tests.command_line import CommandLine, alframe

__all__ = ["alframe"]
LEFT_OUT = "averages over 2 of 3 classes; not measured: class_2 (12 images, all in one sequence)"


@pytest.fixture(scope="module")
def burst(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Words of a simulation on three classes, one of which is a single burst, so that no split can hold out a part."""
    root = tiny_pool(tmp_path_factory.mktemp("images"), classes=3, each=12)
    with (root / "list.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["path", "label", "burst"])
        for file in sorted(root.glob("*/*.png")):
            name = file.parent.name
            writer.writerow([file.relative_to(root).as_posix(), name, name if name == "class_2" else file.as_posix()])
    words = ["pool=csv", f"pool.file={(root / 'list.csv').as_posix()}", "pool.label_column=label"]
    tiny = tiny_overrides(root, root)[3:-1]
    return [*words, "pool.sequence_column=burst", "per_sequence=null", *tiny]


def unwrapped(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_a_class_that_no_test_image_shows_is_named_beside_every_average(
    alframe: CommandLine, burst: list[str], tmp_path: Path
) -> None:
    run = alframe(*burst, "project=p", "compare.sampler=random", "compare.seeds=2")
    assert run.code == 0, run.err
    rounds = [line for line in run.out.splitlines() if re.match(r" +\d+ +\d+ +\d", line)]
    assert unwrapped(run.out).count(LEFT_OUT) == len(rounds) > 1
    assert "No test image shows these classes, so no number includes them: class_2 (12 images, all" in run.out
    assert "in 4 of 4 runs)." in run.out
    assert f"A{LEFT_OUT[1:]}." in alframe("status", "project=p").out
    page = (tmp_path / "p" / "report.html").read_text(encoding="utf-8")
    assert LEFT_OUT in page and "every class has the same weight" not in page
    assert "<small>2 of 3 classes</small>" in page
    assert '<td class="n">not measured</td>' in page
    with Ledger.open(tmp_path / "p", read_only=True) as ledger:
        measured = ledger.history()[-1].evaluation
    assert measured is not None
    assert measured.unmeasured_classes == {"class_2": "12 images, all in one sequence"}


def test_a_sweep_counts_the_runs_in_which_a_class_is_missing(
    alframe: CommandLine, burst: list[str], tmp_path: Path
) -> None:
    sweep = alframe("-m", *burst, "seed=0,1", "runs=r", "classes=[class_0,never]")
    assert sweep.code == 0, sweep.err
    named = "class_2 (12 images, all in one sequence; in 2 of 2 runs), never (no image yet; in 2 of 2 runs)."
    assert f"so no number includes them: {named}" in sweep.out
    assert sweep.out.count("\nProject: ") == 2 and "With your own images" not in sweep.out, "a run ends in a few words"
    (file,) = tmp_path.glob("r/sweeps/*/curves.csv")
    with file.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    assert {(row["classes"], row["unmeasured_classes"]) for row in rows} == {("4", "class_2; never")}


@pytest.mark.parametrize("shared", [True, False])
def test_the_band_over_seeds_says_whether_the_test_images_are_the_same(
    alframe: CommandLine, tmp_path: Path, shared: bool
) -> None:
    root = tiny_pool(tmp_path / "pool", each=8)
    test = [f"pool.test_root={tiny_pool(tmp_path / 'test', each=6, seed=1).as_posix()}"] if shared else []
    words = [word for word in tiny_overrides(root, tmp_path) if not word.startswith(("runs", "compare", "stopping"))]
    run = alframe(*words, *test, "stopping.labels=8", "compare.seeds=2", "project=p")
    assert run.code == 0, run.err
    page = (tmp_path / "p" / "report.html").read_text(encoding="utf-8")
    assert ("all are measured on the same test images" in page) is shared
    assert ("its own held-out images" in page) is not shared
