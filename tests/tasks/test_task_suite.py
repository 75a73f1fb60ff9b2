"""The built-in tasks keep the contract."""

from __future__ import annotations

from pathlib import Path

from alframe.testing import TaskSuite


class TestRun(TaskSuite):
    def overrides(self, images: Path) -> list[str]:
        return ["task=run"]


class TestLabel(TaskSuite):
    def overrides(self, images: Path) -> list[str]:
        return ["task=label"]


class TestWithdraw(TaskSuite):
    def overrides(self, images: Path) -> list[str]:
        return ["task=withdraw"]


class TestStatus(TaskSuite):
    def overrides(self, images: Path) -> list[str]:
        return ["task=status"]


class TestReport(TaskSuite):
    def overrides(self, images: Path) -> list[str]:
        return ["task=report"]


class TestExport(TaskSuite):
    def overrides(self, images: Path) -> list[str]:
        return ["task=export"]


class TestNewPlugin(TaskSuite):
    def overrides(self, images: Path) -> list[str]:
        return ["task=new_plugin", "task.part=coinflip", f"task.folder={images.as_posix()}-plugin"]


class TestPredict(TaskSuite):
    def overrides(self, images: Path) -> list[str]:
        return ["task=predict", f"task.images={images.as_posix()}", f"task.out={images.as_posix()}-out"]


class TestCompare(TaskSuite):
    def overrides(self, images: Path) -> list[str]:
        runs, out = images.parent / "runs", f"{images.as_posix()}-comparison"
        return ["task=compare", f"task.sweep=[{runs.as_posix()}]", f"task.out={out}"]
