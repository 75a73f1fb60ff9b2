"""A request that is killed before any of its file operations ends as if nothing had happened, withdrawals included."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from alframe.contracts import LabelSource
from alframe.kit.round_folders import round_folder
from alframe.testing.label_source import LabelSourceSuite
from alframe.types import Answers, Request
from tests.killing import killed_before
from tests.label_sources.test_label_source_csv import TestCsv as ByTable
from tests.label_sources.test_label_source_folder import TestFolder as ByDragging
from tests.label_sources.test_label_source_folder import TestFolderWithLinks as ByDraggingLinks
from tests.label_sources.test_label_source_timelapse import TestTimelapse as InTimelapse
from tests.label_sources.test_label_source_timelapse import TestTimelapsePrepared as InPreparedTimelapse

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are forked")


def said(answers: Answers) -> tuple[object, ...]:
    labels = sorted((label.item, label.class_name) for label in answers.labels)
    return labels, sorted(answers.cleared), list(map(str, answers.problems))


def answer_and_withdraw(suite: LabelSourceSuite, request: Request, source: LabelSource) -> list[object]:
    """What is said after all was answered, after two answers were taken back, and after everything was asked again."""
    suite.answer(request, suite.true_classes(request))
    after = [said(source.collect(request))]
    suite.clear_answers(request, [item.id for item in request.items[:2]])
    after.append(said(source.collect(request)))
    source.request(request)
    return [*after, said(source.collect(request))]


@pytest.mark.parametrize(
    ("suite", "step"),
    [
        (ByTable, 1),
        (ByDragging, 4),
        (ByDraggingLinks, 1),
        (InTimelapse, 11),
        *(pytest.param(suite, 1, marks=pytest.mark.slow) for suite in (ByDragging, InTimelapse, InPreparedTimelapse)),
    ],
)
def test_killed_before_each_file_operation(suite: type[LabelSourceSuite], step: int, tmp_path: Path) -> None:
    own, request = suite(), suite().make_request(tmp_path)
    expected = answer_and_withdraw(own, request, own.requested_source_or_skip(request))
    assert len(expected[0][0]) == len(request.items)
    assert len(expected[1][1]) == 2, "two answers were taken back"
    mark = request.folder / f".{round_folder(request).name}.asked"
    operation = 0
    while True:
        shutil.rmtree(request.folder)
        source = own.make()
        if not killed_before(operation, lambda source=source: source.request(request)):
            break
        source.request(request)
        assert mark.exists()
        assert answer_and_withdraw(own, request, source) == expected, f"killed before operation {operation}"
        operation += step
    assert operation > 5
