"""Which folder of another system is the pool's root, and when nobody can tell."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alframe.formats.matching import ImageMatcher, PathMatches
from alframe.formats.path_table import AMBIGUOUS
from alframe.formats.path_text import normalise_paths
from alframe.types import Item

CAMS = tuple(f"cam{cam}/IMG_{number}.JPG" for cam in (1, 2) for number in (1, 2))
CARDS = tuple(f"card{card}/DCIM/IMG_{number}.JPG" for card in "ABC" for number in (1, 2))


def match(paths: list[str], ids: tuple[str, ...], root: str = "/data/pool", folder: str | None = None) -> PathMatches:
    return ImageMatcher(Item(id, Path(root) / id) for id in ids).match(paths, folder and Path(folder))


def find(paths: list[str], ids: tuple[str, ...], root: str = "/data/pool", folder: str | None = None) -> list[str]:
    """What each path means: an id, "" for none, "?" for several."""
    numbers = match(paths, ids, root, folder).numbers.tolist()
    return [ids[number] if number >= 0 else "?" if number == AMBIGUOUS else "" for number in numbers]


def below(folder: str, ids: tuple[str, ...]) -> list[str]:
    return [(folder + id).replace("/", "\\") if "\\" in folder else folder + id for id in ids]


NONE, UNCLEAR = [""] * 4, ["?"] * 4


@pytest.mark.parametrize(
    ("prefix", "root", "expected"),
    [
        ("D:\\survey\\2024\\", "/data/2024", CAMS),
        ("\\\\nas\\share\\traps\\", "/data/pool", CAMS),
        ("\\\\?\\D:\\traps\\", "/data/pool", CAMS),
        ("\\\\?\\UNC\\nas\\share\\traps\\", "/data/pool", CAMS),
        ("file:///D:/traps/", "/data/pool", CAMS),
        ("/home/ann/traps/", "/home/bob/traps", CAMS),
        ("/home/ann1/project/traps/", "/home/ann2/project/traps", CAMS),
        ("traps/", "/data/pool", CAMS),
        ("./traps/", "/data/pool", CAMS),
        ("../elsewhere/", "/data/pool", CAMS),
        ("D:/", "/data/pool", CAMS),
        ("2023/", "/data/2024", NONE),
        ("D:\\survey\\2023\\images\\", "/data/2024/images", NONE),
        ("traps2023/", "/data/traps2024", NONE),
        ("card1/", "/data/card2", NONE),
        ("season 1/", "/data/season 12", NONE),
        ("run2/traps/", "/data/run1/traps", CAMS),
    ],
)
def test_one_prefix(prefix: str, root: str, expected: list[str]) -> None:
    assert find(below(prefix, CAMS), CAMS, root) == list(expected)


@pytest.mark.parametrize("years", [(2023, 2024), (2024, 2023), (2022, 2023, 2024, 2025)])
@pytest.mark.parametrize("start", ["", "D:\\survey\\", "/mnt/", "../"])
@pytest.mark.parametrize(("end", "root"), [("", "/data/2024"), ("images/", "/data/2024/images")])
def test_the_pool_s_own_path_decides_between_seasons(years: tuple[int, ...], start: str, end: str, root: str) -> None:
    for year in years:
        paths = [path for each in years for path in below(f"{start}{each}/{end}".replace("/", "\\"), CAMS)]
        found = find(paths, CAMS, root.replace("2024", str(year)))
        assert [id for id in found if id] == list(CAMS)
        assert [path for path, id in zip(paths, found, strict=True) if id] == below(
            f"{start}{year}\\{end}".replace("/", "\\"), CAMS
        )


def test_a_camera_that_one_season_lacks_gets_nothing_from_the_other() -> None:
    paths = [*below("2023/", CAMS), *below("2024/", CAMS[:2])]
    assert find(paths, CAMS, "/data/2024") == [*NONE, *CAMS[:2]]
    assert find([*below("2023/", CAMS), *CAMS[:2]], CAMS, "/data/pool") == [*NONE, *CAMS[:2]], "the file starts here"


def test_an_image_that_is_here_is_no_other_folder_s() -> None:
    paths = [*CAMS[:2], *below("D:/north/", CAMS[:3])]
    assert find(paths, CAMS) == [*CAMS[:2], "", "", ""]
    assert find([*CAMS[:2], *below("D:/pool/", CAMS[:3])], CAMS) == [*CAMS[:2], *CAMS[:3]], "it is called as the pool's"


def test_seasons_that_nothing_tells_apart_are_not_guessed() -> None:
    paths = [*below("2023/", CAMS), *below("2024/", CAMS)]
    assert find(paths, CAMS) == [*UNCLEAR, *UNCLEAR]
    assert match(paths, CAMS).contested == ("2023/", "2024/")
    assert find([*below("2023/", CAMS), *below("2024/", CAMS[:1])], CAMS) == ["?"] * 5, "one image would do"
    paths = [*below("2023/", CAMS), *below("2024/", ("cam1/IMG_9.JPG", "cam2/IMG_9.JPG"))]
    assert find(paths, CAMS) == [*CAMS, "", ""], "only one of them has images of the pool"


def test_cards_and_drives_stand_side_by_side() -> None:
    paths = [f"{drive}:\\traps\\{id}".replace("/", "\\") for drive, id in zip("DDEEFF", CARDS, strict=True)]
    assert find(paths, CARDS) == list(CARDS)
    assert match(paths, CARDS).prefixes == ("D:/traps/", "E:/traps/", "F:/traps/")
    cards = [f"/media/ann/{id[4]}/{id}" for id in CARDS]
    assert find(cards, CARDS) == list(CARDS)
    flat = ("IMG_1.JPG", "IMG_2.JPG", "IMG_3.JPG")
    assert find(["D:\\IMG_1.JPG", "D:\\IMG_2.JPG", "E:\\IMG_3.JPG"], flat) == list(flat)
    assert find(["D:\\IMG_1.JPG", "D:\\IMG_2.JPG", "E:\\IMG_3.JPG", "E:\\IMG_4.JPG"], flat) == ["", "", "", ""]
    merged = tuple(f"DCIM/IMG_{number}.JPG" for number in range(4))
    halves = [f"{'DE'[number > 1]}:/DCIM/IMG_{number}.JPG" for number in range(4)]
    assert find(halves, merged) == list(merged)
    assert find([*halves, "E:/DCIM/IMG_9.JPG"], merged) == ["?"] * 4 + [""], "E: has other images too"


def test_every_entry_is_looked_at() -> None:
    others = [f"other/{number}.jpg" for number in range(1500)]
    assert find([*others, *below("survey/", CAMS)], CAMS) == [*[""] * 1500, *CAMS]


def test_a_file_name_alone_says_nothing_where_there_are_other_folders() -> None:
    flat = ("IMG_1.JPG", "IMG_2.JPG")
    assert find(["cam1/IMG_1.JPG", "cam1/IMG_2.JPG"], flat) == list(flat)
    assert find(["cam1/IMG_1.JPG", "cam1/IMG_2.JPG"], flat, "/data/cam2") == ["", ""]
    assert find(["cam1/IMG_1.JPG", "cam3/IMG_9.JPG"], flat) == ["", ""]
    assert find(["cam1/IMG_1.JPG", "cam3/IMG_1.JPG"], flat) == ["?", "?"]
    assert find(["cam1/IMG_1.JPG", "cam3/IMG_1.JPG", "cam3/x.jpg"], flat, "/data/cam3") == ["", "IMG_1.JPG", ""]


def test_images_of_nested_folders() -> None:
    ids = ("a/1.jpg", "1.jpg", "2.jpg")
    assert find(["x/a/1.jpg", "x/1.jpg", "x/b/2.jpg"], ids) == ["a/1.jpg", "1.jpg", ""]
    assert find(["D:/x/a/1.jpg", "D:/x/a/2.jpg"], ids) == ["?", "?"], "is the root x or x/a?"
    assert find(["D:/x/a/1.jpg", "D:/x/a/2.jpg"], ids, "/data/a") == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize(
    "path",
    [
        "cam 1/IMG_1.JPG",
        "cam%201/IMG_1.JPG",
        "CAM 1\\img_1.jpg",
        "  ./cam 1//IMG_1.JPG\t",
        "cam 1/./x/../IMG_1.JPG",
        "/data/pool/cam 1/IMG_1.JPG",
        "file:///data/pool/cam%201/IMG_1.JPG",
        "D:\\survey\\cam%201\\IMG_1.JPG",
    ],
)
def test_one_image_written_in_many_ways(path: str) -> None:
    assert find([path], ("cam 1/IMG_1.JPG", "cam 2/IMG_1.JPG")) == ["cam 1/IMG_1.JPG"]


def test_the_case_decides_where_it_must_below_a_prefix_too() -> None:
    twins = ("cam1/img_1.jpg", "cam1/IMG_1.JPG", "cam2/IMG_2.JPG")
    for prefix in ("", "D:\\traps\\"):
        paths = below(prefix, ("cam1/IMG_1.JPG", "cam1/img_1.jpg", "cam1/Img_1.jpg", "CAM2/img_2.jpg"))
        assert find(paths, twins) == ["cam1/IMG_1.JPG", "cam1/img_1.jpg", "?", "cam2/IMG_2.JPG"]


def test_accents_composed_otherwise() -> None:
    ids = (normalize("NFD", "Höhle/Füchs.JPG"), "%20.jpg")
    assert find(["Höhle/Füchs.JPG", "%20.jpg"], ids) == list(ids)
    assert find(["D:\\x\\Höhle\\FÜCHS.jpg"], ids) == [ids[0]]


def test_paths_may_start_at_the_file_s_folder() -> None:
    assert find(below("pool/", CAMS), CAMS, folder="/data") == list(CAMS)
    assert find(below("../pool/", CAMS), CAMS, folder="/data/results") == list(CAMS)
    assert find(["pool/cam%201/x%2Ejpg"], ("cam 1/x.jpg", "y.jpg"), folder="/data") == ["cam 1/x.jpg"]
    assert find([*below("pool/", CAMS[:3]), "POOL\\CAM2\\IMG_2.JPG"], CAMS, folder="/data") == list(CAMS)
    assert find(["pool/1.jpg"], ("pool/1.jpg", "1.jpg"), folder="/data") == ["?"], "either would do"
    assert find(["IMG_1.JPG"], CAMS, folder="/data/pool/cam2") == ["cam2/IMG_1.JPG"]
    assert find([*below("2023/", CAMS), *below("pool/", CAMS[:2])], CAMS, folder="/data") == [*NONE, *CAMS[:2]]
    nested = ("1.jpg", "2.jpg", "A/1.jpg", "A/3.jpg")
    assert find(["1.jpg", "3.jpg"], nested, folder="/data/pool/A") == ["A/1.jpg", "A/3.jpg"]
    assert find(["1.jpg", "2.jpg"], nested, folder="/data/pool/A") == ["1.jpg", "2.jpg"]
    assert find(["1.jpg"], nested, folder="/data/pool/A") == ["?"], "either would do"


def test_another_folder_of_this_system_is_not_the_pool_but_a_copy_of_it_is(tmp_path: Path) -> None:
    for name, content in (("pool", b"1"), ("backup", b"1"), ("other", b"2")):
        for id in CAMS:
            (tmp_path / name / id).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / id).write_bytes(content)
    for start, folder in ((f"{tmp_path}/", None), ("", str(tmp_path))):
        found = match(below(f"{start}other/", CAMS), CAMS, f"{tmp_path}/pool", folder)
        assert found.numbers.tolist() == [-1] * 4 and found.rejected == (f"{start}other/",)
        assert find(below(f"{start}backup/", CAMS), CAMS, f"{tmp_path}/pool", folder) == list(CAMS)


def test_a_path_below_the_pool_s_root_is_never_another_image() -> None:
    assert find(["/data/pool/cam9/cam1/IMG_1.JPG"], CAMS) == [""]


text = st.text(st.sampled_from("aA1.%2 /\\é\u0301ß:#\0\1\n\ud800"), max_size=12)


@given(st.lists(text, max_size=6), st.lists(text, max_size=8), st.sampled_from([None, "/data", "/data/pool", "/"]))
def test_no_path_ends_in_a_traceback_and_an_id_is_itself(ids: list[str], paths: list[str], folder: str | None) -> None:
    ids = [id for id in dict.fromkeys(ids) if id]
    assert len(find([*paths, *ids], tuple(ids), folder=folder)) == len(paths) + len(ids)
    assert find(ids, tuple(ids)) == ids


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("a\\b", "a/b"), ("", ""), (" a ", "a"), ("./a", "a"), ("a//b", "a/b"), ("//nas/x//y", "//nas/x/y"),
        ("a/../b", "b"), ("../a", "../a"), ("a..b/c", "a..b/c"), ("a\0b", "a\ufffdb"), ("\\\\?\\C:\\x", "C:/x"),
        ("\u00a0a\r\n", "a"),
    ],
)  # fmt: skip
def test_normal_forms(path: str, normal: str) -> None:
    assert normalise_paths([path]) == [normal]
    assert normalise_paths(["x", path, "y"]) == ["x", normal, "y"]
