"""Values reach Hydra as they were meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hydra._internal.utils import get_args_parser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from alframe.app.grammar import ValueParsing, parse_override, plain_value, quote, to_hydra
from alframe.app.overrides import FLAGS_WITH_VALUE, expand_option, flag_value, split_flags

PATH = ValueParsing(is_text=True, is_path=True)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(TEXT)
@example("it's\\")
@example("\\\\server\\'")
def test_a_quoted_text_is_read_as_it_was(text: str) -> None:
    assert plain_value(quote(text)) == text


@given(TEXT.filter(lambda text: text[:1] not in ("'", '"', "[", "{") and text.lower() != "null"))
@example("season (1)")
@example("D:\\camera traps\\")
@example("\\\\server\\traps")
@example("~/x")
@example("2026_05")
@example("a,b")
@example("range (1)")
def test_a_place_is_meant_letter_by_letter(text: str) -> None:
    override = parse_override(f"x={to_hydra(text, PATH)}")
    assert override is not None
    assert override.value() == text
    again = parse_override(f"x={override.get_value_element_as_str()}")  # as a sweep hands it to its runs
    assert again is not None
    assert again.value() == text


@pytest.mark.parametrize("value", ["null", "'a b'", "${runs}/x", "x/y", ""])
def test_what_is_read_rightly_stays_as_it_is(value: str) -> None:
    assert to_hydra(value, PATH) == value


def test_an_existing_folder_with_a_comma_is_one_choice(tmp_path: Path) -> None:
    folder = tmp_path / "red, white"
    folder.mkdir()
    assert to_hydra(str(folder), PATH, sweep=True) == f"'{folder}'"


def test_the_flags_that_take_a_value_are_those_of_hydra() -> None:
    actions = [one for one in get_args_parser()._actions if one.option_strings and one.nargs in (None, "?")]
    assert {flag for one in actions for flag in one.option_strings} == FLAGS_WITH_VALUE


@pytest.mark.parametrize(
    ("words", "flags"),
    [
        (["batch=3", "-m"], ["-m"]),
        (["--multirun", "batch=3"], ["-m"]),
        (["--cfg", "job", "batch=3"], ["--cfg", "job"]),
        (["--info", "defaults", "batch=3"], ["--info", "defaults"]),
        (["--info", "batch=3"], ["--info"]),
        (["batch=3", "--config-dir", "my conf", "-m"], ["--config-dir", "my conf", "-m"]),
    ],
)
def test_flags_are_told_from_overrides(words: list[str], flags: list[str]) -> None:
    assert split_flags(words) == (flags, ["batch=3"])


@pytest.mark.parametrize(
    ("word", "plain"),
    [
        ("--watch", "watch=true"),
        ("--show=50", "show=50"),
        ("--multirun", "--multirun"),
        ("--config-dir=x", "--config-dir=x"),
        ("-m", "-m"),
        ("batch=3", "batch=3"),
    ],
)
def test_a_flag_of_other_programs_is_a_setting(word: str, plain: str) -> None:
    assert expand_option(word) == plain


@pytest.mark.parametrize("flags", [["-m", "--config-dir", "x"], ["--config-dir=x", "-m"], ["-cd", "x"]])
def test_the_value_of_a_flag(flags: list[str]) -> None:
    assert flag_value(flags, "-cd", "--config-dir") == "x"


NAMES = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
    st.text("Vulpes vulpes é'$`\"\\{}:,", max_size=12),
    min_size=1,
    max_size=3,
)


def composed(typed: str) -> object:
    """What a part is given for a value that was typed."""
    override = parse_override(f"x={to_hydra(typed, ValueParsing())}")
    assert override is not None, typed
    return OmegaConf.to_container(OmegaConf.create({"x": override.value()}), resolve=True)["x"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("{fox: Vulpes vulpes}", {"fox": "Vulpes vulpes"}),
        ("{rådyr: Capreolus capreolus, fox: Vulpes}", {"rådyr": "Capreolus capreolus", "fox": "Vulpes"}),
        ("{hjort (rød): Cervus elaphus}", {"hjort (rød)": "Cervus elaphus"}),
        ("{'red deer, female': Cervus elaphus}", {"red deer, female": "Cervus elaphus"}),
        ('{"Père David\'s deer": Elaphurus, "a\\\\b": $x}', {"Père David's deer": "Elaphurus", "a\\b": "$x"}),
        ("{höjd: 2.5, bredd: null, på: true}", {"höjd": 2.5, "bredd": None, "på": True}),
    ],
)
def test_a_mapping_may_have_keys_of_any_letters(typed: str, meant: object) -> None:
    assert composed(typed) == meant


@settings(deadline=None)
@given(NAMES)
def test_a_mapping_written_as_json_is_read_as_it_was(names: dict[str, str]) -> None:
    typed = json.dumps(names, ensure_ascii=False)
    assert list(composed(typed)) == list(names)


def test_what_is_no_mapping_is_refused_as_before() -> None:
    assert to_hydra("{a (b: c", ValueParsing()) == "{a (b: c"
    assert parse_override("x={a (b: c") is None
