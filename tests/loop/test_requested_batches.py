"""What a session says about the images that each round requested."""

from __future__ import annotations

from pathlib import Path

import alframe
from alframe.testing import tiny_overrides, tiny_pool
from alframe.types import RequestedBatch


def batches_of(folder: Path, *overrides: str) -> list[RequestedBatch]:
    with alframe.open_session(*tiny_overrides(tiny_pool(folder / "images"), folder / "runs"), *overrides) as session:
        session.task_to_run.run(session)
        return list(session.batches())


def test_keys_scores_predictions_and_audit_of_each_round(tmp_path: Path) -> None:
    first, *others = batches_of(tmp_path, "sampler=margin", "audit=0.25", "start.sampler=kcenter", "stopping.labels=16")
    assert (first.round, first.sampler, first.suggestions) == (1, "kcenter", ())
    assert [len(batch.keys) for batch in (first, *others)] == [4, 4, 4, 4]
    for batch in others:
        assert batch.sampler == "margin" and sum(batch.is_audit) == 1
        assert {each.class_name for each in batch.suggestions} <= {"class_0", "class_1", "class_2"}
        assert all(1 / 3 <= each.confidence <= 1 for each in batch.suggestions) and len(batch.suggestions) == 4
        scores = [score for score, is_audit in zip(batch.scores, batch.is_audit, strict=True) if not is_audit]
        assert scores == sorted(scores, reverse=True)


def test_sampler_that_chose_among_several(tmp_path: Path) -> None:
    batches = batches_of(tmp_path, "sampler=bandit", "stopping.labels=12")
    assert {each.sampler for each in batches[1:]} <= {"margin", "random"}
