"""A suite that passes everything proves nothing: parts broken on purpose must be found out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from alframe.heads.linear import Linear
from alframe.heads.mlp import Mlp
from alframe.samplers.uncertainty import Margin
from alframe.stopping.budget import Budget
from alframe.testing.backbone import BackboneSuite
from alframe.testing.head import HeadSuite
from alframe.testing.records import round_record
from alframe.testing.sampler import SamplerSuite
from alframe.testing.stopping import StoppingSuite
from alframe.testing.task import TaskSuite
from alframe.testing.tracker import TrackerSuite
from alframe.trackers.jsonl import Jsonl
from alframe.types import InputSpec, Need, Selection


def suite_of(suite, part):
    return type("Broken", (suite,), {"make": lambda self: part()})()


class TurnedSign(Margin):
    def select(self, view, k, rng):
        chosen = super().select(view, len(view), rng)
        return Selection(chosen.keys[::-1][: max(0, k)])


class RowNumbers(Margin):
    def select(self, view, k, rng):
        return Selection(np.argsort(-super().select(view, len(view), rng).keys)[: max(0, k)])


class TooFew(Margin):
    def select(self, view, k, rng):
        return super().select(view, k - 1, rng)


class Idle(Margin):
    needs = frozenset({Need.PROBS, Need.FEATURES})


class Undeclared(Margin):
    needs = frozenset({Need.FEATURES})


class OwnRng(Margin):
    def select(self, view, k, rng):
        return Selection(np.random.default_rng().permutation(view.keys)[: max(0, k)])


class NotANumber(Margin):
    def select(self, view, k, rng):
        lead = np.nan_to_num(view.probs.max(axis=1), nan=-1.0)
        return Selection(view.keys[np.argsort(lead)[: max(0, k)]])


@pytest.mark.parametrize(
    ("broken", "test", "args"),
    [
        (TurnedSign, "test_obvious_choice_comes_first", ()),
        (RowNumbers, "test_k_distinct_keys_of_the_pool", (20, 5)),
        (TooFew, "test_k_distinct_keys_of_the_pool", (20, 5)),
        (Idle, "test_reads_what_it_declares", ()),
        (OwnRng, "test_same_rng_gives_the_same_selection", ()),
        (NotANumber, "test_features_or_probabilities_that_are_not_finite", ()),
    ],
)
def test_broken_samplers(broken, test, args):
    with pytest.raises(AssertionError):
        getattr(suite_of(SamplerSuite, broken), test)(*args)


def test_a_sampler_that_reads_more_than_it_declares():
    with pytest.raises(Exception, match="did not declare"):
        suite_of(SamplerSuite, Undeclared).test_k_distinct_keys_of_the_pool(20, 5)


class Unscaled(Linear):
    def probs(self, x):
        return super().probs(x) * 2


class Forgetful(Linear):
    def state(self):
        return {**super().state(), "mean": np.zeros_like(super().state()["mean"])}


class Dogged(Mlp):
    stochastic = True

    def prob_samples(self, x, draws, rng):
        return np.stack([self.probs(x)] * draws)


class NoNetwork(Mlp):
    def prob_samples(self, x, draws, rng):
        return np.stack([super(NoNetwork, self).prob_samples(row[None], draws, rng)[:, 0] for row in x], axis=1)


class NoNumber(Linear):
    def state(self):
        return super().state() | {"extra": np.array(1.0)}

    def load(self, state):
        super().load(state)
        assert state["extra"].shape == (), "0-dimensional arrays come back as 1-dimensional ones"


class Spreading(Linear):
    def probs(self, x):
        probs = super().probs(x) + 0.01
        return probs / probs.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("broken", "test", "args"),
    [
        (Unscaled, "test_tells_separate_clusters_apart", (3,)),
        (Forgetful, "test_state_survives_storage", ()),
        (NoNumber, "test_state_survives_storage", ()),
        (Dogged, "test_prob_samples", ()),
        (NoNetwork, "test_prob_samples", ()),
        (Spreading, "test_class_without_examples_gets_nothing", ()),
    ],
)
def test_broken_heads(broken, test, args):
    with pytest.raises(AssertionError):
        getattr(suite_of(HeadSuite, broken), test)(*args)


class Impatient(Budget):
    def decide(self, history):
        return "enough" if history else None


class Counting(Budget):
    calls = 0

    def decide(self, history):
        self.calls += 1
        return "enough" if self.calls > 2 or (history and history[-1].labels >= self.labels) else None


class Endless(Budget):
    def decide(self, history):
        return None


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Impatient, "test_does_not_stop_earlier"),
        (Counting, "test_decides_from_the_history_alone"),
        (Endless, "test_stops_and_gives_a_reason"),
        (Endless, "test_stops_when_no_labels_are_left"),
    ],
)
def test_broken_stopping_rules(broken, test):
    suite = suite_of(StoppingSuite, lambda: broken(labels=40))
    suite.finished_history = lambda: [round_record(0, 20), round_record(1, 40)]
    with pytest.raises(AssertionError):
        getattr(suite, test)()


class Eager:
    def __init__(self):
        self.network = nn.Linear(1, 1)
        self.input_spec = InputSpec(8, (0.5,), (0.5,), "bilinear")


def test_a_backbone_whose_constructor_builds_the_network(monkeypatch):
    with pytest.raises(AssertionError, match=r"build the network in module\(\)"):
        suite_of(BackboneSuite, Eager).test_constructor_and_input_spec_build_no_network(monkeypatch)


class Appending(Jsonl):
    def start(self, folder, history):
        self._file = folder / "rounds.jsonl"
        for record in history:
            self.log(record)


class Misplaced(Jsonl):
    def start(self, folder, history):
        super().start(Path(), history)


def test_broken_trackers(tmp_path, monkeypatch):
    suite = suite_of(TrackerSuite, Appending)
    suite.recorded_rounds = lambda folder: list(range(len((folder / "rounds.jsonl").read_text().splitlines())))
    with pytest.raises(AssertionError):
        suite.test_run_that_goes_on(tmp_path)
    with pytest.raises(AssertionError):
        suite_of(TrackerSuite, Misplaced).test_changes_nothing_and_writes_nothing_elsewhere(tmp_path, monkeypatch)


def test_a_task_that_does_not_say_whether_it_only_reads():
    with pytest.raises(AssertionError, match="lacks read_only"):
        TaskSuite()._is_read_only(object())


def test_files_of_a_fixture_are_not_the_constructors(tmp_path):
    (tmp_path / "table.csv").touch()
    suite_of(SamplerSuite, Margin).test_constructor_writes_nothing(tmp_path)
    writing = suite_of(SamplerSuite, lambda: Path("made.txt").touch())
    with pytest.raises(AssertionError, match=r"make\(\) writes made\.txt"):
        writing.test_constructor_writes_nothing(tmp_path)
