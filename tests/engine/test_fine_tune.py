"""Fine-tuning pulls classes apart, repeats bit for bit, and copes with what labelled sets are really like."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from alframe.contracts import Loss
from alframe.engine.training.fine_tune import fine_tune
from alframe.engine.training.optimiser import make_optimiser, make_schedule
from alframe.errors import BadParams, PoolError
from alframe.losses.softmax import Softmax
from alframe.losses.triplet import Triplet
from alframe.settings import TrainingPlan
from alframe.types import InputSpec, Item

SPEC = InputSpec(32, (0.5,) * 3, (0.5,) * 3)
BALANCED = TrainingPlan(epochs=6, lr=3e-3, weight_decay=0.0, batching="balanced", classes=3, samples=4)
SHUFFLED = TrainingPlan(epochs=3, lr=3e-3, weight_decay=1e-4, batching="shuffled", batch_size=8)


class Small(nn.Sequential):
    def __init__(self) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            super().__init__(
                nn.Conv2d(3, 16, 5, stride=2),
                nn.BatchNorm2d(16),
                nn.ReLU(),
                nn.Conv2d(16, 16, 3),
                nn.BatchNorm2d(16),
                nn.ReLU(),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Dropout(0.1),
                nn.Linear(16, 8),
            )


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Item], np.ndarray]:
    """Three textures, 7 images each: fine noise, blobs, and blobs of two sizes; brightness says nothing."""
    folder = tmp_path_factory.mktemp("labelled")
    rng = np.random.default_rng(0)
    items, y = [], []
    for number, grain in enumerate((48, 12, 5)):
        for i in range(7):
            noise = rng.integers(0, 256, (grain, grain, 3), dtype=np.uint8)
            path = folder / f"{number}_{i}.png"
            Image.fromarray(noise).resize((48, 48), Image.Resampling.NEAREST).save(path)
            items.append(Item(path.name, path))
            y.append(number)
    return items, np.array(y, np.int64)


def train(
    labelled: tuple[list[Item], np.ndarray], loss: Loss, plan: TrainingPlan, seed: int = 0, workers: int = 0
) -> tuple[nn.Module, list[float]]:
    items, y = labelled
    module = Small()
    result = fine_tune(module, loss.bind(8, 3, seed), items, y, SPEC, plan, seed, "cpu", workers)
    return module, result.losses


def separation(module: nn.Module, labelled: tuple[list[Item], np.ndarray]) -> float:
    """Spread between the classes' means over the spread within."""
    items, y = labelled
    pixels = np.stack([np.asarray(Image.open(item.path).resize((32, 32))) for item in items])
    with torch.no_grad():
        x = module.eval()(torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1).numpy()
    means = np.stack([x[y == c].mean(0) for c in range(3)])
    within = np.mean([((x[y == c] - means[c]) ** 2).sum(1).mean() for c in range(3)])
    return float(((means - means.mean(0)) ** 2).sum(1).mean() / within)


@pytest.mark.parametrize(
    ("loss", "plan"),
    [(Triplet(), BALANCED), (Softmax(), replace(BALANCED, batching="shuffled", batch_size=12))],
    ids=["triplet", "softmax"],
)
def test_classes_move_apart(labelled: tuple[list[Item], np.ndarray], loss: Loss, plan: TrainingPlan) -> None:
    module, history = train(labelled, loss, replace(plan, epochs=15))
    assert len(history) == 15
    if isinstance(loss, Softmax):  # mining leaves only the violations, so a triplet loss need not fall
        assert np.mean(history[-3:]) < np.mean(history[:3])
    assert separation(module, labelled) > 1.3 * separation(Small(), labelled)
    assert not module.training


def test_the_same_seed_gives_the_same_weights_bit_for_bit(labelled: tuple[list[Item], np.ndarray]) -> None:
    torch.manual_seed(1)
    one, first = train(labelled, Triplet(), SHUFFLED, workers=0)
    torch.manual_seed(2)
    two, second = train(labelled, Triplet(), SHUFFLED, workers=2)
    other, _ = train(labelled, Triplet(), SHUFFLED, seed=1)
    assert first == second
    for name, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[name]), name
    assert not torch.equal(one[0].weight, other[0].weight)


def test_the_global_generator_is_left_alone(labelled: tuple[list[Item], np.ndarray]) -> None:
    before = torch.get_rng_state()
    train(labelled, Triplet(), replace(SHUFFLED, epochs=1))
    assert torch.equal(before, torch.get_rng_state())


def test_unreadable_images_are_left_out_with_one_warning(
    labelled: tuple[list[Item], np.ndarray], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    items, y = labelled
    broken = [replace(items[0], path=tmp_path / "gone.jpg"), *items[1:]]
    with caplog.at_level(logging.WARNING):
        _, history = train((broken, y), Triplet(), SHUFFLED)
    assert len(history) == 3
    warnings = [r.getMessage() for r in caplog.records]
    assert len(warnings) == 1
    assert "gone.jpg" in warnings[0]
    assert "no such file" in warnings[0]


def test_nothing_readable(labelled: tuple[list[Item], np.ndarray], tmp_path: Path) -> None:
    items, y = labelled
    module = Small()
    (tmp_path / "other.txt").touch()  # a folder with nothing at all in it is that of a drive that was taken off
    with pytest.raises(PoolError, match="21 of the 21 labelled images cannot be read"):
        fine_tune(
            module,
            Triplet().bind(8, 3, 0),
            [replace(i, path=tmp_path / i.id) for i in items],
            y,
            SPEC,
            SHUFFLED,
            0,
            "cpu",
            0,
        )
    assert not module.training


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_labels(labelled: tuple[list[Item], np.ndarray], count: int, caplog: pytest.LogCaptureFixture) -> None:
    items, y = labelled
    module, history = train((items[:count], y[:count]), Triplet(), BALANCED)
    assert history == []
    assert torch.equal(module[0].weight, Small()[0].weight)
    assert "at least two" in caplog.text


def test_one_class_and_odd_sizes(labelled: tuple[list[Item], np.ndarray]) -> None:
    items, y = labelled
    assert train((items[:7], y[:7]), Triplet(), BALANCED)[1] == [0.0] * 6
    for count in (2, 9, 17):
        for plan in (BALANCED, SHUFFLED):
            history = train((items[-count:], y[-count:]), Softmax(), replace(plan, epochs=1))[1]
            assert np.isfinite(history).all()


def test_divergence_is_an_error(labelled: tuple[list[Item], np.ndarray]) -> None:
    class Broken(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x.sum() * float("nan")

    class Diverging:
        def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
            return Broken()

    with pytest.raises(BadParams, match="Lower the learning rate"):
        train(labelled, Diverging(), replace(SHUFFLED, epochs=1))


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 0.0},
        {"lr": float("inf")},
        {"weight_decay": float("nan")},
        {"samples": 1},
        {"batch_size": 1},
        {"epochs": -1},
        {"patience": 0},
        {"batching": "single"},
        {"optimiser": "lion"},
        {"schedule": "linear"},
        {"precision": "half"},
        {"freeze": "-1"},
        {"freeze": "stem"},
        {"freeze": "²"},
    ],
)
def test_bad_plans_name_the_setting_and_what_it_can_be(change: dict[str, object]) -> None:
    with pytest.raises(BadParams, match=rf"{next(iter(change))}.*(can|must) be"):
        replace(BALANCED, **change)


@pytest.mark.parametrize(
    "change",
    [
        {"optimiser": "adamw", "weight_decay": 0.1},
        {"optimiser": "sgd", "schedule": "cosine", "lr": 0.05},
        {"schedule": "one_cycle"},
        {"precision": "mixed"},
    ],
    ids=lambda change: "-".join(change),
)
def test_every_way_of_training_separates_the_classes_and_repeats(
    labelled: tuple[list[Item], np.ndarray], change: dict[str, object]
) -> None:
    plan = replace(BALANCED, epochs=12, **change)
    module, history = train(labelled, Softmax(), plan)
    again, _ = train(labelled, Softmax(), plan)
    usual, _ = train(labelled, Softmax(), replace(BALANCED, epochs=12))
    assert np.isfinite(history).all()
    for name, value in module.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
        assert value.dtype in (torch.float32, torch.int64)
    assert not torch.equal(module[0].weight, usual[0].weight)
    assert separation(module, labelled) > 1.15 * separation(Small(), labelled)


def test_patience_ends_a_training_that_does_not_help_and_keeps_the_best_weights(
    labelled: tuple[list[Item], np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    class Harm(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return x.square().sum()

    class Harmful:
        def bind(self, dim: int, classes: int, seed: int) -> nn.Module:
            return Harm()

    # A network that tells the classes already, which this loss makes it forget.
    items, y = labelled
    trained, _ = train(labelled, Softmax(), replace(BALANCED, epochs=25))
    before = {name: tensor.clone() for name, tensor in trained.state_dict().items()}
    plan = replace(BALANCED, epochs=9, lr=0.05, patience=2)
    with caplog.at_level(logging.INFO):
        result = fine_tune(trained, Harm(), items, y, SPEC, plan, 0, "cpu", 0)
    assert (len(result.losses), result.best_epoch, len(result.validation_f1)) == (2, 0, 3)
    assert all(torch.equal(tensor, before[name]) for name, tensor in trained.state_dict().items())
    assert "after epoch 0, which is kept" in caplog.text


def test_a_training_that_helps_keeps_its_best_epoch_and_repeats(
    labelled: tuple[list[Item], np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    items, y = labelled
    plan = replace(BALANCED, epochs=10, patience=4)
    modules = []
    for _ in range(2):
        module = Small()
        torch.nn.init.zeros_(module[9].weight)  # all images are alike
        with caplog.at_level(logging.INFO):
            result = fine_tune(module, Softmax().bind(8, 3, 0), items, y, SPEC, plan, 0, "cpu", 0)
        assert len(result.losses) >= 5
        assert result.best_epoch == int(np.argmax(result.validation_f1)) > 0
        assert result.train_accuracy is not None
        assert result.train_accuracy > 0.8
        modules.append(module.state_dict())
    assert all(torch.equal(modules[0][name], modules[1][name]) for name in modules[0])
    assert "was 0.167 before" in caplog.text  # one class for all: 1 of 3 has an F1, of 1/2
    assert "after epoch 0" not in caplog.text


def test_a_single_group_cannot_judge(labelled: tuple[list[Item], np.ndarray], caplog: pytest.LogCaptureFixture) -> None:
    items, y = labelled
    burst = [replace(item, sequence="one") for item in items]
    plan = replace(SHUFFLED, epochs=2)
    module, history = train((burst, y), Softmax(), replace(plan, patience=1))
    assert len(history) == 2
    assert "too few groups (sequence)" in caplog.text
    assert torch.equal(module[0].weight, train(labelled, Softmax(), plan)[0][0].weight)


def test_a_loss_that_weighs_classes_is_told_of_all_labels_in_training(labelled: tuple[list[Item], np.ndarray]) -> None:
    items, y = labelled
    loss = Softmax(weighting="balanced").bind(8, 3, 0)
    fine_tune(Small(), loss, items[:10], y[:10], SPEC, replace(SHUFFLED, epochs=1), 0, "cpu", 0)
    torch.testing.assert_close(loss.weights, torch.tensor([10 / 14, 10 / 6, 0.0]) / (10 / 14 + 10 / 6) * 2)


def test_learning_rates_over_time() -> None:
    def rates(schedule: str, steps: int) -> list[float]:
        plan = replace(BALANCED, lr=1.0, schedule=schedule)
        optimiser = make_optimiser(nn.Linear(1, 1), nn.Identity(), [], plan)
        scheduler = make_schedule(optimiser, plan, steps)
        found = []
        for _ in range(steps):
            found.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            scheduler.step()
        return found

    assert rates("none", 3) == [1.0] * 3
    np.testing.assert_allclose(rates("cosine", 8), (1 + np.cos(np.pi * np.arange(8) / 8)) / 2)
    cycle = rates("one_cycle", 101)
    assert cycle[0] == pytest.approx(1 / 25)
    assert max(cycle) == pytest.approx(1, abs=0.01)
    assert int(np.argmax(cycle)) in (29, 30)
    assert cycle[-1] < 1e-5
    assert rates("cosine", 1) == rates("one_cycle", 1) == [1.0]


def test_a_frozen_stage_is_not_trained(labelled: tuple[list[Item], np.ndarray]) -> None:
    class Staged(Small):
        def group_matcher(self, coarse: bool = False) -> dict[str, object]:
            return {"stem": r"^[01]\.", "blocks": r"^[34]\.", "rest": r"^9\."}

    items, y = labelled
    module = Staged()
    fine_tune(module, Softmax().bind(8, 3, 0), items, y, SPEC, replace(SHUFFLED, freeze="0"), 0, "cpu", 0)
    old, new = Small().state_dict(), module.state_dict()
    assert {name for name in new if torch.equal(old[name], new[name])} == {n for n in new if n[:2] in ("0.", "1.")}
    assert all(weight.requires_grad for weight in module.parameters())


def test_no_epochs_leave_the_module_as_it_was(labelled: tuple[list[Item], np.ndarray]) -> None:
    module, history = train(labelled, Softmax(), replace(SHUFFLED, epochs=0))
    assert history == []
    assert torch.equal(module[0].weight, Small()[0].weight)


@pytest.mark.parametrize("patience", [None, 2])
def test_a_long_training_is_forecast(
    labelled: tuple[list[Item], np.ndarray],
    patience: int | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = iter(range(10**6))
    monkeypatch.setattr("alframe.progress.time.perf_counter", lambda: float(next(now)))  # a second with each look
    with caplog.at_level(logging.INFO):
        train(labelled, Triplet(), replace(SHUFFLED, epochs=40, patience=patience))
    (line,) = [one for one in caplog.messages if "will take" in one]
    rows = 21 if patience is None else int(line.split()[2])
    assert rows in (21, 15, 16, 17, 18)
    how = "about" if patience is None else "at most"
    assert line.startswith(f"Fine-tuning on {rows} images, 40 times: {40 * rows} images will take {how} ")
    assert line.endswith("MB are read.")
