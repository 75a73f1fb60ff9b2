"""Records survive being written down."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from alframe.engine.measuring.audit import AUDIT_BASIS
from alframe.engine.measuring.evaluate import evaluate_probs
from alframe.store.events import FineTuned
from alframe.store.ledger import Ledger
from alframe.store.records import dump_record, load_record
from alframe.testing.records import evaluation, round_record
from alframe.types import CROSS_VALIDATION_BASIS


def test_a_record_comes_back_as_it_was_with_its_audit() -> None:
    audit = evaluate_probs(np.eye(2, dtype=np.float32), ("a", "b"), ["a", "a"], AUDIT_BASIS)
    for record in (round_record(1, accuracy=None), replace(round_record(1, accuracy=None), audit=audit)):
        assert load_record(dump_record(record)) == record


def test_a_record_of_before_there_were_audits() -> None:
    old = json.loads(dump_record(round_record(1, accuracy=None)))
    del old["audit"]
    assert load_record(json.dumps(old)) == round_record(1, accuracy=None)


def test_what_an_earlier_version_measured_on_labels_it_had_trained_on_is_left_out(tmp_path: Path) -> None:
    doubtful = [
        replace(round_record(number), evaluation=evaluation(0.89, CROSS_VALIDATION_BASIS)) for number in (1, 2, 3)
    ]
    tested = replace(round_record(4), evaluation=evaluation(0.57, "held-out images"))
    old, new = FineTuned(150, "models/b.safetensors"), FineTuned(150, "models/b.safetensors", seen=[])
    for name, trained, expected in (("old", old, [0.89, None, None, 0.57]), ("new", new, [0.89, 0.89, 0.89, 0.57])):
        with Ledger.open(tmp_path / name) as ledger:
            with ledger.transaction():
                ledger.add_event(2, trained)
                for record in (*doubtful, tested):
                    ledger.add_record(record)
            history = ledger.history()
        assert [record.evaluation and record.evaluation.accuracy for record in history] == expected
        assert [bool(record.no_evaluation) for record in history] == [share is None for share in expected]
