"""The script whose types mypy checks also runs."""

from __future__ import annotations

from tests.typing import user_script


def test_it_runs() -> None:
    assert len(user_script.chosen) == 5
    assert user_script.config.seed == 1 and user_script.config.sampler.name == "kcenter"
    assert user_script.table.labels.tolist() == [10, 20, 10, 20]
