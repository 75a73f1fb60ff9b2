"""Backbones that are wrong."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn

from alframe.testing.backbone import BackboneSuite
from alframe.types import InputSpec
from tests.testing.wrong import wrong


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 3)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        return self.convolution(x).mean(dim=(2, 3))


class Right:
    """A network of one layer, built as the contract says."""

    input_spec = InputSpec(8, (0.5,) * 3, (0.5,) * 3, "bilinear")
    network = Small

    def module(self, seed, weights=True):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.network()


def with_forward(change):
    """Return the network whose embeddings are changed by `change`."""

    class Changed(Small):
        def forward(self, x):
            return change(self, super().forward(x), x)

    return Changed


def drift(module, embeddings, x):
    module.calls += 1
    return embeddings * (1 + 1e-6 * module.calls)


def brighten(module, embeddings, x):
    x += 1
    return embeddings


class SeedsTorch(Right):
    def module(self, seed, weights=True):
        torch.manual_seed(seed)
        return self.network()


class ChangesFolder(Right):
    def module(self, seed, weights=True):
        os.chdir("/")
        return super().module(seed, weights)


class DropsTheLastBatch(Right):
    network = with_forward(lambda module, embeddings, x: embeddings if len(x) <= 4 else embeddings[: len(x) // 4 * 4])


class EightAtMost(Right):
    network = with_forward(lambda module, embeddings, x: embeddings[:8])


class Drifts(Right):
    network = with_forward(drift)


class ChangesTheImages(Right):
    network = with_forward(brighten)


class NoisyAlways(Right):
    network = with_forward(lambda module, embeddings, x: nn.functional.dropout(embeddings, 0.1, training=True))


class NanOnOneColour(Right):
    network = with_forward(lambda module, embeddings, x: embeddings / x.std(dim=(1, 2, 3))[:, None])


class BatchStatistics(Right):
    network = with_forward(lambda module, embeddings, x: embeddings - embeddings.mean(dim=0))


class TurnsTheBatch(Right):
    network = with_forward(lambda module, embeddings, x: embeddings.flip(0))


class HalfPrecision(Right):
    network = with_forward(lambda module, embeddings, x: embeddings.half())


class Maps(Right):
    network = with_forward(lambda module, embeddings, x: embeddings[:, :, None])


class IgnoresTheSeed(Right):
    def module(self, seed, weights=True):
        return super().module(0, weights)


class Frozen(Right):
    def module(self, seed, weights=True):
        return super().module(seed, weights).requires_grad_(False)


class ColourHistogram(nn.Module):
    """The share of each of eight tones, of each colour: there is nothing to train."""

    def __init__(self):
        super().__init__()
        self.register_buffer("tones", torch.linspace(-2, 2, 8))

    def forward(self, images):
        distances = (images[:, :, None] - self.tones[:, None, None]).abs()
        return (1 - 2 * distances).clamp(min=0).mean(dim=(3, 4)).flatten(1)


class WithoutWeights(Right):
    network = ColourHistogram
    draws_weights = False

    def weights_files(self):
        return ()


class DrawsAllTheSame(WithoutWeights):
    """Declares that nothing is drawn, and draws the tones."""

    def module(self, seed, weights=True):
        network = super().module(seed, weights)
        network.tones += torch.rand(8, generator=torch.Generator().manual_seed(seed))
        return network


class SaysNothing(Right):
    """Has no weights, and does not declare it."""

    network = ColourHistogram


class WithAScale(Small):
    def __init__(self):
        super().__init__()
        self.scale = torch.ones(1)  # no buffer

    def forward(self, x):
        return super().forward(x * self.scale)


class StaysOnTheCpu(Right):
    network = WithAScale


class FromAFile(Right):
    """Right as it is: with weights from a file."""

    draws_weights = False
    file = Path(__file__)

    def weights_files(self):
        return [self.file]

    def module(self, seed, weights=True):
        return super().module(23 if weights else seed)


class NamesAFileThatIsGone(FromAFile):
    file = Path("weights.pt")


class NamesATextOfAPath(FromAFile):
    file = __file__


class NamesNoFile(FromAFile):
    def weights_files(self):
        return ()


class DrawsInSecret(FromAFile):
    def module(self, seed, weights=True):
        return Right.module(self, seed)


CASES = [
    wrong(BackboneSuite, SeedsTorch, "test_leaves_the_global_generator_alone test_another_seed_gives_other_weights"),
    wrong(BackboneSuite, ChangesFolder, "test_another_seed_gives_other_weights"),
    wrong(BackboneSuite, DropsTheLastBatch, "test_batches_of_any_size"),
    wrong(BackboneSuite, EightAtMost, "test_batches_of_any_size"),
    wrong(BackboneSuite, Drifts, "test_does_not_change_while_it_is_used"),
    wrong(BackboneSuite, ChangesTheImages, "test_does_not_change_while_it_is_used"),
    wrong(BackboneSuite, NoisyAlways, "test_does_not_change_while_it_is_used"),
    wrong(BackboneSuite, NanOnOneColour, "test_image_of_one_colour_has_a_finite_embedding"),
    wrong(BackboneSuite, BatchStatistics, "test_embedding_does_not_depend_on_the_batch"),
    wrong(BackboneSuite, TurnsTheBatch, "test_embedding_does_not_depend_on_the_batch"),
    wrong(BackboneSuite, HalfPrecision, "test_gives_one_float32_row_per_image"),
    wrong(BackboneSuite, Maps, "test_gives_one_float32_row_per_image"),
    wrong(BackboneSuite, IgnoresTheSeed, "test_another_seed_gives_other_weights"),
    wrong(BackboneSuite, Frozen, "test_can_be_trained"),
    wrong(BackboneSuite, DrawsAllTheSame, "test_another_seed_gives_other_weights"),
    wrong(BackboneSuite, SaysNothing, "test_another_seed_gives_other_weights test_can_be_trained"),
    wrong(BackboneSuite, NamesAFileThatIsGone, "test_what_it_says_of_its_weights_is_true"),
    wrong(BackboneSuite, NamesATextOfAPath, "test_what_it_says_of_its_weights_is_true"),
    wrong(BackboneSuite, NamesNoFile, "test_what_it_says_of_its_weights_is_true"),
    wrong(BackboneSuite, DrawsInSecret, "test_what_it_says_of_its_weights_is_true"),
    wrong(BackboneSuite, StaysOnTheCpu, "test_moves_to_another_device"),
]
RIGHT = [wrong(BackboneSuite, Right, ""), wrong(BackboneSuite, FromAFile, ""), wrong(BackboneSuite, WithoutWeights, "")]
globals().update({case.__name__: case for case in [*CASES, *RIGHT]})
