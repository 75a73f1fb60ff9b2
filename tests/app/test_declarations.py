"""What a part declares decides how the values of its parameters are read: what other parts are called does not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from alframe.app.api import compose, open_session
from alframe.app.command import parse_command
from alframe.app.declarations import declared_types
from alframe.app.grammar import ValueParsing
from alframe.app.projects import load_choices, saving_choices
from alframe.errors import BadParams, BrokenPlugin

TEXT = ValueParsing(is_text=True)
PATH = ValueParsing(is_text=True, is_path=True)
TEXTS = ValueParsing(is_text=True, is_list=True, may_be_list=True)
OTHER = ValueParsing()

MODULE = """
from __future__ import annotations
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional
if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from somewhere import Strange
Place = str | Path

class Sampler:
    needs = frozenset()
    def __init__(
        self, root: Path = Path(), table: str | Path | None = None, alias: Place | None = None,
        old: Optional[Path] = None, noted: Annotated[Path, "a folder"] = Path(), like: PathLike[str] = "",
        word: str = "", maybe: str | None = None, words: list[str] = (), pair: tuple[int, int] = (1, 2),
        files: str | Path | Sequence[str | Path] = (), several: Several[str] = (), mixed: str | int = 0,
        number: int = 1, anything: Any = None, bare=None, strange: Strange | None = None, table_of: dict[str, int] = {},
    ) -> None:
        self.given = dict(locals())

class Heir(Sampler):
    pass

@dataclass
class Record:
    file: Path
    weights: str = "uniform"

def make(root: Path, rows: int = 3) -> Sampler: ...
"""

DECLARED = {
    "sampler": {
        "root": PATH,
        "table": PATH,
        "alias": PATH,
        "old": PATH,
        "noted": PATH,
        "like": PATH,
        "word": TEXT,
        "maybe": TEXT,
        "words": TEXTS,
        "pair": ValueParsing(is_list=True, may_be_list=True),
        "files": ValueParsing(is_text=True, is_path=True, may_be_list=True),
        "several": TEXTS,
        "mixed": OTHER,
        "number": OTHER,
        "table_of": OTHER,
        "strange": OTHER,
    },
    "record": {"file": PATH, "weights": TEXT},
    "make": {"root": PATH, "rows": OTHER},
    "broken": {},
    "absent": {},
}
DECLARED["heir"] = DECLARED["sampler"]

numbers = itertools.count()
Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Install a plugin with this module and these YAML files, by path; returns its package's name."""

    def installed(module: str = MODULE, **files: str) -> str:
        package = f"alframe_tried_{next(numbers)}"
        site = tmp_path / package
        info = site / f"{package}-1.0.dist-info"
        for file, text in {"__init__.py": "", "parts.py": module, "bad.py": "import absent_module"}.items():
            (site / package).mkdir(parents=True, exist_ok=True)
            (site / package / file).write_text(text, encoding="utf-8")
        for name, text in files.items():
            group, _, stem = name.partition("__")
            (site / package / "conf" / group).mkdir(parents=True, exist_ok=True)
            (site / package / "conf" / group / f"{stem}.yaml").write_text(text, encoding="utf-8")
        parts = {"sampler": "Sampler", "heir": "Heir", "record": "Record", "make": "make"}
        points = [f"tried_{name} = {package}.parts:{target}" for name, target in parts.items()]
        points.append(f"tried_broken = {package}.bad:Sampler")
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
        text = "[alframe.samplers]\n{}\n[alframe.conf]\n{} = {}.conf\n".format("\n".join(points), package, package)
        (info / "entry_points.txt").write_text(text, encoding="utf-8")
        monkeypatch.syspath_prepend(site)
        declared_types.cache_clear()
        return package

    return installed


def words(*typed: str) -> list[str]:
    return list(map(str, parse_command(typed).given.values()))


def test_annotations_say_what_is_a_text_a_path_or_a_list(install: Install) -> None:
    install()
    assert {name: declared_types("sampler", f"tried_{name}") for name in DECLARED} == DECLARED


def test_another_parts_yaml_decides_nothing(install: Install) -> None:
    install(
        sampler__tried_sampler="name: tried_sampler\nrows: [1, 2]\ndraws: [1]\n",
        sampler__tried_broken="rows: [1\n  nonsense: {",
        sampler__tried_record="name: tried_record\nfile: here.csv\nweights: uniform\n",
    )
    assert words("sampler=adaptive", "sampler.rows=5") == ["sampler=adaptive", "++sampler.rows=5"]
    assert words("sampler=margin_mc", "sampler.draws=3") == ["sampler=margin_mc", "++sampler.draws=3"]
    assert compose("sampler=margin_mc", "sampler.draws=3").sampler.draws == 3
    with pytest.raises(BadParams, match=r"sampler=tried_broken: .*tried_broken\.yaml cannot be read"):
        parse_command(["sampler=tried_broken", "sampler.draws=3"])


def test_only_what_is_declared_a_path_becomes_one(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(sampler__tried_record="name: tried_record\nfile: here.csv\nweights: uniform\n")
    monkeypatch.chdir(tmp_path)
    recipe = open_session("sampler=tried_record").recipes["sampler"]
    assert recipe == {"name": "tried_record", "file": str(tmp_path / "here.csv"), "weights": "uniform"}
    given = words("sampler=tried_record", "sampler.file=2026_05", "sampler.weights=1e3")
    assert given[1:] == ["++sampler.file='2026_05'", "++sampler.weights='1e3'"]
    with saving_choices(tmp_path, [*given, "task=run"]):
        place = (tmp_path / "2026_05").as_posix()
        kept = ["sampler=tried_record", f"++sampler.file='{place}'", "++sampler.weights='1e3'"]
        assert list(map(str, load_choices(tmp_path))) == kept


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ("words=fox", "words=[fox]"),
        ("words=fox,007,1e3,null", "words=[fox,007,'1e3',null]"),
        ("words=[fox,1e3]", "words=[fox,'1e3']"),
        ("several=fox", "several=[fox]"),
        ("pair=3,4", "pair=[3,4]"),
        ("files=a.csv", "files=a.csv"),
        ("files=a.csv,2026_05", "files=[a.csv,'2026_05']"),
        ("number=1e3", "number=1e3"),
        ("bare=fox", "bare=fox"),
        ("listed=5", "listed=[5]"),
        ("inherited=5", "inherited=[5]"),
        ("of.rows=5", "of.rows=5"),
        ("of.clusters=5", "of.clusters=5"),
        ("root=null", "root=null"),
    ],
)
def test_values_are_read_as_the_chosen_part_declares(typed: str, prepared: str, install: Install) -> None:
    install(
        sampler__tried_other="name: tried_sampler\ninherited: [1]\n",
        sampler__tried_sampler=(
            "defaults: [tried_other, _self_]\nname: tried_sampler\nlisted: [1]\nof: {name: adaptive, rows: 3}\n"
        ),
    )
    assert words("sampler=tried_sampler", f"sampler.{typed}") == ["sampler=tried_sampler", f"++sampler.{prepared}"]


def test_the_chosen_part_may_come_from_an_experiment_a_saved_choice_or_a_name(install: Install, tmp_path: Path) -> None:
    package = install(
        experiment__tried="defaults: [{override /sampler: tried_sampler}]\n",
        sampler__tried_sampler="name: tried_sampler\n",
    )
    assert words("experiment=tried", "sampler.words=fox")[1:] == ["++sampler.words=[fox]"]
    assert words("experiment=tried", "sampler=random", "sampler.words=fox")[2:] == ["++sampler.words=fox"]
    named = words("sampler=random", f"sampler.name={package}:tried_sampler", "sampler.words=fox")
    assert named[2:] == ["++sampler.words=[fox]"]
    with saving_choices(tmp_path, ["sampler=tried_sampler"]):
        pass
    assert words(f"project={tmp_path}", "sampler.words=fox")[1:] == ["++sampler.words=[fox]"]
    assert words(f"project={tmp_path}", "sampler=random", "sampler.words=fox")[2:] == ["++sampler.words=fox"]


def test_a_broken_plugin_costs_only_its_user(install: Install) -> None:
    install(sampler__tried_broken="name: tried_broken\nwords: null\nfile: x\n")
    assert words("sampler=tried_broken", "sampler.words=fox")[1:] == ["++sampler.words=fox"]
    with open_session("sampler=tried_broken", "task=status") as session, pytest.raises(BrokenPlugin):
        _ = session.parts.sampler
    assert open_session("sampler=kcenter").recipes["sampler"]["name"] == "kcenter"
