"""A table that a person saved with any program: no row is swallowed, none is made up, and nothing is a traceback."""

from __future__ import annotations

import csv
import io
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alframe.errors import BadParams
from alframe.formats import tables
from alframe.formats.tables import TableRow, has_columns, read_table, require_encoding
from alframe.types import Problem

fast = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
WANTED = ("path", "label")


def put(folder: Path, data: str | bytes) -> Path:
    file = folder / "table.csv"
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return file


def cells(file: Path, *columns: str, **how: Any) -> list[tuple[str, ...]]:
    read = list(read_table(file, columns or WANTED, **how))
    assert all(isinstance(row, TableRow) for row in read), read
    return [tuple(row.get(column) for column in columns or WANTED) for row in read if isinstance(row, TableRow)]


def problems(file: Path) -> list[tuple[int | None, str]]:
    return [(one.row, one.message) for one in read_table(file, WANTED) if isinstance(one, Problem)]


def test_rows_come_in_the_order_of_the_file_good_and_bad(tmp_path: Path) -> None:
    file = put(tmp_path, 'path,label\na,fox\nb,fox,deer\nc,"deer\n\nd,fox\n')
    assert [getattr(row, "line", None) or getattr(row, "row", None) for row in read_table(file, WANTED)] == [
        2,
        3,
        4,
        6,
    ]
    assert [number for number, _ in problems(file)] == [3, 4]


def test_the_header_may_be_quoted_spaced_composed_otherwise_and_over_two_lines(tmp_path: Path) -> None:
    file = put(tmp_path, '\r\n \r\n"My\r\nnote"; PATH ;Gro\u0308\u00dfe\r\nx;a/1;7\r\n')
    assert cells(file, "Path", "gr\u00f6\u00dfe") == [("a/1", "7")]
    assert [row.line for row in read_table(file, ("path",)) if isinstance(row, TableRow)] == [5]


def test_short_rows_have_empty_cells_or_are_put_right(tmp_path: Path) -> None:
    file = put(tmp_path, "level,path,label\nS1,a,fox\nb,deer\nc\n")
    assert cells(file, "level", *WANTED) == [("S1", "a", "fox"), ("b", "deer", ""), ("c", "", "")]

    def fit(header: Any, found: list[str]) -> list[str]:
        assert header == ["level", "path", "label"]
        return [*[""] * (len(header) - len(found)), *found]

    assert cells(file, "level", *WANTED, align_cells=fit) == [("S1", "a", "fox"), ("", "b", "deer"), ("", "", "c")]


def test_has_columns_asks_for_the_header_alone(tmp_path: Path) -> None:
    file = put(tmp_path, 'Path;Label\n"open;x\n')
    assert has_columns(file, WANTED)
    assert not has_columns(file, ("path", "species"))
    assert not has_columns(tmp_path / "nowhere.csv", WANTED)
    assert not has_columns(tmp_path, WANTED)


@pytest.mark.parametrize(("name", "word"), [("nowhere.csv", "Put it back"), (".", "cannot be read")])
def test_a_file_that_cannot_be_opened_is_a_problem(tmp_path: Path, name: str, word: str) -> None:
    (problem,) = read_table(tmp_path / name, WANTED)
    assert isinstance(problem, Problem)
    assert word in problem.message


def test_a_disk_that_fails_in_the_middle_keeps_what_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(tmp_path, "path,label\na,fox\n")

    class Failing(io.StringIO):
        def __next__(self) -> str:
            try:
                return super().__next__()
            except StopIteration:
                raise OSError(5, "Input/output error") from None

    monkeypatch.setattr(tables, "MAX_RECORD_LINES", 1)
    monkeypatch.setattr(tables, "_open_text", lambda *_: Failing("path,label\na,fox\n", newline=""))
    row, problem = read_table(file, WANTED)
    assert isinstance(row, TableRow)
    assert row.get("label") == "fox"
    assert isinstance(problem, Problem)
    assert "Input/output error" in problem.message


def test_the_encoding_is_decided_by_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "READ_BYTES", 7)  # smaller than the line, so that letters are cut in two
    for data, name in (("größe,füchsin\n".encode(), "größe"), ("größe,füchsin\n".encode("cp1252"), "größe")):
        assert cells(put(tmp_path, b"path,label\n" + b"a,b\n" * 9 + data))[-1] == (name, "füchsin")
    end = b"path,label\na,fox\xc3"  # half a letter at the very end
    assert cells(put(tmp_path, end)) == [("a", "foxÃ")]


def test_encodings_that_are_none() -> None:
    assert require_encoding("gbk") == "gbk"
    for name in ("ansi!", "hex"):
        with pytest.raises(BadParams, match=r"pool\.encoding"):
            require_encoding(name, "pool.encoding")


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@fast
@given(table=st.lists(st.tuples(text, text, text), max_size=8), how=st.sampled_from(",;\t"), quoting=st.booleans())
@example(table=[("a\nb", "", ""), ('"', "\r", "\r\n")], how=";", quoting=False)
def test_whatever_a_csv_writer_writes_is_read(
    tmp_path: Path, table: list[tuple[str, str, str]], how: str, quoting: bool
) -> None:
    out = io.StringIO(newline="")
    style = csv.QUOTE_ALL if quoting else csv.QUOTE_MINIMAL
    csv.writer(out, delimiter=how, quoting=style).writerows([("path", "label", "note"), *table])
    file = put(tmp_path, out.getvalue().encode("utf-8"))
    # Line ends that are no end of a row for csv (\x85, \u2028, form feed) may not be one for the reader either.
    assert cells(file, "path", "label", "note") == [row for row in table if any(map(str.strip, row))]


@fast
@given(data=st.binary(max_size=200), start=st.sampled_from([b"", b"path,label\n", b"\xef\xbb\xbfpath;label\r\n"]))
@example(data=b"\xff\xfea", start=b"")
@example(data=b'"' * 9, start=b"path,label\n")
def test_no_bytes_raise_anything(tmp_path: Path, data: bytes, start: bytes) -> None:
    for row in read_table(put(tmp_path, start + data), WANTED):
        assert isinstance(row, TableRow) or row.message


junk = st.text(st.sampled_from('kx",;\t \\\u00e9\0'), max_size=12)


@fast
@given(st.lists(junk | st.sampled_from(["key1,fox", "key2,deer"]), max_size=12))
@example(['"', "key1,fox", '"'])
@example(['x,"', "key1,fox", 'key2",deer'])
def test_no_open_quote_swallows_a_row_that_was_asked_for(tmp_path: Path, lines: list[str]) -> None:
    keys = ("key1", "key2")
    file = put(tmp_path, "path,label\n" + "\n".join(lines) + "\n")
    read = [row.line for row in read_table(file, WANTED, is_known_path=keys.__contains__) if isinstance(row, TableRow)]
    assert {number for number, line in enumerate(lines, start=2) if line[:4] in keys} <= set(read)


def test_every_line_is_a_row_a_problem_or_blank(tmp_path: Path) -> None:
    file = put(tmp_path, "path,label\n" + 'a,"x\n' * 500)
    assert [number for number, _ in problems(file)] == list(range(2, 502))


def test_a_long_table_takes_a_moment_and_no_room(tmp_path: Path) -> None:
    """A tenth of what is promised (200,000 rows in seconds), so that the test is quick; with quotes, the slow way."""
    line = '"Station 7/2024/IMG_{:06}.JPG","fox","a note, and another"\n'
    file = put(tmp_path, "path,label,note\n" + "".join(map(line.format, range(20_000))))
    start = time.process_time()
    assert sum(isinstance(row, TableRow) for row in read_table(file, WANTED)) == 20_000
    assert time.process_time() - start < 2
    tracemalloc.start()
    for _ in read_table(file, WANTED):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * tables.READ_BYTES


def test_a_reader_that_is_left_closes_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[IO[str]] = []
    opening = tables._open_text

    def note(*how: Any) -> Any:
        opened.append(opening(*how))
        return opened[-1]

    monkeypatch.setattr(tables, "_open_text", note)
    reader: Iterator[TableRow | Problem] = read_table(put(tmp_path, "path,label\na,fox\nb,fox\n"), WANTED)
    next(reader)
    del reader
    assert [handle.closed for handle in opened] == [True]
