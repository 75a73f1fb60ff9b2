"""The part of the label sources' conformance suite that is about files that people and programs have changed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from alframe.errors import AlframeError
from alframe.testing.label_source_cases import (
    LabelSourceCases,
    assert_classes,
    classes_by_item,
    file_contents,
)
from alframe.types import Request


class LabelSourceFilesSuite(LabelSourceCases):
    """What a label source must do with files that are damaged, or saved in another way."""

    def test_what_cannot_be_read_is_a_problem_and_clears_nothing(self, request_: Request) -> None:
        """A row that cannot be read may hold the answer to any image."""
        source, truth = self.requested_source_or_skip(request_), self.true_classes(request_)
        self.answer(request_, truth)
        emptied = [item.id for item in request_.items[1:3]]
        with suppress(pytest.skip.Exception):
            self.clear_answers(request_, emptied)
        before, files = classes_by_item(source.collect(request_)), file_contents(request_.folder)
        self.append_damaged_row(request_)
        answers = source.collect(request_)
        named = [problem for problem in answers.problems if problem.file]
        assert named, (
            f"a row cannot be read: a Problem must name the file (and the row), and there are "
            f"{list(map(str, answers.problems))}"
        )
        assert not answers.cleared, (
            f"{answers.cleared} count as cleared, but what cannot be read may hold their answers: set has_unread_rows "
            f"of AnswerBuilder"
        )
        assert_classes(answers, before, "a row that cannot be read was appended")
        _move_appended_rows_up(request_.folder, files)
        found = source.collect(request_)
        assert_classes(found, before, "a row that cannot be read stands among others (read on with the row after it)")

    @pytest.mark.parametrize("saved", ["in the encoding of Windows", "empty"])
    def test_table_that_another_program_has_saved(self, request_: Request, saved: str) -> None:
        """A table that cannot be read ends neither in an error of Python nor in wrong labels."""
        source, truth = self.requested_source_or_skip(request_), self.true_classes(request_)
        before = file_contents(request_.folder)
        self.answer(request_, truth)
        for name, content in file_contents(request_.folder).items():
            file = request_.folder / name
            if file.suffix.lower() in (".csv", ".tsv", ".txt") and content and content != before.get(name):
                with suppress(UnicodeError):
                    text = file.read_text(encoding="utf-8-sig")
                    file.write_bytes(b"" if saved == "empty" else text.encode("cp1252"))
        try:
            answers = source.collect(request_)
        except AlframeError:
            return  # it may refuse
        except Exception as error:
            raise AssertionError(
                f"the table is {saved}, and collect() raises {error!r}: report a Problem that names the file. "
                f"alframe.kit.tables.read_table reads such tables"
            ) from error
        lost = truth.keys() - classes_by_item(answers).keys()
        assert not lost or saved == "empty" or answers.problems, f"the table is {saved}, and {lost} are lost: say so"
        wrong = {label.item: label.class_name for label in answers.labels if truth.get(label.item) != label.class_name}
        assert not wrong, f"the table is {saved}, and collect() gives labels that nobody gave: {wrong}"


def _move_appended_rows_up(folder: Path, before: Mapping[str, bytes | None]) -> None:
    """Move what was appended to tables before their last row, without the quotes, which may hide others.

    In other files, an answer may have several rows, and several rows at the beginning of a table may be no answers.
    """
    for name, after in file_contents(folder).items():
        old = before.get(name) or b""
        rows, added = old.splitlines(keepends=True), (after or b"").removeprefix(old)
        is_table = Path(name).suffix.lower() in (".csv", ".tsv", ".jsonl", ".ndjson") and b"\0" not in old
        if is_table and len(rows) > 3 and old.endswith(b"\n") and after == old + added and added:
            damaged = added.replace(b'"', b"").strip() + b"\n"
            (folder / name).write_bytes(b"".join([*rows[:-1], damaged, rows[-1]]))
