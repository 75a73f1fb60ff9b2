from __future__ import annotations

import csv
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alframe.errors import BadParams, LabelError
from alframe.label_sources.csv import Csv
from alframe.label_sources.rounds import round_folder
from alframe.testing.label_source import LabelSourceSuite
from alframe.types import Item, Request


def fill(file: Path, answers: Mapping[str, str]) -> None:
    """Write answers as a spreadsheet would: every row kept, strangers added below."""
    with file.open(newline="", encoding="utf-8-sig") as handle:
        header, *rows = csv.reader(handle)
    rows = [[path, image, answers.get(path, label), who] for path, image, label, who in rows]
    rows += [[path, "", name, ""] for path, name in answers.items() if path not in {row[0] for row in rows}]
    with file.open("w", newline="", encoding="utf-8-sig") as handle:
        csv.writer(handle).writerows([header, *rows])


class TestCsv(LabelSourceSuite):
    def make(self) -> Csv:
        return Csv()

    def answer(self, request: Request, answers: Mapping[str, str]) -> None:
        fill(round_folder(request) / "to_label.csv", answers)

    def clear(self, request: Request, ids: Collection[str]) -> None:
        fill(round_folder(request) / "to_label.csv", dict.fromkeys(ids, ""))

    def also(self, request: Request, answers: Mapping[str, str]) -> None:
        lines = (f'"{path}",{name},Ann\n' for path, name in answers.items())
        put(request, "path,label,annotator\n" + "".join(lines), "by Ann.csv")


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    ids = ("a/1.jpg", "a/2.jpg", "größe/3.jpg")
    return Request(1, tuple(Item(id, tmp_path / "pool" / id) for id in ids), ("fox", "deer"), tmp_path / "labels")


def put(request: Request, data: str | bytes, name: str = "to_label.csv", at: int = 1_000_000) -> Path:
    file = round_folder(request) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    os.utime(file, (at, at))
    return file


def labels(request: Request, source: Csv | None = None) -> dict[str, str]:
    return {label.item: label.class_name for label in (source or Csv()).collect(request).labels}


def problems(request: Request, source: Csv | None = None) -> list[tuple[int | None, str]]:
    return [(problem.row, str(problem)) for problem in (source or Csv()).collect(request).problems]


def test_the_list_is_what_a_spreadsheet_wants(request_: Request) -> None:
    message = Csv().request(request_)
    file = round_folder(request_) / "to_label.csv"
    assert str(file) in message
    assert "fox, deer" in message
    assert file.read_bytes().startswith(b"\xef\xbb\xbfpath,image,label,annotator\r\n")
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines()))
    assert [row["path"] for row in rows] == [item.id for item in request_.items]
    assert all(Path(row["image"]).is_absolute() for row in rows)


def test_an_answer_knows_its_row_its_time_and_who_gave_it(request_: Request) -> None:
    file = put(request_, "path,label,annotator\na/1.jpg,fox,\na/2.jpg, deer ,Ann\n")
    first, second = Csv(annotator="Bob").collect(request_).labels
    assert (first.file, first.row, first.annotator, first.class_name) == (str(file), 2, "Bob", "fox")
    assert (second.row, second.annotator, second.class_name) == (3, "Ann", "deer")
    assert first.at == datetime.fromtimestamp(1_000_000, UTC)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_whatever_excel_saves(request_: Request, encoding: str, separator: str, end: str) -> None:
    lines = [["Path", "Note", " LABEL "], ["a\\1.jpg", "schön", "fox"], [], ["größe/3.jpg", "a,b;c", "deer"]]
    text = end.join(separator.join(f'"{cell}"' if separator in cell else cell for cell in row) for row in lines)
    put(request_, text.encode(encoding))
    assert problems(request_) == []
    assert labels(request_) == {"a/1.jpg": "fox", "größe/3.jpg": "deer"}


def test_another_code_page_can_be_named(tmp_path: Path) -> None:
    request = Request(1, (Item("山/1.jpg", tmp_path / "1.jpg"),), (), tmp_path)
    put(request, "path,label\n山/1.jpg,野猪\n".encode("gbk"))
    assert labels(request, Csv(encoding="gbk")) == {"山/1.jpg": "野猪"}
    assert labels(request) == {}, "read with the wrong one it is a problem, never a wrong label"
    assert problems(request)


def test_the_sep_line_of_excel(request_: Request) -> None:
    put(request_, "sep=|\r\npath|label\r\na/1.jpg|fox\r\n")
    assert [label.row for label in Csv().collect(request_).labels] == [3]


def test_rows_are_counted_as_an_editor_counts_lines(request_: Request) -> None:
    put(request_, '\npath,note,label\na/1.jpg,"two\nlines",fox\na/2.jpg,,deer\n')
    assert [label.row for label in Csv().collect(request_).labels] == [3, 5]


def test_class_names_stay_text(tmp_path: Path) -> None:
    names = ("007", "NA", "1e5", "null", "True", "1,5")
    items = tuple(Item(f"{n}.jpg", tmp_path / f"{n}.jpg") for n in range(len(names)))
    request = Request(1, items, (), tmp_path)
    put(request, "path;label\n" + "".join(f"{n}.jpg;{name}\n" for n, name in enumerate(names)))
    assert tuple(labels(request).values()) == names


def test_a_slip_is_named_with_the_remedy(request_: Request) -> None:
    put(request_, "path,label\na/1.jpg,foxx\na/2.jpg,Deer\n")
    (row, slip), (_, case) = problems(request_)
    assert row == 2
    assert "'foxx' is not one of the classes. Did you mean 'fox'?" in slip
    assert "new_classes=add" in slip
    assert "only in upper and lower case" in case
    assert labels(request_) == {}
    assert labels(request_, Csv(new_classes="add")) == {"a/1.jpg": "foxx"}


def test_two_spellings_of_a_first_class_are_a_slip(request_: Request) -> None:
    put(request_, "path,label\na/1.jpg,Fox\na/2.jpg,fox\n")
    request = replace(request_, classes=())
    assert labels(request) == {"a/1.jpg": "Fox"}
    assert [row for row, _ in problems(request)] == [3]


def test_saved_copies_are_read_and_the_later_one_comes_last(request_: Request) -> None:
    put(request_, "path,label\na/1.jpg,fox\na/2.jpg,fox\n", "to_label.csv", at=2_000)
    put(request_, "path,label\na/1.jpg,fox\na/2.jpg,deer\ngröße/3.jpg,deer\n", "to_label (1).CSV", at=1_000)
    said = [(label.item, label.class_name) for label in Csv().collect(request_).labels]
    assert said == [
        ("a/1.jpg", "fox"),
        ("a/1.jpg", "fox"),
        ("a/2.jpg", "deer"),
        ("a/2.jpg", "fox"),
        ("größe/3.jpg", "deer"),
    ]
    assert problems(request_) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "name,class\na/1.jpg,fox\n",
        "path\na/1.jpg\n",
        "path,label,Label\na/1.jpg,fox,deer\n",
        '"path,label\n',
    ],
)
def test_a_file_without_the_columns_is_one_problem(request_: Request, text: str) -> None:
    put(request_, text)
    ((row, message),) = problems(request_)
    assert row == 1
    assert "path, label" in message


def test_bad_rows_cost_only_themselves(request_: Request) -> None:
    text = 'path,label\na/9.jpg,fox\na/1.jpg,fox,red\n,fox\na/1.jpg,"fox\na/2.jpg,deer\ngröße/3.jpg,f\0x\na/1.jpg\n'
    put(request_, text)
    assert labels(request_) == {"a/2.jpg": "deer"}
    assert [row for row, _ in problems(request_)] == [2, 3, 4, 5, 7]


def test_a_file_open_in_excel_is_a_problem_with_the_remedy(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    put(request_, "path,label\na/1.jpg,fox\n", "other.csv")
    locked = put(request_, "path,label\na/2.jpg,fox\n")
    opening = Path.open

    def deny(file: Path, *how: Any, **more: Any) -> Any:
        if file == locked:
            raise PermissionError(13, "Permission denied")
        return opening(file, *how, **more)

    monkeypatch.setattr(Path, "open", deny)
    ((_, message),) = problems(request_)
    assert "Close it there" in message
    assert labels(request_) == {"a/1.jpg": "fox"}
    Csv().request(request_)
    assert len(list(round_folder(request_).iterdir())) == 2, "nothing is asked anew while an answer cannot be read"


def test_a_workbook_is_pointed_out_and_locks_are_not(request_: Request) -> None:
    Csv().request(request_)
    put(request_, b"PK", "to_label.xlsx")
    put(request_, b"\0", "~$to_label.csv")
    put(request_, b"\0", ".~lock.to_label.csv#")
    ((_, message),) = problems(request_)
    assert "Save it as CSV UTF-8" in message


def test_a_list_of_other_images_is_left_alone_and_the_missing_ones_are_listed(request_: Request) -> None:
    old = put(request_, "path,label\nold/1.jpg,fox\na/1.jpg,fox\n")
    before = old.read_bytes()
    message = Csv().request(request_)
    assert old.read_bytes() == before
    rows = list(csv.DictReader((old.parent / "to_label-2.csv").read_text("utf-8-sig").splitlines()))
    assert [row["path"] for row in rows] == ["a/2.jpg", "größe/3.jpg"]
    assert str(old.parent) in message


def test_what_a_killed_request_left_is_no_answer(request_: Request) -> None:
    put(request_, "path,la", ".to_label.csv.12345678.tmp")
    Csv().request(request_)
    assert (round_folder(request_) / "to_label.csv").is_file()
    assert problems(request_) == []


def test_a_folder_that_cannot_be_written_is_an_error_with_the_remedy(request_: Request) -> None:
    request_.folder.write_text("a file where the folder should be")
    with pytest.raises(LabelError, match="may be written to"):
        Csv().request(request_)


def test_semicolons_on_request(request_: Request) -> None:
    Csv(separator=";").request(request_)
    assert (round_folder(request_) / "to_label.csv").read_text("utf-8-sig").startswith("path;image;label;annotator")
    assert labels(request_, Csv()) == {}
    assert problems(request_, Csv()) == []


@pytest.mark.parametrize("params", [{"new_classes": "yes"}, {"separator": "|"}, {"encoding": "ansi!"}])
def test_parameters_that_cannot_be(params: dict[str, str]) -> None:
    with pytest.raises(BadParams, match=next(iter(params))):
        Csv(**params)


def test_awkward_ids_come_back(tmp_path: Path) -> None:
    ids = [
        "a,b.jpg",
        'quote".jpg',
        "a\\b.jpg",
        "a/b.jpg",
        " lead.jpg",
        "new\nline.jpg",
        "e\u0301.jpg",
        "=1+1.jpg",
        ";.jpg",
    ]
    items = tuple(Item(id, tmp_path / "x.jpg") for id in ids)
    request = Request(1, items, ("fox",), tmp_path)
    Csv().request(request)
    fill(tmp_path / "round-001" / "to_label.csv", dict.fromkeys(ids, "fox"))
    assert labels(request) == dict.fromkeys(ids, "fox")
    assert problems(request) == []


fast = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@fast
@given(data=st.binary())
@example(data=b"\xff\xfe\x00")
@example(data=b"path,label\n\x81,\x81\n")
def test_no_bytes_raise_anything(request_: Request, data: bytes) -> None:
    put(request_, data)
    answers = Csv().collect(request_)
    assert not answers.labels
    Csv().request(request_)


@fast
@given(data=st.binary(), start=st.sampled_from([b"", b"\xef\xbb\xbf"]))
def test_no_bytes_below_a_good_header_raise_anything(request_: Request, data: bytes, start: bytes) -> None:
    put(request_, start + b"path,label\n" + data)
    Csv().collect(request_)


junk = st.text(alphabet=st.sampled_from('ab1./,;"\t \\é\0')).map(str.encode) | st.binary().filter(
    lambda data: b"\n" not in data and b"\r" not in data
)


@fast
@given(before=st.lists(junk, max_size=5), between=st.lists(junk, max_size=5), after=st.lists(junk, max_size=5))
@example(before=[b'x,fox,"'], between=[b'"'], after=[])
@example(before=[b'x,"'], between=[], after=[b'x",fox'])
def test_no_answer_is_lost_beside_bad_rows(
    tmp_path: Path, before: list[bytes], between: list[bytes], after: list[bytes]
) -> None:
    items = tuple(Item(id, tmp_path / id) for id in ("good/one.jpg", "good/two.jpg"))
    request = Request(1, items, ("fox", "deer"), tmp_path)
    rows = [*before, b"good/one.jpg,fox,", *between, b"good/two.jpg,deer,", *after]
    put(request, b"path,label,note\n" + b"\n".join(rows))
    assert labels(request) == {"good/one.jpg": "fox", "good/two.jpg": "deer"}


def test_what_is_asked_of_a_name_that_is_no_class_yet(tmp_path: Path) -> None:
    from alframe.label_sources.classes import resolver

    known = ["red_fox", "badger"]
    assert resolver(known, "ask")("lynx") == resolver(known, "add")("lynx") == "lynx"
    assert resolver(known, "add")("red_fx") == "red_fx"
    assert resolver(["deer_1"], "ask")("deer_2") == "deer_2"
    for name, policy in (("red_fx", "ask"), ("Badgerr", "ask"), ("lynx", "reject"), ("Badger", "add"), ("--", "add")):
        with pytest.raises(LabelError, match=name):
            resolver(known, policy)(name)
