"""What people type becomes what Hydra takes, and slips are explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.app.command import parse
from alframe.errors import BadParams, UnknownComponent


def prepare(typed: list[str]) -> list[str]:
    command = parse(typed)
    return [*command.flags, *map(str, command.given)]


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        (["status"], ["task=status"]),
        (["sampler=kcenter", "-m", "seed=0,1"], ["-m", "sampler=kcenter", "seed=0,1"]),
        (["sampler.draws=3"], ["++sampler.draws=3"]),
        (["+sampler.draws=3"], ["+sampler.draws=3"]),
        (["predict", "images=x"], ["task=predict", "task.images=x"]),
        (["stopping=null"], ["stopping=[]"]),
        (["-m", "stopping=null,budget"], ["-m", "stopping=[],budget"]),
        (["tracker=[console]"], ["tracker=[console]"]),
        (["-m", "sampler=random,margin"], ["-m", "sampler=random,margin"]),
        (["batch=3", "--cfg", "job"], ["--cfg", "job", "batch=3"]),
        (["stopping=None"], ["stopping=[]"]),
        (["~exporter"], ["exporter=[]"]),
        (["~exporter.model"], ["~exporter.model"]),
        (["compare=null"], ["compare.sampler=null"]),
        (["+experiment=camera_trap_classic"], ["experiment=camera_trap_classic"]),
        (["classes=roe"], ["classes=[roe]"]),
        (["classes=roe deer,Grevy's zebra"], [r"classes=[roe deer,'Grevy\'s zebra']"]),
        (["classes=[roe,fox]"], ["classes=[roe,fox]"]),
        (["hydra.job.env_set.FOO-BAR=1"], ["hydra.job.env_set.FOO-BAR=1"]),
        (["label_source.annotator=O'Neil"], [r"++label_source.annotator='O\'Neil'"]),
        (["label_source.separator=;"], ["++label_source.separator=';'"]),
        (["-m", "label_source.annotator=O'Neil,Bob"], ["-m", r"++label_source.annotator='O\'Neil',Bob"]),
        (["-m", "seed=range(0,3)"], ["-m", "seed=range(0,3)"]),
        (["-m", "sampler=glob(*)"], ["-m", "sampler=glob(*)"]),
        (["-m", "pool.root=a (1),b (2)"], ["-m", "++pool.root='a (1)','b (2)'"]),
        ([r"pool.root=D:\camera traps\2026 (north)"], [r"++pool.root='D:\camera traps\2026 (north)'"]),
        (["pool.root=2026"], ["++pool.root='2026'"]),
        (["-m", "pool.root=2025_11,2026_05"], ["-m", "++pool.root='2025_11','2026_05'"]),
        (["predict", "images=007"], ["task=predict", "task.images=007"]),
        (["project=2026.10", "sampler.draws=20"], ["project='2026.10'", "++sampler.draws=20"]),
        (["pool.root=D:\\"], ["++pool.root=D:\\"]),
    ],
)
def test_words_become_overrides(typed: list[str], prepared: list[str]) -> None:
    assert prepare(typed) == prepared


@pytest.mark.parametrize(
    ("typed", "error", "message"),
    [
        (["sampler=kcentre"], UnknownComponent, "no sampler 'kcentre'. Did you mean 'kcenter'?"),
        (["-m", "sampler=random,kcentre"], UnknownComponent, "Did you mean 'kcenter'?"),
        (["statsu"], UnknownComponent, "no task 'statsu'. Did you mean 'status'?"),
        (["sed=1"], BadParams, "no setting 'sed'. Did you mean 'seed'?"),
        (["batch=3", "status"], BadParams, "A verb comes first: alframe status"),
        (["predict", "image=x"], BadParams, "Did you mean 'images'?"),
        (["--config-dir", "nowhere"], BadParams, "--config-dir: there is no folder nowhere"),
        (["pool.species=[fox, Grevy's zebra]"], BadParams, "cannot be read"),
    ],
)
def test_slips_are_explained(typed: list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        prepare(typed)
    assert message in str(caught.value)


def test_an_existing_path_with_awkward_characters_survives(tmp_path: Path) -> None:
    from alframe.app.api import compose

    folder = tmp_path / "it's (a) test, = {x} ü"
    folder.mkdir()
    config = compose("pool=folder", f"pool.root={folder}")
    assert Path(config.pool.root) == folder


def test_ones_own_parts_are_known_by_their_folder(tmp_path: Path) -> None:
    for file, text in {"sampler/mine.yaml": "name: margin", "task/count.yaml": "name: status\nshow: 3"}.items():
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text(text, encoding="utf-8")
    flags = ["--config-dir", str(tmp_path)]
    assert prepare(["count", "show=4", "sampler=mine", *flags]) == [
        *flags,
        "task=count",
        "task.show=4",
        "sampler=mine",
    ]
    with pytest.raises(UnknownComponent, match="no task 'count'"):
        prepare(["count", "show=4"])
