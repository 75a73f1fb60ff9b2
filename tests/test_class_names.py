"""The rule for class names: what is one name, what is several, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.class_names import (
    MAX_LENGTH,
    class_name_key,
    clean_class_name,
    clean_declared_classes,
    explain_suspect_name,
    explain_unusable_name,
    split_if_several_names,
)
from tests.each import check_each

SAME = [
    ("fox", " fox\t"),
    ("fox", "\u200bfox"),
    ("fox", "\ufefff\u00ado\u2060x\u200e"),
    ("fox", "\u202efox\u202c"),
    ("red fox", "red  fox"),
    ("red fox", "red\u00a0fox"),
    ("red fox", "red\u2003\u3000fox"),
    ("Füchslein", "Fu\u0308chslein"),
    ("Fu\u0308chslein", "Fu\u200b\u0308chslein"),
    ("🦊", "🦊\ufe0f"),
]
TWINS = [
    *SAME,
    ("fox", "FOX"),
    ("fox", "Ｆｏｘ"),
    ("fox", "fox."),
    ("wild boar", "wild_boar"),
    ("wild boar", "Wild-Boar"),
    ("Canis sp.", "canis sp"),
    ("Straße", "STRASSE"),
]
UNUSABLE = [
    *("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#NV", "#BEZUG!", "Err:502"),
    *("=NA()", "=A1", '{"choices": ["fox", "hare"]}', '["a"]', "['a', 'b']", "[]", "{}", '"fox"', '{"a": 1'),
    *("", "-", "--", "…", "?!", "fox\x00", "f\ufffdx", "f\ud800x", "fox,", ";fox", "fox/", "x" * (MAX_LENGTH + 1)),
]
NAMES = [
    *("fox", "001", "1e5", "Ursus sp.", "C++", "deer+", "black and white colobus", "O'Hara's bat", "狐", "#1 female"),
    *(
        "x" * MAX_LENGTH,
        "1,5",
        "Panthera onca (Linnaeus, 1758)",
        "Panthera onca Linnaeus, 1758",
        "weather (fog, rain)",
        "no animal",
        "St. Bernard",
    ),
]
LISTS = [
    ("fox, hare", ("fox", "hare")),
    ("fox,hare", ("fox", "hare")),
    ("fox;hare", ("fox", "hare")),
    ("fox|hare|boar", ("fox", "hare", "boar")),
    ("(fox, hare)", ("fox", "hare")),
    ("fox\thare", ("fox", "hare")),
    ("fox\u2028hare", ("fox", "hare")),
    ("fox\\hare", ("fox", "hare")),
    ("fox\nhare", ("fox", "hare")),
    ("fox、hare", ("fox", "hare")),
    ("fox + red deer", ("fox", "red deer")),
    ("fox / hare", ("fox", "hare")),
    ("fox/hare", ("fox", "hare")),
    ("fox & hare", ("fox", "hare")),
]


def test_what_nobody_sees_does_not_part_two_names() -> None:
    check_each(SAME, lambda name, other: pytest.fail(clean_class_name(other)) if differ(name, other) else None)


def differ(name: str, other: str) -> bool:
    return clean_class_name(name) != clean_class_name(other)


def test_twins_share_a_key() -> None:
    def check(name: str, other: str) -> None:
        assert class_name_key(name) == class_name_key(other)

    check_each(TWINS, check)
    check("fox", "f\N{CYRILLIC SMALL LETTER O}x")
    check("fox", "f\N{GREEK SMALL LETTER OMICRON}x")
    for letter, other in zip("αρν", "apv", strict=True):
        assert class_name_key(f"type {letter}") != class_name_key(f"type {other}")
    assert class_name_key("лось") == "лось", "a word of one alphabet stays as it is"
    keys = [class_name_key(name) for name in ("fox", "foxes", "red fox", "Fuchslein", "Füchslein", "deer1", "deer2")]
    assert len(set(keys)) == len(keys)


def test_what_programs_write_is_no_name_and_names_are() -> None:
    def check(name: str, is_unusable: bool) -> None:
        assert (explain_unusable_name(clean_class_name(name)) is not None) == is_unusable

    check_each([(name, True) for name in UNUSABLE] + [(name, False) for name in NAMES], check)


def test_several_names_in_one_text_are_not_one_name() -> None:
    known = {class_name_key(name) for name in ("Fox", "hare")}

    def check(text: str, names: tuple[str, ...]) -> None:
        assert split_if_several_names(clean_class_name(text), ()) == names, "no class is known"
        assert split_if_several_names(clean_class_name(text), known) == names
        assert split_if_several_names(text, (), is_typed=False) == (), "it was declared, and nothing speaks against it"
        assert split_if_several_names(text, known, is_typed=False) == names

    check_each(LISTS, check)


def test_the_remedy_that_is_named_works_where_one_is_named() -> None:
    remedy, fox = "add it to the setting classes", {"fox", "hare"}

    def check(text: str, has_remedy: bool) -> None:
        name = clean_class_name(text)
        reason = explain_suspect_name(name, fox)
        assert reason is not None and (remedy in reason) == has_remedy
        if has_remedy:
            declared = {class_name_key(each) for each in clean_declared_classes(["fox", "hare", name])}
            assert explain_suspect_name(name, declared) is None

    named = ("fox/hare", "fox + hare", "fox and hare", "none", "NA", "nan")
    check_each([(text, True) for text in named] + [(text, False) for text in ("fox, hare", "fox;hare", "#N/A")], check)


def test_words_join_two_names_only_if_both_are_known() -> None:
    known = {class_name_key(name) for name in ("fox", "hare", "black")}
    assert (
        split_if_several_names("fox and hare", known)
        == split_if_several_names("fox und hare", known)
        == ("fox", "hare")
    )
    for name in ("black and white colobus", "fox and badger", *NAMES):
        assert split_if_several_names(name, known) == ()


@given(st.text(max_size=200))
def test_any_text_is_cleaned_once_and_for_all(text: str) -> None:
    cleaned = clean_class_name(text)
    assert clean_class_name(cleaned) == cleaned
    assert class_name_key(text) == class_name_key(cleaned)
    assert explain_unusable_name(cleaned) is None or explain_unusable_name(cleaned)


def test_the_settings_take_only_names() -> None:
    assert clean_declared_classes(["\u200bfox ", "wild  boar", "none", "bird/bat"]) == (
        "fox",
        "wild boar",
        "none",
        "bird/bat",
    )
    refused = [
        (["fox", "unsure"], "nobody can identify"),
        (["Unsure"], "nobody can identify"),
        (["fox", "fox"], "'fox' and 'fox' are the same class"),
        (["fox", "Fox "], "'fox' and 'Fox' are the same class"),
        (["wild boar", "wild_boar"], "are the same class"),
        (["#N/A"], "a spreadsheet formula"),
        (['["a","b"]'], "JSON"),
        (["fox, hare"], "write fox,hare"),
        ([""], "is empty"),
        (["x" * 500], "at most 120"),
    ]

    def check(names: list[str], message: str) -> None:
        with pytest.raises(ValueError, match=message.replace("|", r"\|")):
            clean_declared_classes(names)

    check_each(refused, check)
