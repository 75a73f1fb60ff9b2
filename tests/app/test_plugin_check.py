"""What `alframe plugins --check` says of parts that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from alframe.app.plugin_check import check_parts_named


def test_tasks_need_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that change a project are refused without one, but nothing is run here."""
    monkeypatch.chdir(tmp_path)
    report, passed = check_parts_named(["run", "withdraw", "export", "status"])
    assert passed and report.count(": ok") == 4, report
