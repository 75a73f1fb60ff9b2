"""Labels set apart judge the training: whole groups, the right score, the best weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from alframe.engine.training.early_stopping import EarlyStopping, split_validation
from alframe.errors import PoolError
from alframe.types import InputSpec, Item

SPEC = InputSpec(8, (0.5,), (0.5,))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8)), min_size=2, max_size=60), st.integers(0, 3))
def test_no_sequence_is_on_both_sides(rows: list[tuple[int, int]], seed: int) -> None:
    items = [Item(f"{at}.jpg", Path(f"{at}.jpg"), sequence=f"s{group}") for at, (_, group) in enumerate(rows)]
    y = np.array([one for one, _ in rows], np.int64)
    train, judges = split_validation(items, y, "sequence", np.random.default_rng(seed))
    assert sorted([*train, *judges]) == list(range(len(rows)))
    assert not {items[row].sequence for row in train} & {items[row].sequence for row in judges}
    assert len(train)
    if len(judges):
        assert len(np.unique(y[train])) > 1


def test_a_fifth_of_each_class_and_whole_cameras() -> None:
    items = [Item(f"{at}.jpg", Path(f"{at}.jpg"), camera=f"c{at % 25}") for at in range(100)]
    y = np.array([at % 25 // 20 for at in range(100)], np.int64)  # 80 of one class, 20 of the other
    train, judges = split_validation(items, y, "camera", np.random.default_rng(0))
    assert np.bincount(y[judges]).tolist() == [16, 4]
    assert not {items[row].camera for row in train} & {items[row].camera for row in judges}


class Scale(nn.Module):
    """One number of each image, its brightness, times a weight: with 0 all images are alike."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.weight * images.mean((1, 2, 3))[:, None]


@pytest.fixture
def watch(tmp_path: Path) -> EarlyStopping:
    """Three classes by brightness; of the judging images one of class 2 looks like class 1."""
    shades = [10, 20, 110, 120, 220, 230, 15, 115, 225, 118]
    items = []
    for at, shade in enumerate(shades):
        Image.new("L", (8, 8), shade).save(tmp_path / f"{at}.png")
        items.append(Item(f"{at}.png", tmp_path / f"{at}.png"))
    y = np.array([0, 0, 1, 1, 2, 2, 0, 1, 2, 2], np.int64)
    return EarlyStopping(items, y, np.arange(6), np.arange(6, 10), SPEC, 0, patience=2)


def test_the_score_is_macro_f1_of_the_nearest_class_mean(watch: EarlyStopping) -> None:
    seen: list[int] = []
    assert not watch.update(Scale(), "cpu", seen.append)
    # Class 0: 1; class 1: precision 1/2, recall 1; class 2: precision 1, recall 1/2.
    assert watch.scores == [pytest.approx((1 + 2 / 3 + 2 / 3) / 3)]
    assert sum(seen) == 10


def test_patience_and_the_best_weights(watch: EarlyStopping) -> None:
    module = Scale()
    verdicts = []
    for weight in (0.0, 1.0, 0.0, 2.0):  # the last is as good as the second, which came first
        with torch.no_grad():
            module.weight.fill_(weight)
        verdicts.append(watch.update(module, "cpu", lambda _: None))
    assert verdicts == [False, False, False, True]
    watch.restore_best(module)
    assert float(module.weight.detach()) == 1.0


def test_nobody_can_judge_what_cannot_be_read(watch: EarlyStopping) -> None:
    for row in watch.validation_rows.tolist():
        watch.items[row].path.unlink()
    with pytest.raises(PoolError, match="none of the 4 validation images"):
        watch.update(Scale(), "cpu", lambda _: None)
