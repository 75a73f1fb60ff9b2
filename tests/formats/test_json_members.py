"""JSON element by element is the JSON that the standard library reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import FormatError
from alframe.formats.json_members import read_json_members

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["images", "info", "ü"]), values), st.sampled_from([None, 1]), st.booleans())
def test_gives_what_json_load_gives(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object], indent: int | None, ascii: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_bytes(json.dumps(data, indent=indent, ensure_ascii=ascii).encode("utf-8", "surrogatepass"))
    expected = [
        pair
        for name, value in data.items()
        for pair in (
            [("images", one) for one in value] if name == "images" and isinstance(value, list) else [(name, value)]
        )
    ]
    assert list(read_json_members(file, ["images"])) == expected


@given(st.binary(max_size=40) | st.text('[]{},:"1ae \\u', max_size=30).map(str.encode))
def test_anything_else_is_an_error_that_names_the_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "other.json"
    file.write_bytes(data)
    try:
        list(read_json_members(file, ["images"]))
    except FormatError as error:
        assert "other.json" in str(error)
    else:
        assert isinstance(json.loads(data), dict | list)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.json").write_text('[{"a": "ü"}]', encoding=encoding)
    assert list(read_json_members(tmp_path / "a.json", [])) == [("", {"a": "ü"})]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images": [1, 2', "line 1.*expected a comma or ']'.*Is the file complete"),
        ('{"images": [1,\n\n 2],, }', "line 3"),
        ("[1] [2]", "something follows"),
        ('"text"', "neither an object nor a list"),
        ("[" * 100_000, "recursion"),
        ("[" + "1" * 5000 + "]", "digits"),
    ],
)
def test_the_place_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FormatError, match=message):
        list(read_json_members(tmp_path / "a.json", ["images"]))


def test_text_that_is_not_utf_8(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "a.json"
    file.write_bytes('[\n"Höhle"]'.encode("cp1252"))
    assert list(read_json_members(file, [])) == [("", "Höhle")]
    assert "is not UTF-8, and is read as cp1252" in caplog.text
    file.write_bytes('["größe",\n"é\xff"]'.encode().replace("\xff".encode(), b"\xff"))
    assert list(read_json_members(file, [])) == [("", "größe"), ("", "é\ufffd")]
    assert "1 characters are damaged, the first in line 2" in caplog.text
    file.write_bytes(b"\x81\x8d")
    with pytest.raises(FormatError, match="is not UTF-8 text"):
        list(read_json_members(file, []))


def test_a_file_that_cannot_be_had(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"absent.json does not exist"):
        list(read_json_members(tmp_path / "absent.json", []))
    with pytest.raises(FormatError, match="cannot be read"):
        list(read_json_members(tmp_path, []))
