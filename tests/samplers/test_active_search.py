"""The most probable images of the classes that somebody searches for."""

from __future__ import annotations

import numpy as np
import pytest

import alframe
from alframe.errors import BadParams, UnknownComponent
from alframe.samplers.active_search import ActiveSearch, choose_evenly_by_class
from alframe.samplers.uncertainty import Margin
from alframe.testing.sampler import SamplerSuite, assert_valid_selection, tiny_fields, tiny_keys, tiny_view
from alframe.types import Need, PoolView

PROBS = np.array([[0.9, 0.1, 0], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4], [0.45, 0.5, 0.05]], np.float32)
NAMES = np.array(["fox", "hare", "leopard"])


def view_of(labels, probs=PROBS):
    fields = {Need.PROBS: probs, Need.LABELS: np.array(labels), Need.CLASS_NAMES: NAMES}
    return PoolView(np.arange(len(probs)), fields)


class TestActiveSearch(SamplerSuite):
    make = ActiveSearch

    def obvious_choice(self):
        return None  # the class with the fewest labels, and another sampler, share the batch


class TestActiveSearchForOneClass(SamplerSuite):
    def make(self):
        return ActiveSearch(classes=["leopard"], share=1, otherwise="margin")

    def obvious_choice(self):
        return view_of([0, 1, 2]), 2

    def test_everything_it_needs_matters(self):
        view = tiny_fields(self.make().needs, 60)
        chosen = []
        for names, labels in ((NAMES, [0, 1, 2]), (NAMES[::-1], [0, 1, 2]), (NAMES, [0, 1, 1])):
            view |= {Need.CLASS_NAMES: np.array(names), Need.LABELS: np.array(labels)}
            chosen.append(tuple(self.select(self.view(view, tiny_keys(60)), 8).keys.tolist()))
        assert len(set(chosen)) == 3


def choose(labels, k, **parameters):
    sampler = ActiveSearch(otherwise="margin", **parameters)
    return sampler.select(view_of(labels), k, np.random.default_rng(0)).keys.tolist()


def test_the_most_probable_images_of_the_named_class_come_first():
    assert choose([0, 1, 2], 5, classes=["leopard"], share=1) == [2, 3, 1, 4, 0]
    assert choose([0, 1, 2], 2, classes=["FOX"], share=1.0) == [0, 4]


def test_of_several_classes_the_one_with_the_fewest_labels_comes_first():
    chosen = choose([0, 0, 0, 1, 2, 2], 3, classes=["fox", "hare"], share=1)
    assert set(chosen[:2]) == {1, 4} and chosen[2] == 0, "two hares, then there are as many of both"
    assert choose([0, 0, 1, 1, 2], 1, share=1) == [2], "with no name, the rarest class among the labels"


def test_the_other_sampler_chooses_the_rest_from_what_is_left():
    chosen = choose([0, 1, 2], 4, classes=["leopard"], share=0.5)
    uncertain = Margin().select(view_of([0]), 5, np.random.default_rng(0)).keys.tolist()
    assert {2, 3} < set(chosen), "half of the batch is searched"
    assert set(chosen) - {2, 3} == set([key for key in uncertain if key not in (2, 3)][:2])
    assert len(set(chosen[:2]) & {2, 3}) == 1, "mixed from the beginning on"


def test_without_a_label_of_the_class_the_other_sampler_chooses_and_a_message_says_so(caplog):
    uncertain = Margin().select(view_of([0]), 3, np.random.default_rng(0)).keys.tolist()
    assert choose([0, 1, 1], 3, classes=["leopard"]) == uncertain
    assert "cannot search for leopard yet" in caplog.text and "'margin' chooses" in caplog.text
    caplog.clear()
    choose([0, 1, 2], 3, classes=["leopart"])
    assert "Did you mean 'leopard'?" in caplog.text
    caplog.clear()
    choose([0, 1, 2], 3, classes=["leopard"])
    assert not caplog.text


def test_finds_a_rare_class_much_sooner_than_the_default():
    rng = np.random.default_rng(0)
    centres = 1.5 * rng.normal(size=(6, 16))
    y = np.repeat(np.arange(6), [300, 300, 200, 150, 100, 12])
    x = (centres[y] + rng.normal(size=(len(y), 16))).astype(np.float32)
    names = np.array(["fox", "hare", "deer", "boar", "badger", "leopard"])[y]
    found = {}
    for name, sampler in {"search": ActiveSearch(["leopard"], share=1), "default": None}.items():
        campaign = alframe.Campaign(x, sampler=sampler, head="linear")
        known = [0, 300, 600, 800, 950, len(y) - 1]
        campaign.tell(known, names[known])
        for _ in range(2):
            asked = campaign.ask(15)
            campaign.tell(asked.keys, names[asked.rows])
        found[name] = list(campaign.labels.values()).count("leopard")
    assert found["search"] >= 9 > 2 * found["default"]


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_a_share_that_cannot_be_is_refused(share):
    with pytest.raises(BadParams, match="share"):
        ActiveSearch(share=share)


def test_a_name_twice_is_refused():
    with pytest.raises(BadParams, match="names that differ"):
        ActiveSearch(classes=["fox", "Fox"])


def test_an_unknown_sampler_for_the_rest_is_named():
    with pytest.raises(UnknownComponent, match="uherdin"):
        ActiveSearch(otherwise="uherdin").needs  # noqa: B018  # built when its needs are first asked for


def test_search_takes_each_row_once():
    rows = choose_evenly_by_class(PROBS, np.array([1, 1, 1]), np.arange(3), 5, np.random.default_rng(0))
    assert sorted(rows.tolist()) == list(range(5))


def test_a_large_pool_and_many_classes():
    sampler = ActiveSearch()
    view = tiny_view(sampler.needs, n=400, labelled=80, classes=40)
    assert_valid_selection(sampler.select(view, 50, np.random.default_rng(0)), view, 50)
