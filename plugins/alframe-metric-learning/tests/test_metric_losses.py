"""Losses of pytorch-metric-learning by name; and where ours are the same, the same values."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from alframe_metric_learning.metric import Metric, _classes
from pytorch_metric_learning import distances, losses, miners

import alframe
from alframe.contracts import CheckableLoss, Loss
from alframe.errors import BadParams
from alframe.kit.composite import build_part
from alframe.testing import LossSuite, tiny_overrides, tiny_pool


class TestMultiSimilarity(LossSuite):
    def make(self) -> Loss:
        return Metric()


class TestProxyAnchor(LossSuite):
    def make(self) -> Loss:
        return Metric("ProxyAnchorLoss")


class TestArcFace(LossSuite):
    def make(self) -> Loss:
        return Metric("ArcFaceLoss", {"scale": 16})


class TestSampledTriplets(LossSuite):
    """With chance in the loss itself, from the library's global generator."""

    def make(self) -> Loss:
        return Metric("TripletMarginLoss", {"triplets_per_anchor": 3, "smooth_loss": True})


class TestWithMiner(LossSuite):
    def make(self) -> Loss:
        return Metric("TripletMarginLoss", miner="DistanceWeightedMiner", miner_options={"cutoff": 0.2})


RED, BLUE = torch.arange(18) % 3, torch.zeros(18, dtype=torch.int64)
NEED = {"RankedListLoss": {"margin": 0.4, "Tn": 10}}


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")  # the library's own
@pytest.mark.parametrize("name", _classes(losses))
def test_every_loss_it_offers_trains_from_batch_to_batch(name: str) -> None:
    module = Metric(name, NEED.get(name, {})).bind(8, 3, 0)
    again = Metric(name, NEED.get(name, {})).bind(8, 3, 0)
    x = torch.randn(18, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    before = torch.get_rng_state()
    for labels in (RED, RED, BLUE, torch.arange(3), BLUE[:1]):
        value = module(x[: len(labels)], labels)
        value.backward()
        assert torch.equal(value, again(x[: len(labels)], labels))
        assert value.shape == ()
        assert torch.isfinite(value), labels
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", _classes(miners))
def test_every_miner_it_offers_chooses(name: str) -> None:
    loss = "TripletMarginLoss"
    x = torch.randn(18, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    value = Metric(loss, miner=name).bind(8, 3, 0)(x, RED)
    value.backward()
    assert torch.isfinite(value)


def test_it_is_the_librarys_own_value() -> None:
    x = torch.randn(18, 8, generator=torch.Generator().manual_seed(0))
    ours = Metric("CircleLoss", {"m": 0.3}, miner="MultiSimilarityMiner", miner_options={"epsilon": 0.2}).bind(8, 3, 0)(
        x, RED
    )
    theirs = losses.CircleLoss(m=0.3)(x, RED, miners.MultiSimilarityMiner(epsilon=0.2)(x, RED))
    assert torch.equal(ours, theirs)
    assert ours != Metric("CircleLoss").bind(8, 3, 0)(x, RED)


@pytest.mark.parametrize(("mining", "kind"), [("all", "all"), ("semi_hard", "semihard")])
def test_our_triplets_are_theirs(mining: str, kind: str) -> None:
    """The mean over all triplets that violate the margin; for semi-hard ones over many draws, each pair having one."""
    squared = distances.LpDistance(normalize_embeddings=False, p=2, power=2)
    triplet: Loss = build_part("loss", {"name": "triplet", "margin": 1.5, "mining": mining})
    generator = torch.Generator().manual_seed(5)
    for _ in range(5):
        x, y = torch.randn(24, 6, generator=generator), torch.randint(0, 4, (24,), generator=generator)
        theirs = losses.TripletMarginLoss(margin=1.5, distance=squared)
        found = miners.TripletMarginMiner(margin=1.5, type_of_triplets=kind, distance=squared)(x, y)
        if mining == "all":
            torch.testing.assert_close(triplet.bind(6, 4, 0)(x, y), theirs(x, y, found))
            continue
        anchor, positive, negative = found
        d = ((x[:, None] - x[None]) ** 2).sum(2)
        slack = 1.5 + d[anchor, positive] - d[anchor, negative]
        by_pair = [
            slack[(anchor == a) & (positive == p)] for a, p in {*zip(anchor.tolist(), positive.tolist(), strict=True)}
        ]
        loss = triplet.bind(6, 4, 0)
        drawn = torch.stack([loss(x, y) for _ in range(200)]).mean()
        expected = torch.stack([one.mean() for one in by_pair]).mean()
        torch.testing.assert_close(drawn, expected, rtol=0.03, atol=0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"loss": "ProxyAnchorLos"}, "Did you mean 'ProxyAnchorLoss'"),
        ({"loss": "VICRegLoss"}, "there is no loss 'VICRegLoss'"),
        ({"loss": "SelfSupervisedLoss"}, "there is no loss"),
        ({"miner": "Hard"}, "there is no miner 'Hard'.*Known: AngularMiner"),
        ({"loss": "ArcFaceLoss", "options": {"scal": 3}}, "no option 'scal'. Did you mean 'scale'"),
        ({"loss": "ArcFaceLoss", "options": {"num_classes": 3}}, "no option 'num_classes'"),
        ({"loss": "RankedListLoss"}, "RankedListLoss with {} does not work.*Tn"),
        ({"options": {"distance": "LpDistance"}}, "no option 'distance'"),
        ({"options": {"alpha": "high"}}, "MultiSimilarityLoss with .* does not work.*loss.options"),
        ({"distance": "Euclidean"}, "there is no distance 'Euclidean'.*LpDistance"),
        ({"loss": "SoftTripleLoss", "distance": "LpDistance"}, "SoftTripleLoss .*does not work"),
        ({"distance_options": {"p": 1}}, "no distance. Name one: loss.distance="),
        ({"miner_options": {"margin": 1}}, "no miner. Name one: loss.miner="),
    ],
)
def test_bad_parameters_are_named(words: dict[str, object], message: str) -> None:
    with pytest.raises(BadParams, match=message):
        Metric(**words).check()


def test_nothing_is_computed_before_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = Metric("NoSuchLoss")  # the constructor only stores
    assert isinstance(loss, CheckableLoss)
    with pytest.raises(BadParams, match="no loss 'NoSuchLoss'"):
        loss.check()


def test_it_can_be_chosen_and_is_checked_before_anything_is_embedded(tmp_path: Path) -> None:
    words = [*tiny_overrides(tiny_pool(tmp_path / "pool", each=4), tmp_path / "runs"), "loss=metric"]
    config = alframe.compose(*words, "loss.loss=CircleLoss", "loss.options.m=0.3", "loss.distance=CosineSimilarity")
    loss = build_part("loss", config.loss)
    assert isinstance(loss, Metric) and loss.options == {"m": 0.3} and loss.distance == "CosineSimilarity"
    with alframe.open_session(*words, "loss.miner=Hard") as session, pytest.raises(BadParams, match="no miner 'Hard'"):
        session.task_to_run.run(session)
    assert not list(tmp_path.glob("runs/*/features*"))


@pytest.mark.parametrize("distance", _classes(distances))
def test_every_distance_it_offers_serves_loss_and_miner(distance: str) -> None:
    x = torch.randn(18, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = Metric("TripletMarginLoss", distance=distance, miner="BatchHardMiner")
    loss.check()
    value = loss.bind(8, 3, 0)(x, RED)
    value.backward()
    assert torch.isfinite(value)


def test_the_distance_is_the_librarys_own() -> None:
    x = torch.randn(18, 8, generator=torch.Generator().manual_seed(0))
    squared = distances.LpDistance(normalize_embeddings=False, power=2)
    theirs = losses.TripletMarginLoss(margin=2, distance=squared)
    found = miners.BatchHardMiner(distance=squared)(x, RED)
    ours = Metric(
        "TripletMarginLoss", {"margin": 2}, "LpDistance", {"normalize_embeddings": False, "power": 2}, "BatchHardMiner"
    )
    assert torch.equal(ours.bind(8, 3, 0)(x, RED), theirs(x, RED, found))
    assert not torch.equal(ours.bind(8, 3, 0)(x, RED), Metric("TripletMarginLoss", {"margin": 2}).bind(8, 3, 0)(x, RED))
