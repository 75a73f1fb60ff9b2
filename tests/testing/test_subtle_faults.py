"""Faults that are easily overlooked: each part in ``wrong/`` fails the tests of its suite that it names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import pytest

WRONG = Path(__file__).with_name("wrong")
KINDS = sorted(file.stem for file in WRONG.glob("*.py") if file.stem != "__init__")


class Results:
    """A pytest plugin that runs the tests which a case names, or all of one that names none, and notes which fail."""

    def __init__(self) -> None:
        self.failed: defaultdict[str, set[str]] = defaultdict(set)
        self.run: defaultdict[str, set[str]] = defaultdict(set)

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        items[:] = [item for item in items if item.originalname in (item.cls.caught_by or [item.originalname])]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        case, test = report.nodeid.split("::")[-2:]
        self.run[case].add(test.partition("[")[0])
        if report.failed:
            self.failed[case].add(test.partition("[")[0])


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_is_caught(kind: str) -> None:
    results = Results()
    arguments = [str(WRONG / f"{kind}.py"), "-q", "-p", "no:cacheprovider", "--tb=no", "-W", "ignore"]
    pytest.main(arguments, plugins=[results])
    module = import_module(f"tests.testing.wrong.{kind}")
    cases: Sequence[type] = module.CASES
    assert len({case.__name__ for case in cases}) == len(cases)
    for right in getattr(module, "RIGHT", []):
        assert results.run[right.__name__] and not results.failed[right.__name__], "what they are made of is right"
    passed = [
        f"{case.__name__}: {test}"
        for case in cases
        for test in case.caught_by  # type: ignore[attr-defined]  # each wrong part has it
        if test not in results.failed[case.__name__]
    ]
    assert not passed, "not caught:\n" + "\n".join(passed)
