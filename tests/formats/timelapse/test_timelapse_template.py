from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.errors import FormatError
from alframe.formats.timelapse.schema import FIELD_TYPES, INTEGER_AND_DECIMAL_TYPES, Field, require_valid_fields
from alframe.formats.timelapse.template import (
    Template,
    all_lists_offer_empty,
    format_choices,
    parse_choices,
    read_template,
    write_template,
)
from tests.timelapse.simulator import Timelapse as Program
from tests.timelapse.template import TemplateEditor, read_list

FIELDS = (
    Field("FixedChoice", "Species", choices=("red fox", 'say "x", y'), copyable=True, tooltip="what"),
    Field("Flag", "Selected", "Chosen", default="false", visible=False, width=20),
    Field("DecimalPositive", "ALConfidence", export=False),
)


def declared(file: Path) -> dict[str, str]:
    db = sqlite3.connect(file)
    found = {
        name: " ".join(sql.replace(" ,", ",").split())
        for name, sql in db.execute("SELECT name, sql FROM sqlite_master")
    }
    db.close()
    return found


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ä #%? 1" / "T.tdb"
    write_template(file, FIELDS)
    template = read_template(file)
    assert [field.data_label for field in template.fields[:4]] == ["File", "RelativePath", "DateTime", "DeleteFlag"]
    assert template.find_field("Selected") == FIELDS[1]
    assert template.find_field("Species") == Field(
        "FixedChoice", "Species", "Species", "", "what", FIELDS[0].choices, copyable=True
    )
    assert template.find_field("selected") is None, "upper and lower case differ"
    assert [one.name for one in file.parent.iterdir()] == ["T.tdb"], "nothing half-made is left"


def test_timelapse_opens_it_without_a_word(tmp_path: Path) -> None:
    write_template(tmp_path / "T.tdb", FIELDS)
    program = Program.open(tmp_path / "T.tdb")
    assert program.dialogs == []
    assert not program.rebuilt
    assert program.control("Species").include_empty
    assert program.control("Species").choices == FIELDS[0].choices
    assert read_template(tmp_path / "T.ddb").fields == read_template(tmp_path / "T.tdb").fields
    assert all_lists_offer_empty(tmp_path / "T.ddb")


def test_the_tables_are_those_of_timelapse(samples: Path, tmp_path: Path) -> None:
    write_template(tmp_path / "T.tdb", ())
    ours, theirs = declared(tmp_path / "T.tdb"), declared(samples / "timelapse" / "CamtrapDPTemplate.tdb")
    assert ours.keys() == theirs.keys()
    for name in ("TemplateTable", "FolderDataTemplateTable", "FolderDataInfo"):
        assert ours[name] == theirs[name]
    db = sqlite3.connect(tmp_path / "T.tdb")
    assert db.execute("SELECT VersionCompatabily, BackwardsCompatibility, Standard FROM TemplateInfo").fetchall() == [
        ("2.3.3.0", "2.3.3.0", "")
    ]
    assert db.execute("PRAGMA user_version").fetchone() == (0,)
    assert db.execute("PRAGMA page_size").fetchone() == (4096,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    db.close()


def test_real_templates(samples: Path) -> None:
    alberta = read_template(samples / "timelapse" / "AlbertaMetadataStandardsTemplate.tdb")
    assert len(alberta.fields) == 20
    assert alberta.levels == ("Project", "Study Area", "Survey", "Sample Station", "Deployment")
    species = alberta.find_field("species")
    assert species is not None
    assert len(species.choices) == 957, "958 with one twice"
    camtrap = read_template(samples / "timelapse" / "CamtrapDPTemplate.tdb")
    assert len(camtrap.fields) == 41
    assert all(field.choices for field in camtrap.fields if field.type == "FixedChoice")
    assert not all_lists_offer_empty(samples / "timelapse" / "CamtrapDPTemplate.tdb")
    data = read_template(samples / "timelapse" / "TimelapseData.ddb")
    assert data.levels == ("Project", "Station", "Deployment")
    problem = data.find_field("img_problem")
    assert problem is not None
    assert problem.choices[-1] == "weather (fog, rain)"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (Field("Choice", "A"), "has the type 'Choice'"),
        (Field("Note", "1a"), "cannot be a Data Label"),
        (Field("Note", "my field"), "cannot be a Data Label"),
        (Field("Note", "Select"), "cannot be a Data Label"),
        (Field("Note", "Date"), "cannot be a Data Label"),
        (Field("IntegerPositive", "A", default="0"), "must not have a default"),
        (Field("FixedChoice", "A", default="x", choices=("y",)), "not in its list"),
        (Field("FixedChoice", "A", choices=("y ",)), "spaces around"),
        (Field("MultiChoice", "A", choices=("y,z",)), "comma"),
        (Field("Note", "species"), "Data Label 'species'"),
        (Field("Note", "B", "Species"), "Label 'Species'"),
        (Field("Note", "B", "Delete?"), "Label 'Delete?'"),
    ],
)
def test_fields_that_timelapse_would_refuse(tmp_path: Path, field: Field, words: str) -> None:
    with pytest.raises(FormatError, match=words.replace("?", r"\?")):
        write_template(tmp_path / "T.tdb", (Field("Note", "Species"), field))
    assert not list(tmp_path.iterdir())


@given(
    st.lists(
        st.builds(
            Field,
            st.sampled_from(sorted(FIELD_TYPES)),
            st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,9}", fullmatch=True),
            choices=st.lists(st.text(min_size=1, max_size=8)).map(tuple),
            copyable=st.booleans(),
        ),
        max_size=5,
    )
)
def test_whatever_passes_the_check_is_opened(fields: list[Field]) -> None:
    """By the rules that the simulated program has of its own."""
    from tests.timelapse.template import Control
    from tests.timelapse.values import illegal

    try:
        require_valid_fields(fields)
    except FormatError:
        return
    standard = [Control(name, name, name) for name in ("File", "RelativePath", "DateTime", "DeleteFlag")]
    controls = [Control(one.type, one.data_label, one.data_label, one.default, one.choices) for one in fields]
    assert illegal([*standard, *controls]) == ""
    assert not any(field.default for field in fields if field.type in INTEGER_AND_DECIMAL_TYPES)


def test_lists_that_no_json_parser_takes() -> None:
    text = '{"IncludeEmptyChoice":true ,"ChoiceListNonEmpty":["a", "b,]", "say \\"c\\",", "a", ]}'
    assert parse_choices(text) == ("a", "b,]", 'say "c",')
    for broken in ("", "a|b|c", "[", '{"ChoiceListNonEmpty":null}', "[1,2]", '{"ChoiceListNonEmpty":[', "{}", "null"):
        assert parse_choices(broken) == ()


@given(st.lists(st.text()), st.sampled_from(["", ",", " , ", ",\n"]), st.booleans())
def test_every_list_survives(items: list[str], comma: str, empty: bool) -> None:
    words = ",".join(json.dumps(item, ensure_ascii=len(items) % 2 == 0) for item in items)
    text = (
        f'{{"IncludeEmptyChoice":{str(empty).lower()} ,"ChoiceListNonEmpty":[{words}{comma if items else ""}]{comma}}}'
    )
    expected = tuple(dict.fromkeys(item for item in items if item))
    assert parse_choices(text) == expected
    assert parse_choices(format_choices(expected)) == expected
    assert tuple(item for item in read_list(text)[0] if item) == expected


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.sampled_from(["ChoiceListNonEmpty", "x"]), x),
    ).map(json.dumps)
)
def test_no_text_is_too_odd_for_a_list(text: str) -> None:
    assert all(isinstance(item, str) and item for item in parse_choices(text))


def test_old_templates_say_so(tmp_path: Path) -> None:
    editor = TemplateEditor.new(tmp_path / "T.tdb")
    db = sqlite3.connect(editor.file)
    with db:
        db.execute("UPDATE TemplateTable SET Type = 'UtcOffset' WHERE Type = 'DeleteFlag'")
    with pytest.raises(FormatError, match=r"T\.tdb: Timelapse before 2\.3"):
        read_template(editor.file)
    with db:
        db.execute("UPDATE TemplateTable SET Type = 'DeleteFlag' WHERE Type = 'UtcOffset'")
        db.execute("DROP TABLE TemplateInfo")
    with pytest.raises(FormatError, match=r"T\.tdb: Timelapse before 2\.3"):
        read_template(editor.file)
    db.close()


def test_a_template_without_the_columns_that_opening_adds(tmp_path: Path) -> None:
    write_template(tmp_path / "T.tdb", FIELDS)
    db = sqlite3.connect(tmp_path / "T.tdb")
    for name in ("ExportToCSV", "Copyable", "TXTBOXWIDTH"):
        db.execute(f"ALTER TABLE TemplateTable DROP COLUMN {name}")
    for name in ("FolderDataTemplateTable", "FolderDataInfo"):
        db.execute(f"DROP TABLE {name}")
    db.close()
    template = read_template(tmp_path / "T.tdb")
    assert isinstance(template, Template)
    species = template.find_field("Species")
    assert species is not None
    assert species.export
    assert template.levels == ()


def test_levels_without_a_name(tmp_path: Path) -> None:
    TemplateEditor.new(tmp_path / "T.tdb").level("Site").level("")
    assert read_template(tmp_path / "T.tdb").levels == ("Site", "Level-2")


@pytest.mark.parametrize("content", [b"", b"text", b"SQLite format 3\0" + bytes(200)])
def test_files_that_are_no_template(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "T.tdb").write_bytes(content)
    with pytest.raises(FormatError, match=r"T\.tdb"):
        read_template(tmp_path / "T.tdb")
    with pytest.raises(FormatError, match="does not exist"):
        read_template(tmp_path / "other.tdb")
    with pytest.raises(FormatError, match="is not a file"):
        read_template(tmp_path)
