"""Samplers that are wrong."""

from __future__ import annotations

import os
import random
import time

import numpy as np
import torch

from alframe.kit.scoring import select_top_k
from alframe.samplers.adaptive import Adaptive
from alframe.samplers.bald import Bald
from alframe.samplers.kcenter import KCenter
from alframe.samplers.uncertainty import Margin, margin_uncertainty
from alframe.testing.sampler import SamplerSuite
from alframe.types import POOL_FACTS, Need, PoolView, Selection
from tests.testing.wrong import wrong


class SeedsNumpy(Margin):
    def select(self, view, k, rng):
        np.random.seed(0)  # noqa: NPY002 - the fault
        return super().select(view, k, rng)


class SeedsPython(Margin):
    def select(self, view, k, rng):
        random.seed(0)
        return super().select(view, k, rng)


class SeedsTorch(Margin):
    def select(self, view, k, rng):
        torch.manual_seed(0)
        return super().select(view, k, rng)


class ChangesFolder(Margin):
    def select(self, view, k, rng):
        os.chdir("/")
        return super().select(view, k, rng)


class ChangesFolderWhenBuilt(Margin):
    def __init__(self):
        os.chdir("/")


class IgnoresLabels(KCenter):
    def select(self, view, k, rng):
        labelled = view.labelled_features[:1] * 0
        return super().select(
            PoolView(view.keys, {Need.FEATURES: view.features, Need.LABELLED_FEATURES: labelled}), k, rng
        )


class NeverUpdates(KCenter):
    def select(self, view, k, rng):
        if not len(view.labelled_features):
            return super().select(view, k, rng)
        distances = np.linalg.norm(view.features[:, None] - view.labelled_features, axis=2).min(axis=1)
        return select_top_k(view.keys, distances, k, rng)


class NeverLooksAtWhatItHolds(KCenter):
    """The nearest label is that of the first call."""

    def select(self, view, k, rng):
        self.labelled = getattr(self, "labelled", view.labelled_features)
        return super().select(
            PoolView(view.keys, {Need.FEATURES: view.features, Need.LABELLED_FEATURES: self.labelled}), k, rng
        )


class FirstThousand(Margin):
    def select(self, view, k, rng):
        rows = max(k, 1000)
        return select_top_k(view.keys[:rows], margin_uncertainty(view.probs[:rows]), k, rng)


class WithoutTheLast(Margin):
    def select(self, view, k, rng):
        rows = max(k, len(view) - 1)
        return select_top_k(view.keys[:rows], margin_uncertainty(view.probs[:rows]), k, rng)


class WithoutTheFirst(Margin):
    def select(self, view, k, rng):
        rows = np.arange(len(view))[::-1][: max(k, len(view) - 1)]
        return select_top_k(view.keys[rows], margin_uncertainty(view.probs[rows]), k, rng)


class PoolOrder(Margin):
    def select(self, view, k, rng):
        scores = margin_uncertainty(view.probs)
        best = np.argsort(-scores, kind="stable")[:k]
        return Selection(view.keys[best], scores[best])


class LastFirst(Margin):
    def select(self, view, k, rng):
        scores = margin_uncertainty(view.probs)
        best = np.lexsort((-view.keys, -scores))[:k]
        return Selection(view.keys[best], scores[best])


class ScoresOfOthers(Margin):
    def select(self, view, k, rng):
        scores = np.sort(margin_uncertainty(view.probs))[::-1]
        return Selection(super().select(view, k, rng).keys, np.append(scores[1:], scores[-1:])[:k])


class ScoresOfTheFirst(Margin):
    def select(self, view, k, rng):
        return Selection(super().select(view, k, rng).keys, margin_uncertainty(view.probs)[:k])


class ScoresUnsorted(Adaptive):
    def select(self, view, k, rng):
        selection = super().select(view, k, rng)
        order = rng.permutation(k)
        return Selection(selection.keys[order], selection.scores[order])


class TwentyAtMost(Margin):
    def select(self, view, k, rng):
        return super().select(view, min(k, 20), rng)


class TwentyAndThenAny(Margin):
    """Fills up with what comes first, which may be among the twenty."""

    def select(self, view, k, rng):
        best = super().select(view, min(k, 20), rng).keys
        return Selection(np.concatenate([best, view.keys[: k - len(best)]]))


class DoubleScores(Margin):
    def select(self, view, k, rng):
        selection = super().select(view, k, rng)
        return Selection(selection.keys, selection.scores.astype(np.float64))


class OneColumn(Margin):
    def select(self, view, k, rng):
        return select_top_k(view.keys, -np.abs(view.probs[:, 0] - np.float32(0.5)), k, rng)


class WithoutTheLastColumn(Margin):
    def select(self, view, k, rng):
        first = view.probs[:, : max(1, view.probs.shape[1] - 1)]
        return select_top_k(view.keys, margin_uncertainty(first), k, rng)


class OneDraw(Bald):
    def select(self, view, k, rng):
        return select_top_k(view.keys, margin_uncertainty(view.prob_samples[0]), k, rng)


class ReadsAndIgnores(Margin):
    needs = frozenset({Need.PROBS, Need.FEATURES})

    def select(self, view, k, rng):
        _ = view.features
        return super().select(view, k, rng)


class RemembersThePool(Margin):
    def select(self, view, k, rng):
        if not hasattr(self, "scores") or len(self.scores) != len(view):
            self.scores = margin_uncertainty(view.probs)
        return select_top_k(view.keys, self.scores, k, rng)


class RemembersTheMean(Margin):
    """Asks for what differs from all that it has ever seen."""

    seen = 0.0

    def select(self, view, k, rng):
        self.seen = self.seen + view.probs.mean(axis=0)
        return select_top_k(view.keys, np.abs(view.probs - self.seen).sum(axis=1), k, rng)


class SortsByKey(Margin):
    def select(self, view, k, rng):
        return select_top_k(view.keys, (margin_uncertainty(view.probs) + view.keys % 5).astype(np.float32), k, rng)


class OwnSeed(Margin):
    def select(self, view, k, rng):
        return super().select(view, k, np.random.default_rng(0))


class FarInTime:
    """Right as it is: uncertain images, above all of hours, cameras and folders from which none has a label."""

    needs = frozenset({Need.PROBS, *POOL_FACTS, *POOL_FACTS.values()})

    def select(self, view, k, rng):
        new_hours = ~np.isin(self.hours(view.taken), self.hours(view.labelled_taken)) & ~np.isnat(view.taken)
        new_cameras = ~np.isin(view.cameras, view.labelled_cameras)
        last = np.array([int(id[-5]) for id in view.ids]), [int(id[-5]) for id in view.labelled_ids[:1]]
        bonus = new_hours + new_cameras + 0.5 * np.isin(*last)
        return select_top_k(view.keys, (margin_uncertainty(view.probs) + bonus).astype(np.float32), k, rng)

    def hours(self, times):
        return (times - times.astype("datetime64[D]")).astype(np.int64) // 3600


class ReadsTimesAndIgnoresThem(FarInTime):
    def hours(self, times):
        return np.zeros(len(times))


class CountsFromUnknownTimes(FarInTime):
    """An image without a time gets a score that is not a number."""

    def select(self, view, k, rng):
        age = (view.taken - np.datetime64("2024-01-01")) / np.timedelta64(365, "D")
        _ = super().select(view, k, rng)
        return select_top_k(view.keys, np.asarray(age, np.float32), k, rng)


class UnknownClass(Margin):
    """Wants images that are no "class 1", and takes it for granted that there is a label of it."""

    needs = frozenset({Need.PROBS, Need.CLASS_NAMES})

    def select(self, view, k, rng):
        place = view.class_names.tolist().index("class 1")
        return select_top_k(view.keys, 1 - view.probs[:, place], k, rng)


class Unscored:
    """Right as it is: like margin, without scores."""

    needs = frozenset({Need.PROBS})

    def select(self, view, k, rng):
        return Selection(select_top_k(view.keys, margin_uncertainty(view.probs), k, rng).keys)


class FiftyAndThenAny(Unscored):
    def select(self, view, k, rng):
        best = super().select(view, min(k, 50), rng).keys
        return Selection(np.append(best, view.keys[~np.isin(view.keys, best)][: k - len(best)]))


class FiftyAtMost(Unscored):
    def select(self, view, k, rng):
        return super().select(view, min(k, 50), rng)


class NamedByHash:
    def __init__(self, name):
        self.name = name

    def __eq__(self, other):
        return self.name == other.name

    def __hash__(self):
        return self.hash_of_name()

    def hash_of_name(self):
        return hash(self.name)


WEIGHTS = {NamedByHash("margin"): 1.0}


class SharesOfClasses(Unscored):
    """Right as it is: no class has more than its share of a batch, and what is left over fills the batch."""

    def select(self, view, k, rng):
        ranked = select_top_k(
            view.keys, WEIGHTS[NamedByHash("margin")] * margin_uncertainty(view.probs), len(view), rng
        )
        rows = np.argsort(view.keys)[np.searchsorted(np.sort(view.keys), ranked.keys)]
        tops, share = view.probs.argmax(axis=1)[rows], -(-k // view.probs.shape[1])
        is_over = np.array([np.count_nonzero(tops[:at] == tops[at]) >= share for at in range(len(tops))])
        return Selection(np.append(ranked.keys[~is_over], ranked.keys[is_over])[:k])


class OrderOfTheFirstOnly(Unscored):
    def select(self, view, k, rng):
        best = super().select(view, k, rng).keys
        return Selection(np.append(best[:1], best[:0:-1]))


class SeedOfTheDay(Unscored):
    def select(self, view, k, rng):
        return Selection(np.random.default_rng(int(time.time() // 86400)).permutation(view.keys)[:k])


class SeedFromHash(Unscored):
    def select(self, view, k, rng):
        return Selection(np.random.default_rng(abs(hash(("margin", k)))).permutation(view.keys)[:k])


class RemembersByKeys(Unscored):
    keys = None

    def select(self, view, k, rng):
        if not np.array_equal(self.keys, view.keys):
            self.keys, self.scores = view.keys, margin_uncertainty(view.probs)
        return Selection(select_top_k(view.keys, self.scores, k, rng).keys)


class FirstClassIsEmpty(Unscored):
    """Wants images of all classes but the first, and those with large activations."""

    needs = frozenset({Need.PROBS, Need.HIDDEN_ACTIVATIONS})

    def select(self, view, k, rng):
        scores = 1 - view.probs[:, 0] + 0.1 * view.hidden_activations.mean(axis=1)
        return Selection(select_top_k(view.keys, scores, k, rng).keys)


class WritesItsScores(Unscored):
    def select(self, view, k, rng):
        np.save("scores.npy", margin_uncertainty(view.probs))
        return super().select(view, k, rng)


CASES = [
    wrong(SamplerSuite, SeedsNumpy, "test_same_rng_gives_the_same_selection"),
    wrong(SamplerSuite, SeedsPython, "test_same_rng_gives_the_same_selection"),
    wrong(SamplerSuite, SeedsTorch, "test_same_rng_gives_the_same_selection"),
    wrong(SamplerSuite, ChangesFolder, "test_same_rng_gives_the_same_selection"),
    wrong(SamplerSuite, ChangesFolderWhenBuilt, "test_constructor_writes_nothing"),
    wrong(
        SamplerSuite, IgnoresLabels, "test_labelled_images_keep_others_like_them_away test_everything_it_needs_matters"
    ),
    wrong(SamplerSuite, NeverUpdates, "test_copies_are_not_selected_together"),
    wrong(SamplerSuite, NeverLooksAtWhatItHolds, "test_remembers_nothing_of_another_pool"),
    wrong(SamplerSuite, FirstThousand, "test_all_of_the_pool_is_looked_at"),
    wrong(SamplerSuite, WithoutTheLast, "test_all_of_the_pool_is_looked_at"),
    wrong(SamplerSuite, WithoutTheFirst, "test_all_of_the_pool_is_looked_at"),
    wrong(SamplerSuite, PoolOrder, "test_ties_do_not_go_by_the_order_of_the_pool"),
    wrong(SamplerSuite, LastFirst, "test_ties_do_not_go_by_the_order_of_the_pool"),
    wrong(SamplerSuite, OwnSeed, "test_ties_do_not_go_by_the_order_of_the_pool"),
    wrong(SamplerSuite, ScoresOfOthers, "test_obvious_choice_scores_highest"),
    wrong(SamplerSuite, ScoresOfTheFirst, "test_k_distinct_keys_of_the_pool test_large_batches_of_large_pools"),
    wrong(SamplerSuite, ScoresUnsorted, "test_large_batches_of_large_pools"),
    wrong(SamplerSuite, TwentyAtMost, "test_large_batches_of_large_pools"),
    wrong(SamplerSuite, TwentyAndThenAny, "test_large_batches_of_large_pools"),
    wrong(SamplerSuite, DoubleScores, "test_k_distinct_keys_of_the_pool"),
    wrong(SamplerSuite, OneColumn, "test_names_of_the_classes_do_not_matter"),
    wrong(SamplerSuite, WithoutTheLastColumn, "test_names_of_the_classes_do_not_matter"),
    wrong(SamplerSuite, OneDraw, "test_obvious_choice_comes_first"),
    wrong(SamplerSuite, ReadsAndIgnores, "test_everything_it_needs_matters"),
    wrong(SamplerSuite, RemembersThePool, "test_remembers_nothing_of_another_pool"),
    wrong(SamplerSuite, RemembersTheMean, "test_remembers_nothing_of_another_pool"),
    wrong(SamplerSuite, SortsByKey, "test_keys_are_only_names"),
    wrong(SamplerSuite, ReadsTimesAndIgnoresThem, "test_everything_it_needs_matters"),
    wrong(SamplerSuite, UnknownClass, "test_class_that_a_parameter_names_may_have_no_label_yet"),
    wrong(SamplerSuite, CountsFromUnknownTimes, "test_k_distinct_keys_of_the_pool"),
    wrong(SamplerSuite, FiftyAndThenAny, "test_large_batch_is_chosen_as_a_small_one"),
    wrong(SamplerSuite, FiftyAtMost, "test_large_batches_of_large_pools"),
    wrong(SamplerSuite, OrderOfTheFirstOnly, "test_most_wanted_come_first"),
    wrong(SamplerSuite, SeedOfTheDay, "test_same_rng_gives_the_same_selection"),
    wrong(SamplerSuite, SeedFromHash, "test_same_rng_gives_the_same_selection"),
    wrong(SamplerSuite, RemembersByKeys, "test_remembers_nothing_of_another_pool"),
    wrong(SamplerSuite, FirstClassIsEmpty, "test_names_of_the_classes_do_not_matter"),
    wrong(SamplerSuite, WritesItsScores, "test_selection_writes_nothing"),
]
RIGHT = [
    wrong(SamplerSuite, FarInTime, ""),
    wrong(SamplerSuite, Unscored, ""),
    wrong(SamplerSuite, SharesOfClasses, ""),
]
globals().update({case.__name__: case for case in [*CASES, *RIGHT]})
