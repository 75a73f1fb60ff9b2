"""Which image a path means that another system's program wrote."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.formats.matching import ImageMatcher, match_rows
from alframe.formats.tables import TableRow
from alframe.types import Item, Problem

IDS = ("Station1/IMG_0001.JPG", "Station2/IMG_0001.JPG", "größe/2.jpg", "root.jpg")


def matcher(*ids: str, root: str = "/mnt/pool") -> ImageMatcher:
    return ImageMatcher(Item(id, Path(root) / id) for id in ids or IDS)


def find(paths: list[str], *ids: str) -> list[str | None]:
    """What each path of one table means; a Problem as its first words."""
    table = [TableRow(number, {"path": path}) for number, path in enumerate(paths, start=2)]
    found: dict[int | None, str | None] = {}
    for one in match_rows("table.csv", table, "path", matcher(*ids)):
        if isinstance(one, Problem):
            found[one.row] = "?"
        else:
            found[one[0].line] = one[1]
    return [found[row.line] for row in table]


@pytest.mark.parametrize(
    "path",
    [
        "Station1/IMG_0001.JPG",
        "Station1\\IMG_0001.JPG",
        " station1/img_0001.jpg ",
        "./Station1/IMG_0001.JPG",
        ".\\Station1\\IMG_0001.JPG",
        "/mnt/pool/Station1/IMG_0001.JPG",
        "\\mnt\\pool\\station1\\img_0001.jpg",
    ],
)
def test_an_id_or_the_place_here_however_it_is_written(path: str) -> None:
    assert matcher()(path) == "Station1/IMG_0001.JPG"


def test_addresses_of_files_with_encoded_characters() -> None:
    paths = [f"file:///D:/my%20traps/{path}" for path in ("Station1/IMG_0001.JPG", "gr%C3%B6%C3%9Fe/2.jpg")]
    assert find(paths) == ["Station1/IMG_0001.JPG", "größe/2.jpg"]
    assert find(["gr%C3%B6%C3%9Fe/2.jpg", "a%20b.jpg"], "größe/2.jpg", "a%20b.jpg") == ["größe/2.jpg", "a%20b.jpg"]


def test_accents_as_macos_writes_them() -> None:
    assert matcher()(normalize("NFD", "größe/2.jpg")) == "größe/2.jpg"
    assert matcher(normalize("NFD", "größe/2.jpg"))("GRÖSSE\\2.jpg") == normalize("NFD", "größe/2.jpg")


@pytest.mark.parametrize("path", ["IMG_0001.JPG", "Station3/IMG_0001.JPG", "pool/root.jpg", "", ".", "/", "\\", "C:"])
def test_what_was_not_asked_for(path: str) -> None:
    assert matcher()(path) is None
    assert find([path]) == [None]


def test_case_decides_where_it_must() -> None:
    match = matcher("a/1.jpg", "A/1.jpg", "b/2.jpg")
    found = [match(path) for path in ("a\\1.jpg", "A\\1.jpg", "a/1.JPG", "B/2.JPG")]
    assert found == ["a/1.jpg", "A/1.jpg", None, "b/2.jpg"]


@pytest.mark.parametrize(
    "root", ["C:\\Users\\Ann\\Cameras", "D:/2024", "\\\\server\\share\\2024", "/Volumes/My disk/x"]
)
def test_paths_of_another_system(root: str) -> None:
    kind = PureWindowsPath if "\\" in root or ":" in root else PurePosixPath
    assert find([str(kind(root, id)) for id in IDS]) == list(IDS)
    assert find([str(kind(root, id)).upper() for id in IDS[:2]]) == list(IDS[:2])


def test_another_image_of_the_same_name_is_not_taken_for_it() -> None:
    """An image directly in the pool's folder has a path that ends like many."""
    season = ["C:\\2024\\Station1\\IMG_0001.JPG", "C:\\2024\\Station9\\root.jpg", "C:\\2024\\Station9\\2.jpg"]
    assert find(season) == ["Station1/IMG_0001.JPG", None, None]
    assert find([*season[1:], "C:\\2024\\Station8\\9.jpg"]) == [None, None, None]
    assert find([*season, "C:\\2024\\root.jpg"]) == ["Station1/IMG_0001.JPG", None, None, "root.jpg"]
    assert find(["/mnt/pool/Station9/root.jpg"]) == [None], "a path of this system says it all"
    assert find(["/mnt/pool/Station9/root.jpg", "/mnt/pool/root.jpg"]) == [None, "root.jpg"]


def test_paths_that_fit_in_several_ways_are_problems() -> None:
    paths = ["D:\\x\\a\\1.jpg", "D:\\x\\a\\2.jpg"]
    assert find(paths, "a/1.jpg", "2.jpg") == ["?", "?"]
    assert find(paths, "a/1.jpg", "a/2.jpg") == ["a/1.jpg", "a/2.jpg"]
    assert find(["D:\\2023\\a\\1.jpg", "D:\\2024\\a\\1.jpg"], "a/1.jpg") == ["?", "?"], "neither holds all"


def test_a_table_of_another_season_is_a_problem_unless_it_has_this_one_too() -> None:
    table = [TableRow(line, {"path": f"D:\\{year}\\a\\1.jpg"}) for line, year in ((2, 2023), (3, 2024))]
    match = matcher("a/1.jpg", root="/mnt/2024")
    (problem,) = match_rows("table.csv", table[:1], "path", match)
    assert isinstance(problem, Problem) and "looks like another season or card" in problem.message
    relative = [TableRow(2, {"path": "a\\1.jpg"})]  # the remedy
    assert list(match_rows("table.csv", relative, "path", match)) == [(relative[0], "a/1.jpg")]
    assert list(match_rows("table.csv", table, "path", match)) == [(table[0], None), (table[1], "a/1.jpg")]


def test_drives_of_a_table_stand_side_by_side_but_a_part_of_one_is_another_pool() -> None:
    ids = ("a/1.jpg", "b/1.jpg")
    assert find(["D:\\x\\a\\1.jpg", "E:\\y\\b\\1.jpg"], *ids) == list(ids)
    assert find(["D:\\x\\a\\1.jpg", "D:\\y\\b\\1.jpg"], *ids) == [None, None]
    assert find(["D:\\x\\a\\1.jpg", "D:\\y\\zz.jpg"], *ids) == [None, None], "this table lists other images too"
    assert find(["D:\\pool\\a\\1.jpg", "D:\\y\\zz.jpg"], *ids) == ["a/1.jpg", None], "it is called as the pool's"


def test_boxes_of_one_image_are_known_by_their_ids() -> None:
    match = ImageMatcher([Item(f"a/1.jpg#{n}", Path("/pool/a/1.jpg")) for n in (1, 2)])
    assert match("A\\1.JPG#2") == "a/1.jpg#2"
    assert match("/pool/a/1.jpg") is None


part = st.text(st.sampled_from("ab1.é\u0301\u00df #"), min_size=1, max_size=4).filter(
    lambda one: one.strip(" .") == one
)
ids = st.lists(st.lists(part, min_size=1, max_size=3).map("/".join), min_size=1, max_size=6, unique=True)


@given(ids)
def test_every_id_means_itself(some: list[str]) -> None:
    match = matcher(*some)
    assert [match(id) for id in some] == some


@given(ids, st.sampled_from(["C:\\data\\pool\\", "/Volumes/pool/", "\\\\nas\\x\\"]), st.data())
def test_a_path_of_another_system_is_never_another_image(some: list[str], root: str, data: st.DataObject) -> None:
    asked = data.draw(st.lists(st.sampled_from(some), min_size=1, unique=True))
    alike = {normalize("NFC", id).casefold() for id in some}
    paths = [root + id.replace("/", "\\") if "\\" in root else root + id for id in [*some, "zz/z.jpg", "z.jpg"]]
    for id, found in zip(some, find(paths, *asked), strict=False):
        assert found in (None, "?", id) or len(alike) < len(some)


@given(st.lists(st.text(max_size=20), max_size=8))
def test_no_path_raises_anything(paths: list[str]) -> None:
    assert len(find(paths)) == len(paths)
