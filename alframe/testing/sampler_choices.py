"""The part of the samplers' conformance suite that is about which images are selected."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from alframe.contracts import Sampler
from alframe.testing.part import PartSuite
from alframe.testing.tiny_views import assert_keys_of, tiny_fields, tiny_keys, tiny_predict
from alframe.types import Need, PoolView, Selection

_BY_CLASS = frozenset({Need.PROBS, Need.PROB_SAMPLES, Need.LABELLED_PROBS})  # which have a column for each class
_FACTS_OF_MANY_IMAGES = frozenset({Need.TAKEN, Need.CAMERAS})  # which many images may have in common


class SamplerChoicesSuite(PartSuite[Sampler]):
    """Tests of the selections of every sampler, with any strategy.

    `needs_that_may_not_matter` are needs that do not have to change a selection by themselves.
    """

    needs_that_may_not_matter: frozenset[Need] = frozenset({Need.BATCH_ERROR_RATES, Need.CHOSEN_BY})

    @property
    def selects_by_distance(self) -> bool:
        """Whether the sampler selects by distances to labelled and selected images; override it if that is wrong."""
        return self.make().needs == {Need.FEATURES, Need.LABELLED_FEATURES}

    def obvious_choice(self) -> tuple[PoolView, int] | None:
        """Return a view and the key in it that must be selected first; None if no choice is obvious (random).

        By default, the same image has the least certain prediction, the largest differences between draws, and the
        largest distance to the others.
        """
        if not self.make().needs & {Need.PROBS, Need.PROB_SAMPLES, Need.FEATURES}:
            return None
        view, keys = self._obvious_choices_among(12, [7])
        return view, keys[0]

    def _obvious_choices_among(self, n: int, rows: list[int]) -> tuple[PoolView, list[int]]:
        needs = self.make().needs
        fields = tiny_fields(needs, n, draws=6)
        certain = np.array([0.98, 0.01, 0.01], np.float32)
        if Need.PROBS in fields:
            fields[Need.PROBS][:] = certain
            fields[Need.PROBS][rows] = 1 / 3
        if Need.PROB_SAMPLES in fields:
            fields[Need.PROB_SAMPLES][:] = certain
            fields[Need.PROB_SAMPLES][:, rows] = [[np.roll(certain, draw)] for draw in range(6)]
        if Need.FEATURES in fields and len(rows) == 1:
            fields[Need.FEATURES][rows] = 50
        for need in _FACTS_OF_MANY_IMAGES & fields.keys():  # at the same time and place, none is chosen for these
            fields[need][:] = fields[need][:1]
        keys = tiny_keys(n)
        return self.view(fields, keys), keys[rows].tolist()

    def view(self, fields: dict[Need, npt.NDArray[Any]], keys: npt.NDArray[np.int64] | None = None) -> PoolView:
        """Return a view of these fields, with a head to ask if the sampler needs one."""
        predict = tiny_predict() if Need.PREDICT in self.make().needs else None
        return PoolView(tiny_keys(20) if keys is None else keys, fields, predict)

    def select(self, view: PoolView, k: int, seed: int = 0) -> Selection:
        """Select as the engine does: it asks for at least one item, and for no more than there are."""
        k = min(k, len(view))
        if not k:
            return Selection(view.keys[:0])
        selection = self.make().select(view, k, np.random.default_rng(seed))
        assert_keys_of(view, selection)
        return selection

    def test_everything_it_needs_matters(self) -> None:
        """Each declared need must change the selection in some case. Otherwise it was read and not used."""
        needs = self.make().needs
        idle = set(needs - self.needs_that_may_not_matter - {Need.PREDICT})
        for seed in range(8):
            sizes = {"n": 120, "labelled": 12, "classes": 12, "seed": seed}
            fields = tiny_fields(needs, **sizes)
            before = self.select(self.view(fields, tiny_keys(120)), 8)
            others = tiny_fields(needs, **{**sizes, "seed": seed + 100})
            if Need.LABELS in others:  # one of each class, or one class only
                others[Need.LABELS] = np.arange(12) * (seed % 2)
            if Need.CLASS_NAMES in others:
                others[Need.CLASS_NAMES] = fields[Need.CLASS_NAMES][::-1]
            if Need.IS_UNSEEN_BY_BACKBONE in others:  # the other ones, or none
                others[Need.IS_UNSEEN_BY_BACKBONE] = ~fields[Need.IS_UNSEEN_BY_BACKBONE] & bool(seed % 2)
            for need in {Need.IDS, Need.LABELLED_IDS} & needs:
                others[need] = fields[need][::-1]
            for need in {Need.LABELLED_TAKEN, Need.LABELLED_CAMERAS} & needs if seed % 2 else ():  # one for all
                others[need][:] = others[need][:1]
            if Need.SEQUENCES in others:  # other ones, or none
                others[Need.SEQUENCES] = np.arange(120) % 40 if seed % 2 else np.full(120, -1)
            if Need.LABELLED_SEQUENCES in others:
                others[Need.LABELLED_SEQUENCES] = np.arange(12) % 4 if seed % 2 else np.full(12, -1)
            if seed % 2 and Need.PROBS in others:  # three heaps
                others[Need.PROBS][:] = 0.9 * np.eye(12)[np.arange(120) % 3] + 0.1 * others[Need.PROBS]
            if seed % 2 and Need.FEATURES in others:
                others[Need.FEATURES][:] = others[Need.FEATURES][np.arange(120) % 3] + 0.001 * others[Need.FEATURES]
            if {Need.FEATURES, Need.LABELLED_FEATURES} <= needs:  # what it wants most has a label already
                others[Need.LABELLED_FEATURES][:8] = fields[Need.FEATURES][_rows_of(before, tiny_keys(120))]
            for need in sorted(idle, key=str):
                after = self.select(self.view({**fields, need: others[need]}, tiny_keys(120)), 8)
                idle -= set() if _is_same_selection(before, after) else {need}
        names = ", ".join(sorted(need.name for need in idle))
        spared = ", ".join(sorted(map(str, idle | (self.needs_that_may_not_matter & needs))))
        assert not idle, (
            f"another {names} does not change the selection: is it used at all? If its use depends on a parameter, "
            f"give the sampler values that occur in this test: the classes are 'class 0' to 'class 11', the ids are "
            f"'pool/image 0000.jpg' to 'pool/image 0119.jpg', the times lie in 2024, and the cameras are 0 to 29. "
            "If the sampler uses less of it, such as the number of labels, set in the test class: "
            f"needs_that_may_not_matter = frozenset({{{spared}}})."
        )

    def test_all_of_the_pool_is_looked_at(self) -> None:
        """The obvious choice is found at the beginning, in the middle and at the end of a large pool."""
        self._skip_unless_the_choice_is_obvious()
        for row in (0, 1100, 2199):
            view, best = self._obvious_choices_among(2200, [row])
            assert best[0] in self.select(view, 5).keys, f"row {row} of 2200 must be selected: are some rows left out?"

    def test_large_batch_is_chosen_as_a_small_one(self) -> None:
        """If all of a small batch are obvious choices, so are all of a large one."""
        self._skip_unless_the_choice_is_obvious()
        if self.make().needs != {Need.PROBS}:
            pytest.skip("the sampler does not need probabilities alone")
        for count in (12, 120):
            view, best = self._obvious_choices_among(300, [*range(1, 2 * count, 2)])
            found = len({*self.select(view, count).keys.tolist()} & {*best})
            if count == 12 and found < count:
                pytest.skip("the sampler does not select all of several equal images")
            assert found == count, (
                f"of 12 images that are the least certain, a batch of 12 has all, and of {count} a batch of {count} "
                f"has only {found}: is there a limit for k?"
            )

    def _skip_unless_the_choice_is_obvious(self) -> None:
        if self.obvious_choice() is None or type(self).obvious_choice is not SamplerChoicesSuite.obvious_choice:
            pytest.skip("obvious_choice() returns None, or the test class overrides it")

    def test_most_wanted_come_first(self) -> None:
        """Batches of 1, 2, 3 images show the order, if each contains the one before, and rng changes none of them."""
        view = self.view(tiny_fields(self.make().needs, n=40), tiny_keys(40))
        ranking: list[int] = []
        for k in range(1, 7):
            selection, other = self.select(view, k), self.select(view, k, seed=1)
            new = [key for key in selection.keys.tolist() if key not in ranking]
            if len(new) != 1 or {*selection.keys.tolist()} != {*other.keys.tolist()} or selection.scores is not None:
                pytest.skip("the sampler draws at random, gives scores, or does not add to a smaller batch")
            ranking += new
        last = selection.keys.tolist()  # another order may be right, as if each class has a share of the batch
        is_lost = last in (ranking[::-1], sorted(ranking)) or last[1:] == ranking[:0:-1]
        assert last == ranking or not is_lost, (
            f"batches of 1 to 6 images have the keys {ranking} in turn, and a batch of 6 gives {last}: the most wanted "
            f"image must come first, and so on"
        )

    def test_obvious_choice_comes_first(self) -> None:
        case = self.obvious_choice()
        if case is None:
            pytest.skip("no choice is obvious to this sampler")
        view, best = case
        for k in (1, 3):
            first = self.select(view, k).keys[0]
            assert first == best, f"with k={k}, key {first} is selected before {best}: is the sign of the score wrong?"

    def test_obvious_choice_scores_highest(self) -> None:
        case = self.obvious_choice()
        if case is None:
            pytest.skip("no choice is obvious to this sampler")
        scores = self.select(case[0], 3).scores
        assert scores is None or scores[0] > scores[1], f"the obvious choice does not have the highest score: {scores}"

    def test_ties_do_not_go_by_the_order_of_the_pool(self) -> None:
        """Equal images: the first rows of a folder are often one burst, so another rng must select others."""
        needs = self.make().needs
        if not needs & {Need.PROBS, Need.PROB_SAMPLES, Need.HIDDEN_ACTIVATIONS}:
            pytest.skip("the sampler does not need predictions, which many images share")
        if Need.IDS in needs:
            pytest.skip("the sampler distinguishes equal images by their ids")
        fields = {need: np.ascontiguousarray(array) for need, array in tiny_fields(needs, n=60).items()}
        for need, array in fields.items():
            if need is Need.PROB_SAMPLES:
                array[:] = array[:, :1]
            elif need in (Need.PROBS, Need.HIDDEN_ACTIVATIONS, Need.FEATURES, *_FACTS_OF_MANY_IMAGES):
                array[:] = array[:1]
        view = self.view(fields, tiny_keys(60))
        chosen = {tuple(sorted(self.select(view, 4, seed).keys.tolist())) for seed in range(5)}
        assert len(chosen) > 1, "the same of several equal images are always selected: order them by `rng`"

    def test_names_of_the_classes_do_not_matter(self) -> None:
        """Another order of the classes, in all that the sampler sees: the same images."""
        needs, order = self.make().needs, [2, 0, 3, 1]
        if not needs & _BY_CLASS or Need.CLASS_NAMES in needs:
            pytest.skip("the sampler needs no probabilities, or needs the names of the classes")
        same = shared = 0
        for seed in range(4):
            fields = tiny_fields(needs, n=40, labelled=12, classes=4, seed=seed)
            if Need.LABELS in needs:  # no two classes have as many
                fields[Need.LABELS] = np.repeat(np.arange(4), [4, 1, 5, 2])
            turned = {need: array[..., order] if need in _BY_CLASS else array for need, array in fields.items()}
            if Need.LABELS in needs:
                turned[Need.LABELS] = np.argsort(order)[fields[Need.LABELS]]
            head, keys = tiny_predict(classes=4) if Need.PREDICT in needs else None, tiny_keys(40)
            head_turned = (lambda x, head=head: head(x)[:, order]) if head else None
            view, other = PoolView(keys, fields, head), PoolView(keys, turned, head_turned)
            first, second = ({*self.select(each, 8).keys.tolist()} for each in (view, other))
            if not needs <= _BY_CLASS and first != {*self.select(view, 8, seed=1).keys.tolist()}:
                pytest.skip("the sampler draws at random, perhaps from one class after the other")
            same += first == second
            shared += len(first & second)
        # Rounding may settle a tie otherwise, and so may one of two classes that have as many labels.
        assert same >= 2 or (not needs <= _BY_CLASS and shared >= 16), (
            "the order of the classes changes the selection: is a column left out, or has a class a fixed number? "
            "To find a class by its name, add Need.CLASS_NAMES to `needs`"
        )

    def test_copies_are_not_selected_together(self) -> None:
        """Three far heaps of copies: once one was selected, its copies are no longer far."""
        needs = self.make().needs
        if not self.selects_by_distance:
            pytest.skip("it does not spread over the embeddings")
        for seed in range(3):
            fields = tiny_fields(needs, n=60, labelled=8, seed=seed)
            heap = np.arange(60) % 6
            for number in range(3):  # heaps 0 to 2 are far from all, and from each other
                fields[Need.FEATURES][heap == number] = 40 * np.eye(8, dtype=np.float32)[number]
            keys = tiny_keys(60)
            heaps = [
                number for number in heap[_rows_of(self.select(self.view(fields, keys), 3, seed), keys)] if number < 3
            ]
            assert len(set(heaps)) == len(heaps), "copies of one image were selected together"

    def test_labelled_images_keep_others_like_them_away(self) -> None:
        """Two far heaps, one of which is labelled: the other one comes first."""
        needs = self.make().needs
        if not self.selects_by_distance:
            pytest.skip("it does not spread over the embeddings")
        for labelled_heap in (0, 1):
            fields = tiny_fields(needs, n=40, labelled=8)
            for number in range(2):
                fields[Need.FEATURES][number::4] = 40 * np.eye(8, dtype=np.float32)[number]
            fields[Need.LABELLED_FEATURES][:3] = 40 * np.eye(8, dtype=np.float32)[labelled_heap]
            keys = tiny_keys(40)
            first = _rows_of(self.select(self.view(fields, keys), 1), keys)[0]
            assert first % 4 != labelled_heap, (
                "an image that resembles labelled images is selected before one that does not"
            )

    def test_keys_are_only_names(self) -> None:
        fields = tiny_fields(self.make().needs, n=40)
        several = tiny_keys(40), np.arange(40), 10**6 - tiny_keys(40, seed=1)
        rows = [_rows_of(self.select(self.view(fields, keys), 6), keys) for keys in several]
        assert rows[0] == rows[1] == rows[2], "other keys for the same images must not change the selection"


def _rows_of(selection: Selection, keys: npt.NDArray[np.int64]) -> list[int]:
    return [keys.tolist().index(key) for key in selection.keys.tolist()]


def _is_same_selection(first: Selection, second: Selection) -> bool:
    if not np.array_equal(first.keys, second.keys) or first.scores is None or second.scores is None:
        return bool(np.array_equal(first.keys, second.keys))
    return bool(np.allclose(first.scores, second.scores, rtol=1e-4, atol=1e-5))
