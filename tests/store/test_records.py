"""Records survive being written down."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from alframe.engine.measuring.audit import AUDITED
from alframe.engine.measuring.evaluate import evaluate
from alframe.store.records import dump_round, load_round
from alframe.testing.records import round_record


def test_a_record_comes_back_as_it_was_with_its_audit() -> None:
    audit = evaluate(np.eye(2, dtype=np.float32), ("a", "b"), ["a", "a"], AUDITED)
    for record in (round_record(1, accuracy=None), replace(round_record(1, accuracy=None), audit=audit)):
        assert load_round(dump_round(record)) == record


def test_a_record_of_before_there_were_audits() -> None:
    old = json.loads(dump_round(round_record(1, accuracy=None)))
    del old["audit"]
    assert load_round(json.dumps(old)) == round_record(1, accuracy=None)
