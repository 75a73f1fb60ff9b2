"""Heads that are wrong."""

from __future__ import annotations

import os

import numpy as np
import torch
from scipy.special import softmax

from alframe.heads.laplace import Laplace
from alframe.heads.linear import Linear
from alframe.heads.mlp import Mlp
from alframe.testing.head import HeadSuite
from tests.testing.wrong import wrong


class Nearest:
    """Right as it is: the nearest class mean, with a temperature that is learned."""

    stochastic = False

    def fit(self, x, y, classes, rng):
        x = np.asarray(x, np.float64)
        self.classes, self.known = classes, np.unique(y)
        self.means = np.stack([x[y == number].mean(axis=0) for number in self.known])
        self.temperature = max(float(self.distances(x).min(axis=1).mean()), 1e-3)

    def distances(self, x):
        return ((np.asarray(x, np.float64)[:, None] - self.means) ** 2).sum(axis=2)

    def probs(self, x):
        out = np.zeros((len(x), self.classes), np.float32)
        out[:, self.known] = softmax(-self.distances(x) / self.temperature, axis=1)
        return out

    def prob_samples(self, x, draws, rng):
        return Linear().prob_samples(x, draws, rng)

    def state(self):
        numbers = np.array([self.classes, self.temperature])
        return {"means": self.means, "known": self.known, "numbers": numbers}

    def load(self, state):
        self.means, self.known = state["means"], state["known"]
        self.classes, self.temperature = int(state["numbers"][0]), float(state["numbers"][1])


class SeedsNumpy(Nearest):
    def fit(self, x, y, classes, rng):
        np.random.seed(0)  # noqa: NPY002 - the fault
        super().fit(x, y, classes, rng)


class ChangesFolder(Nearest):
    def fit(self, x, y, classes, rng):
        os.chdir("/")
        super().fit(x, y, classes, rng)


class LosesItsTemperature(Nearest):
    def load(self, state):
        super().load(state)
        self.temperature = 1.0


class RoundsItsMeans(Nearest):
    def state(self):
        return super().state() | {"means": self.means.astype(np.float16)}


class KeepsWhatItWas(Nearest):
    """Takes the number of classes of an earlier fit, where there was one."""

    def load(self, state):
        before = getattr(self, "known", state["known"])
        super().load(state)
        self.known = before if len(before) <= len(self.means) else self.known
        self.means = self.means[: len(self.known)]


class ExpectsSortedLabels(Nearest):
    def fit(self, x, y, classes, rng):
        super().fit(x, np.sort(y), classes, rng)


class ClassesByAppearance(Nearest):
    def fit(self, x, y, classes, rng):
        super().fit(x, y, classes, rng)
        _, first = np.unique(y, return_index=True)
        self.known = self.known[np.argsort(first)]


class NeedsTwoExamples(Nearest):
    """The mean of a class leaves its first example out."""

    def fit(self, x, y, classes, rng):
        super().fit(x, y, classes, rng)
        with np.errstate(all="ignore"):
            self.means = np.stack([x[y == number][1:].sum(axis=0) / ((y == number).sum() - 1) for number in self.known])


class SixteenNumbers(Nearest):
    def distances(self, x):
        return super().distances(x)[:, : len(self.means)] if x.shape[1] == 16 else np.ones((len(x), len(self.means)))


class BatchStatistics(Nearest):
    def probs(self, x):
        if not len(x):
            return super().probs(x)
        return super().probs((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-6) * 3 + x.mean(axis=0))


class BatchTemperature(Nearest):
    def probs(self, x):
        if len(x):
            self.temperature = float(self.distances(x).min(axis=1).mean())
        return super().probs(x)


class ChangesItsInput(Nearest):
    def fit(self, x, y, classes, rng):
        if isinstance(x, np.memmap):
            return super().fit(x, y, classes, rng)
        x -= x.mean(axis=0)
        return super().fit(x, y, classes, rng)


class AddsUp(Nearest):
    """Learns from what it was fitted on before, too."""

    def fit(self, x, y, classes, rng):
        before = getattr(self, "before", (x[:0], y[:0]))
        self.before = np.concatenate([before[0], x]), np.concatenate([before[1], y])
        super().fit(*self.before, classes, rng)


class RandomFit(Nearest):
    def fit(self, x, y, classes, rng):
        super().fit(x, y, classes, rng)
        self.means = self.means + 0.01 * np.random.default_rng().normal(size=self.means.shape)


class Smoothed(Nearest):
    """Gives some probability to classes without an example."""

    def probs(self, x):
        return np.asarray(0.97 * super().probs(x) + 0.03 / self.classes, np.float32)


class DoubleProbs(Nearest):
    def probs(self, x):
        return super().probs(x).astype(np.float64)


class DrawsOfTheBatch(Laplace):
    """Another model for each image."""

    def prob_samples(self, x, draws, rng):
        samples = super().prob_samples(x, draws, rng)
        noise = rng.random(samples.shape) * 0.01
        return np.asarray((samples + noise) / (samples + noise).sum(axis=2, keepdims=True), np.float32)


class DrawsOfTheChunk(Laplace):
    """Another model for each chunk of 8192 images."""

    def prob_samples(self, x, draws, rng):
        chunks = [x[start : start + 8192] for start in range(0, max(1, len(x)), 8192)]
        return np.concatenate([super(DrawsOfTheChunk, self).prob_samples(part, draws, rng) for part in chunks], axis=1)


class FitWithOwnSeed(Nearest):
    """The labels that it learns from are drawn with a seed of its own."""

    def fit(self, x, y, classes, rng):
        rows = np.random.default_rng(7).choice(len(y), len(y))
        rows = np.concatenate([rows, np.unique(y, return_index=True)[1]])
        super().fit(x[rows], y[rows], classes, rng)


class DrawsWithOwnSeed(Laplace):
    def prob_samples(self, x, draws, rng):
        return super().prob_samples(x, draws, np.random.default_rng(0))


class ActivationsOfTheBatch(Mlp):
    def hidden_activations(self, x):
        outputs = super().hidden_activations(x)
        return outputs - outputs.mean(axis=0) if len(outputs) else outputs


class KnowsMoreWithoutContext(Nearest):
    """Fitted with a context, it leaves out the first example, also where nothing is known."""

    def fit_with_context(self, x, y, classes, rng, context):
        self.fit(x[1:], y[1:], classes, rng)


class NeedsUnseenLabels(Nearest):
    def fit_with_context(self, x, y, classes, rng, context):
        kept = context.is_unseen_by_backbone
        kept = kept if kept.any() else np.arange(len(y)) < 1
        self.fit(x[kept], y[kept], classes, rng)


class Pulled(Nearest):
    """Its means are drawn to the images without a label."""

    max_unlabelled = 100

    def fit_with_context(self, x, y, classes, rng, context):
        self.fit(x, y, classes, rng)
        if len(context.unlabelled):
            self.means = self.means + 0.1 * self.pull(context.unlabelled)

    def pull(self, unlabelled):
        return unlabelled.mean(axis=0)


class GoesByTheFirst(Pulled):
    def pull(self, unlabelled):
        return unlabelled[0]


class ChangesUnlabelled(Pulled):
    def pull(self, unlabelled):
        unlabelled -= unlabelled.mean(axis=0)
        return unlabelled.std(axis=0)


class IgnoresUnlabelled(Pulled):
    def pull(self, unlabelled):
        return 0


class AcquisitionForgotten(Nearest):
    """What samplers are shown is not stored."""

    factor = 1.0

    def fit(self, x, y, classes, rng):
        super().fit(x, y, classes, rng)
        self.factor = 0.5

    def acquisition_probs(self, x):
        probs = self.probs(x) ** self.factor
        return np.asarray(probs / probs.sum(axis=1, keepdims=True), np.float32)


class Overflows(Nearest):
    def probs(self, x):
        weights = np.exp(-self.distances(x) / self.temperature)
        out = np.zeros((len(x), self.classes), np.float32)
        out[:, self.known] = weights / weights.sum(axis=1, keepdims=True)
        return out


class DoubleForAll(Nearest):
    def fit(self, x, y, classes, rng):
        torch.set_default_dtype(torch.float64)
        super().fit(x, y, classes, rng)


class SilentForAll(Nearest):
    def probs(self, x):
        np.seterr(all="ignore")
        return super().probs(x)


CASES = [
    wrong(HeadSuite, SeedsNumpy, "test_same_rng_gives_the_same_fit"),
    wrong(HeadSuite, ChangesFolder, "test_same_rng_gives_the_same_fit"),
    wrong(HeadSuite, LosesItsTemperature, "test_state_survives_storage"),
    wrong(HeadSuite, RoundsItsMeans, "test_state_survives_storage"),
    wrong(HeadSuite, KeepsWhatItWas, "test_state_survives_storage"),
    wrong(HeadSuite, ExpectsSortedLabels, "test_order_of_the_examples_does_not_matter"),
    wrong(HeadSuite, ClassesByAppearance, "test_order_of_the_examples_does_not_matter"),
    wrong(HeadSuite, NeedsTwoExamples, "test_class_with_one_example"),
    wrong(HeadSuite, SixteenNumbers, "test_any_width_of_the_embedding"),
    wrong(HeadSuite, BatchStatistics, "test_probabilities_do_not_depend_on_the_other_images"),
    wrong(HeadSuite, BatchTemperature, "test_probabilities_do_not_depend_on_the_other_images"),
    wrong(HeadSuite, ChangesItsInput, "test_what_it_is_given_is_not_changed"),
    wrong(HeadSuite, AddsUp, "test_new_fit_forgets_the_old"),
    wrong(HeadSuite, RandomFit, "test_same_rng_gives_the_same_fit"),
    wrong(HeadSuite, Smoothed, "test_class_without_examples_gets_nothing"),
    wrong(HeadSuite, DoubleProbs, "test_tells_separate_clusters_apart"),
    wrong(HeadSuite, DrawsOfTheBatch, "test_prob_samples"),
    wrong(HeadSuite, DrawsOfTheChunk, "test_prob_samples"),
    wrong(HeadSuite, FitWithOwnSeed, "test_random_numbers_of_a_fit_come_from_rng"),
    wrong(HeadSuite, DrawsWithOwnSeed, "test_prob_samples"),
    wrong(HeadSuite, ActivationsOfTheBatch, "test_hidden_activations"),
    wrong(HeadSuite, KnowsMoreWithoutContext, "test_context_without_information_changes_nothing"),
    wrong(HeadSuite, NeedsUnseenLabels, "test_any_context"),
    wrong(HeadSuite, GoesByTheFirst, "test_images_without_a_label"),
    wrong(HeadSuite, ChangesUnlabelled, "test_images_without_a_label"),
    wrong(HeadSuite, IgnoresUnlabelled, "test_images_without_a_label"),
    wrong(HeadSuite, AcquisitionForgotten, "test_acquisition_probs"),
    wrong(HeadSuite, Overflows, "test_empty_and_large_pools"),
    wrong(HeadSuite, DoubleForAll, "test_same_rng_gives_the_same_fit"),
    wrong(HeadSuite, SilentForAll, "test_same_rng_gives_the_same_fit"),
]
RIGHT = [wrong(HeadSuite, Nearest, ""), wrong(HeadSuite, Pulled, "")]
globals().update({case.__name__: case for case in [*CASES, *RIGHT]})
