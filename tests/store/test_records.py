"""Records survive being written down."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from alframe.engine.fit import AUDIT_BASIS
from alframe.engine.measuring.evaluate import evaluate_probs
from alframe.store.records import dump_record, load_record
from alframe.testing.records import round_record


def test_a_record_comes_back_as_it_was_with_its_audit() -> None:
    audit = evaluate_probs(np.eye(2, dtype=np.float32), ("a", "b"), ["a", "a"], AUDIT_BASIS)
    for record in (round_record(1, accuracy=None), replace(round_record(1, accuracy=None), audit=audit)):
        assert load_record(dump_record(record)) == record


def test_a_record_of_before_there_were_audits() -> None:
    old = json.loads(dump_record(round_record(1, accuracy=None)))
    del old["audit"]
    assert load_record(json.dumps(old)) == round_record(1, accuracy=None)
