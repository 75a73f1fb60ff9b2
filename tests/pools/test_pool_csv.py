from __future__ import annotations

import errno
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alframe.errors import BadParams, PoolError
from alframe.pools.csv import Csv
from alframe.testing.pool import PoolSuite
from alframe.types import Item
from tests.drive_failures import fail_for

ALL = {
    "label_column": "label",
    "camera_column": "camera",
    "time_column": "taken",
    "sequence_column": "sequence",
    "split_column": "split",
}
HEADER = "path,label,camera,taken,sequence,split\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.jpg").touch()
    (folder / "list.csv").write_bytes(text.encode(encoding))
    return folder / "list.csv"


def read(folder: Path, text: str, encoding: str = "utf-8", **params: Any) -> list[Item]:
    return list(Csv(write(folder, text, encoding), **params).items())


class TestCsvSuite(PoolSuite):
    def make(self, folder: Path) -> Csv:
        return Csv(folder / "list.csv", **ALL)

    def fill_folder(self, folder: Path) -> None:
        write(folder, HEADER + "a.jpg,fox,C1,2024-05-01 10:00:00,s1,pool\nsub\\b.jpg,,,,,test\n../c.jpg,,,,,\n")
        (folder / "sub").mkdir()
        (folder / "sub" / "b.jpg").touch()
        (folder.parent / "c.jpg").touch()


def test_everything_known_is_read(tmp_path: Path) -> None:
    (item,) = read(tmp_path, HEADER + " a.jpg , red fox ,C1, 2024-05-01 10:00:00,s1,TEST\n", **ALL)
    assert item == Item(
        id="a.jpg",
        path=tmp_path / "a.jpg",
        label="red fox",
        split="test",
        camera="C1",
        taken=datetime(2024, 5, 1, 10),
        sequence="s1",
    )


def test_every_cell_stays_text(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + "a.jpg,NA,001,,1.0,\n007/b.jpg,None,nan,,null,\n", **ALL)
    assert [(i.id, i.label, i.camera, i.sequence) for i in found] == [
        ("a.jpg", "NA", "001", "1.0"),
        ("007/b.jpg", "None", "nan", "null"),
    ]


def test_a_word_for_no_label_is_no_class(tmp_path: Path) -> None:
    """As in the `labels.csv` of train_image_classifier_al: whole paths, and `unlabelled`."""
    text = f"path,label\n{tmp_path}/train/fox/1.jpg,fox\n{tmp_path}\\pool\\2.jpg,unlabelled\n"
    (tmp_path / "train" / "fox").mkdir(parents=True)
    (tmp_path / "train" / "fox" / "1.jpg").touch()
    found = read(tmp_path, text, root=tmp_path, label_column="label", unlabelled="unlabelled")
    assert [(i.id, i.label) for i in found] == [("train/fox/1.jpg", "fox"), ("pool/2.jpg", None)]
    assert read(tmp_path, text, root=tmp_path, label_column="label")[1].label == "unlabelled"


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiters(tmp_path: Path, mark: str) -> None:
    text = f'path{mark}label\na.jpg{mark}"fox{mark} red"\n'
    (item,) = read(tmp_path, text, label_column="label", delimiter=mark if mark == "|" else None)
    assert item.label == f"fox{mark} red"


@pytest.mark.parametrize("names", ["path|label|temp, C", "path;label;a,b,c,d", "path,label,sex (m|f|x|y)"])
def test_names_of_other_columns_may_contain_delimiters(tmp_path: Path, names: str) -> None:
    mark = names[4]
    (item,) = read(tmp_path, f"{names}\na.jpg{mark}fox{mark}3\n", label_column="label")
    assert (item.id, item.label) == ("a.jpg", "fox")


@pytest.mark.parametrize(("encoding", "param"), [("utf-8-sig", None), ("utf-8", None), ("cp1252", "cp1252")])
def test_encodings(tmp_path: Path, encoding: str, param: str | None) -> None:
    file = write(tmp_path, "path,label\na.jpg,Größe\n", encoding)
    params = {"encoding": param} if param else {}
    (item,) = Csv(file, label_column="label", **params).items()
    assert item.label == "Größe"


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("2024-05-31T06:12:14", None, datetime(2024, 5, 31, 6, 12, 14)),
        ("2024:05:31 06:12:14", None, datetime(2024, 5, 31, 6, 12, 14)),
        ("2024-05-31", None, None),
        ("05/06/2024 6:12", None, None),
        ("2024-05-31 06:12:14 PM", None, datetime(2024, 5, 31, 18, 12, 14)),
        ("2024-05-31 06:12:14+02:00", None, datetime(2024, 5, 31, 6, 12, 14)),
        ("31/05/2024 6:12", "%d/%m/%Y %H:%M", datetime(2024, 5, 31, 6, 12)),
        ("", None, None),
    ],
)
def test_times(tmp_path: Path, text: str, form: str | None, expected: datetime | None) -> None:
    (item,) = read(tmp_path, f"path,t\na.jpg,{text}\n", time_column="t", time_format=form)
    assert item.taken == expected


def test_paths_count_from_root_with_either_slash(tmp_path: Path) -> None:
    (tmp_path / "images" / "s 1").mkdir(parents=True)
    (tmp_path / "images" / "s 1" / "x.jpg").touch()
    (item,) = read(tmp_path / "lists", "path\n.\\s 1\\.\\x.jpg\n", root=tmp_path / "images")
    assert item.id == "s 1/x.jpg"
    assert item.path == tmp_path / "images" / "s 1" / "x.jpg"


def test_absolute_paths(tmp_path: Path) -> None:
    (tmp_path / "else.jpg").touch()
    text = f"path\n{tmp_path / 'in' / 'a.jpg'}\n{tmp_path / 'else.jpg'}\n"
    inside, outside = read(tmp_path / "in", text)
    assert inside.id == "a.jpg"
    assert outside.path == tmp_path / "else.jpg"
    assert outside.id == (tmp_path / "else.jpg").as_posix().replace(":", "").lstrip("/")


@pytest.mark.skipif(sys.platform == "win32", reason="there the drive is real")
def test_a_drive_letter_is_absolute_everywhere(tmp_path: Path) -> None:
    found = read(tmp_path, "path\na.jpg\nD:\\x\\b.jpg\n\\\\server\\share\\c.jpg\n")
    assert [item.id for item in found] == ["a.jpg", "D/x/b.jpg", "server/share/c.jpg"]


def test_some_missing_images_are_no_error_here(tmp_path: Path) -> None:
    assert len(read(tmp_path, "path\ngone.jpg\na.jpg\n")) == 2


def test_blank_rows_are_skipped_and_rows_are_counted_as_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = 'path,label\n\n,,\na.jpg,"two\nlines"\n,fox\n'
    assert [item.id for item in read(tmp_path, text, label_column="label")] == ["a.jpg"]
    assert "row 6: the path is blank" in caplog.text


def test_a_label_that_is_no_number_of_a_class_costs_only_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = "path,label\na.jpg,1\nb.jpg,2\nc.jpg,x\n"
    found = read(tmp_path, text, label_column="label", class_names=["fox", "hare"])
    assert [item.label for item in found] == ["hare", None, None]
    assert (
        "2 images that count as not labelled, since their label is not the number of a class, e.g. row 3: '2' in"
        in (caplog.text)
    )


def test_rows_of_one_image(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "path,label\na.jpg,fox\nb.jpg,hare\n./x/../a.jpg,hare\nb.jpg,hare\n"
    assert [(item.id, item.label) for item in read(tmp_path, text, label_column="label")] == [("b.jpg", "hare")]
    assert (
        "2 images that are listed again; their labels count together, e.g. ./x/../a.jpg in row 2, row 4" in caplog.text
    )
    assert "1 images left out, because they have several classes" in caplog.text
    assert [item.label for item in read(tmp_path, text, label_column="label", several="first")] == ["fox", "hare"]
    with pytest.raises(BadParams, match="several=last: must be one of skip, first"):
        Csv(tmp_path / "list.csv", several="last")


@pytest.mark.parametrize(
    ("text", "params", "message"),
    [
        ("", {}, "no column 'path'.* It has: none"),
        ("\n", {}, "no column 'path'"),
        ("path\n", {}, "lists no image"),
        ("file,label\na.jpg,x\n", {}, r"no column 'path'. It has: file, label. Set pool.path_column"),
        ("path,labels\na.jpg,x\n", {"label_column": "label"}, "Did you mean 'labels'?.*pool.label_column"),
        ("path,path\na.jpg,a.jpg\n", {}, "2 columns 'path'"),
        ("path,label\na.jpg,x,y\n", {}, "1 are in rows that cannot be read, e.g. row 2, which has more cells than"),
        (
            "path,t\na.jpg,x\n",
            {"time_column": "t", "time_format": "%Y"},
            "not of the form %Y. Correct pool.time_format",
        ),
        ('path,label\na.jpg,"open\n', {}, "row 2, which has a quote"),
        ("path\n.\n", {}, "row 2: '.' is a folder"),
        ("path\n/\n", {}, "is a folder"),
        ("path\na\0.jpg\n", {}, "no path can have"),
        ("path\nb.jpg\nc.jpg\n", {}, r"None of the 2 images .* The first would be .*b.jpg. Set pool.root"),
    ],
)
def test_errors_name_the_row_and_the_remedy(tmp_path: Path, text: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(PoolError, match=message) as caught:
        read(tmp_path, text, **params)
    assert "list.csv" in str(caught.value)


def test_a_bad_row_costs_only_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = 'path,label\nb.jpg,"open\na.jpg,x\nc.jpg,y,z\nd.jpg\n'
    assert [(item.id, item.label) for item in read(tmp_path, text, label_column="label")] == [
        ("a.jpg", "x"),
        ("d.jpg", None),
    ]
    assert "2 images left out, because they are in rows that cannot be read, e.g. row 2, which has" in caplog.text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("above", ["", "sep=;\r\n", '"sep=;"\r\n', "SEP=;;\n", "\n\n"])
def test_it_is_read_as_any_table_that_people_save(tmp_path: Path, encoding: str, above: str) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "list.csv").write_bytes((above + "Path;LABEL\r\na.jpg;Größe\r\nb.jpg;fox\r\n").encode(encoding))
    found = Csv(tmp_path / "list.csv", label_column="label").items()
    assert [(item.id, item.label) for item in found] == [("a.jpg", "Größe"), ("b.jpg", "fox")]


def test_times_are_read_by_their_column(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    times = ["05/06/2024 6:12", "13/06/2024 6:12", "", "2024-05-31", "45413.5", "2024-05-01 24:00", "2024:13:45 10:00"]
    text = "path,t\n" + "".join(f"{row or 'a'}.jpg,{time}\n" for row, time in enumerate(times))
    assert [item.taken for item in read(tmp_path, text, time_column="t")] == [
        *(datetime(2024, 6, 5, 6, 12), datetime(2024, 6, 13, 6, 12), None, None, datetime(2024, 5, 1, 12)),
        *(datetime(2024, 5, 2), None),
    ]
    assert "list.csv: 1 times are unknown: '2024-05-31' (row 5) is a day without a time of day." in caplog.text
    assert "1 times are unknown: '2024:13:45 10:00' (row 8) is a time that does not exist." in caplog.text
    assert "1 times, such as '45413.5' (row 6), are read as a spreadsheet's serial numbers." in caplog.text


def test_the_offset_is_kept_where_the_hour_comes_twice(tmp_path: Path) -> None:
    summer, winter = "2024-10-27T02:30:00+02:00", "2024-10-27T02:30:10+0100"
    found = read(tmp_path, f"path,t\na.jpg,{summer}\nb.jpg,{winter}\n", time_column="t")
    assert [(item.taken, item.meta) for item in found] == [
        (datetime(2024, 10, 27, 2, 30), {"utc_offset": "7200"}),
        (datetime(2024, 10, 27, 2, 30, 10), {"utc_offset": "3600"}),
    ]
    assert [item.meta for item in read(tmp_path, f"path,t\na.jpg,{summer}\n", time_column="t")] == [{}]


def test_errors_about_the_file_itself(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=r"absent.csv does not exist. Set pool.file"):
        list(Csv(tmp_path / "absent.csv").items())
    with pytest.raises(PoolError, match="cannot be read"):
        list(Csv(tmp_path).items())
    with pytest.raises(PoolError, match=r"Set pool.encoding"):
        read(tmp_path, "path,label\na.jpg,Größe\n", "cp1252")
    with pytest.raises(BadParams, match="encoding"):
        Csv(tmp_path, encoding="utf-9")
    with pytest.raises(BadParams, match="one character"):
        Csv(tmp_path, delimiter=", ")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.text(st.sampled_from('ab./\\,;\t"\n\r\0 :é0-') | st.characters(), max_size=24), max_size=6))
def test_no_content_ends_in_anything_but_items_or_a_pool_error(tmp_path: Path, rows: list[str]) -> None:
    (tmp_path / "a.jpg").touch()
    content = "\n".join(["path,t", "a.jpg,", *rows]).encode("utf-8", "surrogatepass")
    (tmp_path / "fuzz.csv").write_bytes(content)
    try:
        found = list(Csv(tmp_path / "fuzz.csv", time_column="t", label_column="t").items())
    except PoolError as error:
        assert "fuzz.csv" in str(error)
    else:
        assert len({item.id for item in found}) == len(found) > 0
        assert all("\\" not in item.id and not item.id.startswith("/") for item in found)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_no_bytes_do_either(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "fuzz.csv").write_bytes(content)
    with pytest.raises(PoolError):
        list(Csv(tmp_path / "fuzz.csv").items())


def test_real_bursts(shared_data: Path) -> None:
    file = shared_data / "missouri-camtrap" / "labels.csv"
    pool = Csv(
        file,
        path_column="file",
        label_column="label",
        camera_column="camera",
        time_column="burst_start",
        sequence_column="sequence",
        split_column="split_sequence",
    )
    found = list(pool.items())
    assert Counter(item.split for item in found) == {"pool": 415, "test": 226}
    assert len({item.sequence for item in found}) == 50
    assert len({item.label for item in found}) == 11
    assert all(item.path.is_file() for item in found)


def test_a_drive_that_fails_does_not_make_files_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "list.csv").write_text("path\na.jpg\nb.jpg\n")
    fail_for(monkeypatch, errno.EIO, ["b.jpg"], ["stat"], times=2)
    assert [item.id for item in Csv(tmp_path / "list.csv").items()] == ["a.jpg", "b.jpg"]
    fail_for(monkeypatch, errno.EIO, ["b.jpg"], ["stat"])
    with pytest.raises(OSError, match=r"b\.jpg"):
        list(Csv(tmp_path / "list.csv").items())
