"""Which images were drawn at random, and what is said of the classes without a label."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from alframe.loop.discovery import describe_unseen_classes, describe_unseen_estimate, random_draw_weights
from alframe.loop.labels import decide_labels
from alframe.store.events import LabelsAskedAgain, Predicted
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_pool
from alframe.types import Item, Label, Selection, UnseenClasses
from tests.command_line import CommandLine, alframe

__all__ = ["alframe"]


@pytest.fixture
def campaign(tmp_path: Path):
    """Round 1 is all random; of rounds 2 and 3, where there is a model, the audit alone is."""
    with Ledger.open(tmp_path) as ledger:
        config = {"settings": {"start_sampler": "random"}, "recipes": {"sampler": {"name": "margin"}}}
        with ledger.transaction():
            ledger.add_items(0, [Item(f"{key}.jpg", tmp_path / f"{key}.jpg") for key in range(60)])
            ledger.add_round(1, config, {}, {}, Selection(np.arange(20)))
            for number, first in ((2, 20), (3, 30)):
                strata = np.zeros(60, np.int64)
                strata[20:40], strata[40:] = 1, 2
                ledger.add_round(number, config, {}, {}, Selection(np.arange(first, first + 10)), {first, first + 1})
                ledger.add_audit_strata(number, strata)
                ledger.add_event(number, Predicted(["fox"] * 10, [0.5] * 10))
        yield SimpleNamespace(
            ledger=ledger,
            decided_labels=lambda: decide_labels(ledger.stored_labels(), "ask"),
            recheck_rounds=lambda: {number for number, _ in ledger.events_of(LabelsAskedAgain)},
        )


def test_only_random_draws_count(campaign) -> None:
    weights = random_draw_weights(campaign)
    assert sorted(weights) == [*range(20), 20, 21, 30, 31]
    assert describe_unseen_classes(campaign) == "", "nothing is labelled yet"
    names = ["fox"] * 9 + ["hare"] * 9 + ["owl", "boar"]
    with campaign.ledger.transaction():
        labels = [(key, Label(f"{key}.jpg", name, "anna")) for key, name in enumerate(names)]
        campaign.ledger.add_labels(labels, 1, "web")
    said = describe_unseen_classes(campaign)
    assert (
        said.startswith("About 1 class may have no label yet, and there may be more. Their images are at most")
        and "20 labelled images" in said
    )
    with campaign.ledger.transaction():  # the sampler finds a class and more images of those that were alone
        found = [(key, Label(f"{key}.jpg", name, "anna")) for key, name in ((22, "lynx"), (23, "owl"), (24, "boar"))]
        campaign.ledger.add_labels(found, 2, "web")
    assert describe_unseen_classes(campaign).startswith("No class seems to be without a label.")


def test_images_that_were_asked_again_for_their_doubtful_labels_do_not_count(campaign) -> None:
    before = random_draw_weights(campaign)
    with campaign.ledger.transaction():
        config = {"settings": {"start_sampler": "random"}}
        campaign.ledger.add_round(4, config, {}, {}, Selection(np.arange(24, 28)))
        campaign.ledger.add_event(4, LabelsAskedAgain([]))
    assert random_draw_weights(campaign) == before


def test_images_of_large_strata_stand_for_more(tmp_path: Path, campaign) -> None:
    weights = random_draw_weights(campaign)
    assert weights[20] == weights[21] == 1, "both are of the stratum of 20 of 40 images, and two were drawn"


def test_the_sentences() -> None:
    assert describe_unseen_estimate(None, 1).startswith(
        "The number of classes without a label cannot be estimated yet from 1 labelled image drawn at random."
    )
    assert describe_unseen_estimate(UnseenClasses(60, 5.4, 2.9, 0.071), 60) == (
        "About 5 classes have no label yet, and there may be more. Their number is at least 2, and their images are at "
        "most 7.1 % of the pool (95 % confidence, estimated from 60 labelled images drawn at random)."
    )


@pytest.mark.slow
def test_a_random_start_is_used_and_status_and_report_say_it(alframe: CommandLine, tmp_path: Path) -> None:
    tiny_pool(tmp_path / "pool", classes=3, each=12)
    alframe(
        *("pool=folder", "pool.root=pool", "pool.classes=true", "project=p", "start.sampler=random", "start.labels=20"),
        *("batch=2", "stopping.labels=22", "sampler=margin", "head=prototype", "holdout.fraction=0.1", "exporter=[]"),
        *("backbone=timm", "backbone.model=test_resnet", "backbone.pretrained=false", "backbone.size=32"),
        *("finetune.start=null", "compute.workers=0"),
    )
    sentence = "estimated from 20 labelled images drawn at random"
    assert sentence in alframe("status", "project=p").out
    assert sentence in (tmp_path / "p" / "report.html").read_text(encoding="utf-8")
