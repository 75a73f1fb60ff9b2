"""What people type becomes what Hydra takes, and slips are explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.app.overrides import prepare
from alframe.errors import BadParams, UnknownComponent


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
        (["--config-dir", "my conf", "batch=3"], ["--config-dir", "my conf", "batch=3"]),
        ([r"pool.root=D:\camera traps\2026 (north)"], [r"++pool.root='D:\camera traps\2026 (north)'"]),
        (["pool.root=2026"], ["++pool.root='2026'"]),
        (["-m", "pool.root=2025_11,2026_05"], ["-m", "++pool.root='2025_11','2026_05'"]),
        (["predict", "images=007"], ["task=predict", "task.images='007'"]),
        (["project=2026.10", "sampler.draws=20"], ["project='2026.10'", "++sampler.draws=20"]),
        (["pool.root=D:\\"], ["++pool.root='D:\\\\'"]),
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
