from __future__ import annotations

import csv
import os
import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alframe.errors import BadParams, LabelError
from alframe.kit.classes import class_resolver
from alframe.kit.round_folders import round_folder
from alframe.label_sources.csv.source import Csv
from alframe.testing.label_source import LabelSourceSuite
from alframe.types import UNSURE, Box, Item, Request, Suggestion


def fill(file: Path, answers: Mapping[str, str]) -> None:
    """Write answers as a spreadsheet would: every row kept, strangers added below."""
    with file.open(newline="", encoding="utf-8-sig") as handle:
        header, *rows = csv.reader(handle)
    rows = [[path, image, answers.get(path, label), *more] for path, image, label, *more in rows]
    rows += [[path, "", name, ""] for path, name in answers.items() if path not in {row[0] for row in rows}]
    with file.open("w", newline="", encoding="utf-8-sig") as handle:
        csv.writer(handle).writerows([header, *rows])


class TestCsv(LabelSourceSuite):
    def make(self) -> Csv:
        return Csv()

    def answer(self, request: Request, answers: Mapping[str, str]) -> None:
        fill(round_folder(request) / "to_label.csv", answers)

    def clear_answers(self, request: Request, ids: Collection[str]) -> None:
        fill(round_folder(request) / "to_label.csv", dict.fromkeys(ids, ""))

    def append_damaged_row(self, request: Request) -> None:
        with (round_folder(request) / "to_label.csv").open("a", encoding="utf-8") as file:
            file.write('"a/IMG_0')

    def add_second_answers(self, request: Request, answers: Mapping[str, str]) -> None:
        lines = (f'"{path}",{name},Ann\n' for path, name in answers.items())
        put(request, "path,label,annotator\n" + "".join(lines), "by Ann.csv")


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    ids = ("a/1.jpg", "a/2.jpg", "größe/3.jpg")
    return Request(1, tuple(Item(id, tmp_path / "pool" / id) for id in ids), ("fox", "deer"), tmp_path / "labels")


IDS = ("good/one.jpg", "good/two.jpg")


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
    assert first.labelled_at == datetime.fromtimestamp(1_000_000, UTC)
    assert first.answer_file_hash == blake2b(file.read_bytes(), digest_size=16).hexdigest()


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
    request = Request(1, items, ("NA", "null"), tmp_path)
    put(request, "path;label\n" + "".join(f"{n}.jpg;{name}\n" for n, name in enumerate(names)))
    assert tuple(labels(request).values()) == names
    undeclared = replace(request, classes=())
    assert tuple(labels(undeclared).values()) == ("007", "1e5", "True", "1,5")
    assert [row for row, message in problems(undeclared) if "add it to the setting classes" in message] == [3, 5]


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


def said(request: Request, source: Csv | None = None) -> list[tuple[str, str, str]]:
    labels = (source or Csv()).collect(request).labels
    return [(label.item, label.class_name, label.annotator) for label in labels]


def cleared(request: Request, source: Csv | None = None) -> list[str]:
    return list((source or Csv()).collect(request).cleared)


def test_the_columns_can_be_called_anything(request_: Request) -> None:
    source = Csv(path_column="Filename", label_column=" Species", annotator_column="Observer")
    message = source.request(request_)
    assert "into the column 'Species'" in message
    written = round_folder(request_) / "to_label.csv"
    assert written.read_text("utf-8-sig").startswith("Filename,image,Species,Observer\n")
    put(request_, "observer;SPECIES;filename\nAnn;fox;a/1.jpg\n", "mine.csv")
    put(request_, "path,label,annotator\na/2.jpg,deer,Bob\n", "a list from before the columns were named.csv")
    assert said(request_, source) == [("a/1.jpg", "fox", "Ann"), ("a/2.jpg", "deer", "Bob")]
    assert problems(request_, source) == []
    for (row, message), name in zip(problems(request_), ("mine.csv", "to_label.csv"), strict=True):
        assert row == 1
        assert name in message
        assert "path, label" in message


def test_a_column_called_image_is_no_second_one(request_: Request) -> None:
    source = Csv(path_column="Image")
    source.request(request_)
    assert (round_folder(request_) / "to_label.csv").read_text("utf-8-sig").startswith("Image,label,annotator\n")
    assert problems(request_, source) == []


def season(folder: Path, text: str, name: str = "season.csv", at: int = 1_000_000) -> Path:
    file = folder / "own" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    os.utime(file, (at, at))
    return file


def test_own_files_are_read_wherever_they_are_and_as_they_grow(request_: Request, tmp_path: Path) -> None:
    file = season(tmp_path, "path,label\nb/9.jpg,foxx\nb/8.jpg,\na/1.jpg,fox\n")
    for files in (
        str(file),
        [str(file)],
        [f"{tmp_path}/own"],
        [f"{tmp_path}/**/s*.csv"],
        [str(file), f"{tmp_path}/o*/*"],
    ):
        source = Csv(files=files)
        assert "1 file of label_source.files" in source.request(request_)
        assert said(request_, source) == [("a/1.jpg", "fox", "")]
        assert problems(request_, source) == [], "what it says about other images is no concern"
    with file.open("a", encoding="utf-8") as handle:
        handle.write("a/2.jpg,deer\n")
    season(tmp_path, "path,label\na/1.jpg,deer\n", "another.csv")
    season(tmp_path, "path", "~$season.csv")
    labels = Csv(files=f"{tmp_path}/own").collect(request_).labels
    assert [(label.item, label.class_name, Path(label.file).name, label.row) for label in labels] == [
        ("a/1.jpg", "deer", "another.csv", 2),
        ("a/1.jpg", "fox", "season.csv", 4),
        ("a/2.jpg", "deer", "season.csv", 5),
    ]


def test_a_file_that_is_named_and_not_there_is_a_problem(request_: Request, tmp_path: Path) -> None:
    put(request_, "path,label\na/1.jpg,fox\n")
    source = Csv(files=["nowhere.csv", f"{tmp_path}/none-*.csv", str(tmp_path)])
    for name, (row, message) in zip(
        ("nowhere.csv", "none-*.csv", tmp_path.name), problems(request_, source), strict=True
    ):
        assert row is None
        assert name in message
        assert "label_source.files" in message
    assert labels(request_, source) == {"a/1.jpg": "fox"}


def test_a_file_whose_paths_start_elsewhere_is_a_problem(request_: Request, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("path,label\nzz/1.jpg,fox\nsurvey/a/1.jpg,fox\nsurvey/a/2.jpg,deer\n")
    ((row, message),) = problems(request_, Csv(files=str(file)))
    assert row == 3 and "'survey/a/1.jpg' ends like 'a/1.jpg'" in message
    file.write_text(file.read_text().replace("survey/", ""))  # the remedy
    assert labels(request_, Csv(files=str(file))) == {"a/1.jpg": "fox", "a/2.jpg": "deer"}
    assert problems(request_, Csv(files=str(file))) == []
    file.write_text("path,label\nzz/1.jpg,fox\n1.jpg,fox\n")
    assert problems(request_, Csv(files=str(file))) == [], "a table may be of other images"


def test_a_pattern_that_takes_in_the_rounds_reads_no_list_twice(request_: Request, tmp_path: Path) -> None:
    put(request_, "path,label\na/1.jpg,fox\nb/9.jpg,fox\n")
    source = Csv(files=f"{tmp_path}/**/*.csv")
    assert said(request_, source) == [("a/1.jpg", "fox", "")]
    assert [row for row, _ in problems(request_, source)] == [3]


def test_paths_of_windows_and_of_this_system(request_: Request, tmp_path: Path) -> None:
    put(request_, "path,label\nA\\1.JPG,fox\nD:\\Cameras 2024\\a\\2.jpg,deer\nd:\\cameras 2024\\GRÖSSE\\3.jpg,fox\n")
    expected = {"a/1.jpg": "fox", "a/2.jpg": "deer", "größe/3.jpg": "fox"}
    assert labels(request_) == expected
    assert problems(request_) == []
    put(request_, "path,label\n" + "".join(f"{tmp_path / 'pool' / id},{name}\n" for id, name in expected.items()))
    assert labels(request_) == expected


def test_a_path_that_could_be_several_images_is_a_problem(request_: Request) -> None:
    put(request_, "path,label\nD:\\2023\\a\\1.jpg,fox\nD:\\2024\\a\\1.jpg,fox\n")
    assert [row for row, message in problems(request_) if "more than one way" in message] == [2, 3]
    assert labels(request_) == {}


def test_unsure_in_any_of_its_words(request_: Request) -> None:
    put(request_, "path,label\na/1.jpg,Unsure\na/2.jpg, ? \ngröße/3.jpg,no idea\n")
    assert labels(replace(request_, classes=())) == {"a/1.jpg": UNSURE, "a/2.jpg": UNSURE, "größe/3.jpg": "no idea"}
    source = Csv(unsure=["No Idea"], new_classes="reject")
    assert labels(request_, source) == {"a/1.jpg": UNSURE, "größe/3.jpg": UNSURE}
    assert labels(request_, Csv(unsure="no idea")) == {"a/1.jpg": UNSURE, "größe/3.jpg": UNSURE}
    ((row, message),) = problems(request_, source)
    assert row == 3
    assert "Write 'unsure'" in message
    put(request_, "path,label\na/1.jpg,unsrue\n")
    for classes in ((), request_.classes):
        ((_, message),) = problems(replace(request_, classes=classes))
        assert "Did you mean 'unsure'?" in message


def test_a_new_class_is_known_in_the_next_file(request_: Request) -> None:
    put(request_, "path,label\na/1.jpg,wolverine\n", "1.csv", at=1_000)
    put(request_, "path,label\na/2.jpg,wolverines\ngröße/3.jpg,Wolverine\n", "2.csv", at=2_000)
    assert labels(request_) == {"a/1.jpg": "wolverine"}
    (slip, case) = Csv().collect(request_).problems
    assert (Path(slip.file).name, slip.row, case.row) == ("2.csv", 2, 3)
    assert "Did you mean 'wolverine'?" in slip.message


def test_an_emptied_cell_is_cleared_and_a_row_that_is_gone_is_not(request_: Request) -> None:
    put(request_, "path,label\na/1.jpg,\na/2.jpg,fox\n")
    assert cleared(request_) == ["a/1.jpg"]
    put(request_, "path,label\na/2.jpg,fox\n")
    assert cleared(request_) == []


def test_an_answer_in_a_copy_is_not_taken_back_by_the_list(request_: Request) -> None:
    put(request_, "path,label\na/1.jpg,\na/2.jpg,\ngröße/3.jpg,fox\n", at=3_000)
    copy = put(request_, "path,label\na/1.jpg,fox\na/2.jpg,foxx\n", "copy.csv", at=2_000)
    assert cleared(request_) == [], "one has a label in the copy, the other something that could not be understood"
    copy.write_text("name,label\na/1.jpg,fox\n")
    assert cleared(request_) == [], "nor while the copy cannot be read"
    copy.write_text('path,label\n"a/1.jpg,fox\n')
    assert cleared(request_) == [], "or a row in it"
    copy.unlink()
    put(request_, b"PK", "copy.xlsx")
    assert cleared(request_) == [], "or was saved as a workbook"
    put(request_, "path,label\na/1.jpg,\na/2.jpg,\ngröße/3.jpg,\n")
    (round_folder(request_) / "copy.xlsx").unlink()
    assert cleared(request_) == [], "an untouched list does not tell of a copy that is gone"


def test_a_list_that_was_thrown_away_takes_nothing_back(request_: Request) -> None:
    Csv().request(request_)
    file = round_folder(request_) / "to_label.csv"
    fill(file, {"a/1.jpg": "fox"})
    assert cleared(request_) == ["a/2.jpg", "größe/3.jpg"]
    shutil.rmtree(round_folder(request_))
    Csv().request(request_)
    assert file.read_text("utf-8-sig").splitlines()[1].endswith(",yes")
    fill(file, {"a/2.jpg": "deer"})
    assert labels(request_) == {"a/2.jpg": "deer"}
    assert cleared(request_) == []


def test_the_list_does_not_say_what_the_model_thinks(request_: Request) -> None:
    Csv().request(replace(request_, suggestions=tuple(Suggestion("deer", 0.9) for _ in request_.items)))
    assert "deer" not in (round_folder(request_) / "to_label.csv").read_text("utf-8-sig")


def test_folders_of_digits_and_classes_like_nothing_stay_text(tmp_path: Path) -> None:
    ids = ("001/1.jpg", "1/1.jpg", "1e3/1.jpg", "None/1.jpg")
    names = ("NA", "None", "null", "nan")
    request = Request(1, tuple(Item(id, tmp_path / id) for id in ids), names, tmp_path)
    put(request, "path,label\n" + "".join(f"{id},{name}\n" for id, name in zip(ids, names, strict=True)))
    assert labels(request) == dict(zip(ids, names, strict=True))


def test_a_long_season_takes_a_moment(request_: Request, tmp_path: Path) -> None:
    lines = (f"D:\\season\\S{n % 40}\\IMG_{n:06}.JPG,{'fox' if n % 3 else ''},Ann\n" for n in range(20_000))
    file = season(tmp_path, "path,label,annotator\n" + "".join(lines) + "D:\\season\\a\\1.jpg,deer,Ann\n")
    start = time.process_time()
    assert said(request_, Csv(files=str(file))) == [("a/1.jpg", "deer", "Ann")]
    assert time.process_time() - start < 2, "a tenth of what is promised: 200,000 rows in seconds"


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
    with pytest.raises(LabelError, match="may write to the folder"):
        Csv().request(request_)


def test_semicolons_on_request(request_: Request) -> None:
    Csv(separator=";").request(request_)
    assert (round_folder(request_) / "to_label.csv").read_text("utf-8-sig").startswith("path;image;label;annotator")
    assert labels(request_, Csv()) == {}
    assert problems(request_, Csv()) == []


@pytest.mark.parametrize(
    "params",
    [
        {"new_classes": "yes"},
        {"separator": "|"},
        {"encoding": "ansi!"},
        {"unsure": ["unsure", " "]},
        {"path_column": "Label"},
        {"label_column": " "},
        {"annotator_column": "again"},
    ],
)
def test_parameters_that_cannot_be(params: dict[str, Any]) -> None:
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
    items = tuple(Item(id, tmp_path / id) for id in IDS)
    request = Request(1, items, ("fox", "deer"), tmp_path)
    rows = [*before, b"good/one.jpg,fox,", *between, b"good/two.jpg,deer,", *after]
    put(request, b"path,label,note\n" + b"\n".join(rows))
    assert labels(request) == {"good/one.jpg": "fox", "good/two.jpg": "deer"}


row = st.tuples(
    st.sampled_from(IDS), st.sampled_from(["fox", "deer", "unsure", "", "lynx ", "FOX"]), st.sampled_from("AB")
)


@fast
@given(sheets=st.lists(st.lists(row, max_size=6), min_size=1, max_size=3), noise=st.lists(junk, max_size=3))
def test_every_cell_of_every_file_is_a_label_a_problem_or_cleared(
    sheets: list[list[tuple[str, str, str]]], noise: list[bytes]
) -> None:
    with TemporaryDirectory() as folder:
        items = tuple(Item(id, Path(folder) / id) for id in IDS)
        request = Request(1, items, ("fox", "deer"), Path(folder))
        for number, sheet in enumerate(sheets):
            lines = [",".join(cells).encode() for cells in sheet]
            put(request, b"\n".join([b"path,label,annotator", *lines, *noise]), f"{number}.csv", at=number)
        answers = Csv().collect(request)
        found = {
            (Path(label.file).name, label.row): (label.item, label.class_name, label.annotator)
            for label in answers.labels
        }
        bad = {(Path(problem.file).name, problem.row) for problem in answers.problems}
        assert len(found) == len(answers.labels)
        for number, sheet in enumerate(sheets):
            for line, (item, name, who) in enumerate(sheet, start=2):
                place = (f"{number}.csv", line)
                assert (place in found) == (name not in ("", "FOX"))
                assert (place in bad) == (name == "FOX")
                assert place not in found or found[place] == (item, name.strip(), who)
        written = {item for sheet in sheets for item, name, _ in sheet if name}
        assert not written & set(answers.cleared)
        assert set(answers.cleared) <= {item for sheet in sheets for item, name, _ in sheet if not name}


def test_rows_about_boxes_are_told(tmp_path: Path) -> None:
    box = Item("a.jpg#2", tmp_path / "a.jpg", box=Box(0.1, 0.1, 0.2, 0.2), meta={"box": 2})
    said = Csv().request(Request(1, (box, Item("b.jpg", tmp_path / "b.jpg")), ("fox",), tmp_path / "to_label"))
    assert "Rows about one box of an image: 1 (#2 is its second box)" in said and "label_source=web" in said


def test_what_is_asked_of_a_name_that_is_no_class_yet(tmp_path: Path) -> None:
    known = ["red_fox", "badger"]
    assert class_resolver(known, "ask")("lynx") == class_resolver(known, "add")("lynx") == "lynx"
    assert class_resolver(known, "add")("red_fx") == "red_fx"
    assert class_resolver(["deer_1"], "ask")("deer_2") == "deer_2"
    for name, policy in (("red_fx", "ask"), ("Badgerr", "ask"), ("lynx", "reject"), ("Badger", "add"), ("--", "add")):
        with pytest.raises(LabelError, match=name):
            class_resolver(known, policy)(name)


def test_a_whole_number_with_a_decimal_point_is_the_class_of_that_number(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        resolve = class_resolver(["71", "2", "3", "3.0"], "reject", written=["71.0", "71.0", "2", "3.0"])
        assert [resolve(name) for name in ("71.0", "71.0", "2", "3.0")] == ["71", "71", "2", "3.0"]
    assert [record.getMessage() for record in caplog.records] == [
        "The answer '71.0' (2 times) is taken as the class '71', which is the same number."
    ], "answers are read in each command and each round; the message comes once"
    with pytest.raises(LabelError, match=r"'4\.0' is not one of the classes"):
        resolve("4.0")


def test_files_that_do_not_exist_yet_are_not_counted_as_none(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    source = Csv(files=[str(tmp_path / "labels" / ".." / "labels" / "*.csv")])
    request = Request(1, (Item("a.jpg", tmp_path / "a.jpg"),), ("fox",), tmp_path / "to_label")
    said = source.request(request)
    assert "0 files" not in said
    assert "No file of label_source.files exists yet; alframe will read it when it exists." in said
    (problem,) = source.collect(request).problems
    assert problem.file == str(tmp_path / "labels" / "*.csv"), "as the rest of the path is written"
    (tmp_path / "labels" / "anna.csv").write_text("path,label\na.jpg,fox\n", encoding="utf-8")
    assert "1 file of label_source.files will be read too." in source.request(request)
    assert [label.class_name for label in source.collect(request).labels] == ["fox"]
