"""What the pages point to exists, and the commands they show compose."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from alframe.app.api import compose
from alframe.app.command import parse_command
from alframe.app.projects import saving_choices
from alframe.builtins import REGISTRIES
from alframe.store.ledger import Ledger
from alframe.types import Item, Label
from tests.each import check_each

ROOT = Path(__file__).parents[2]
FRONT_PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = [*FRONT_PAGES, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "plugins").glob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")
REPOSITORY = "https://github.com/alframe/alframe/blob/main/"  # the site has only docs/; links to other files go there
FENCE = re.compile(r"^(```|~~~)[^\n]*\n(.*?)^\1", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"^(?:\$ )?(?:python3? -m )?alframe(?= |$)")
BESIDES_HYDRA = ("plugins", "--version", "--help", "--help-all")


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def links(page: Path) -> list[str]:
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(prose) if link.startswith(REPOSITORY) or not re.match(r"[a-z]+:", link)]


def anchors(page: Path) -> set[str]:
    """The headings, as GitHub names them in links."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for _, block in FENCE.findall(page.read_text(encoding="utf-8")):
            lines = re.sub(r" *(?:\\|\^|`)\n *", " ", block).splitlines()
            found += [(name(page), line.strip()) for line in lines if PROGRAM.match(line.strip())]
    return found


def test_every_link_leads_somewhere() -> None:
    def check(page: Path, link: str) -> None:
        path, _, anchor = link.removeprefix(REPOSITORY).partition("#")
        folder = ROOT if link.startswith(REPOSITORY) else page.parent
        target = (folder / path).resolve() if path else page
        assert target.exists(), f"{name(page)} links to {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{name(page)} links to {link}: there is no such heading"

    check_each([(page, link) for page in PAGES for link in links(page)], check)


def test_every_command_composes(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Placeholders in CAPITALS stand for any word; of a sweep's values the first is taken.

    A command that goes on with a project of its page has the choices with which that was begun there.
    """
    # These two write a part of the reader's own first; test_plugin_tutorials.py runs their commands.
    elsewhere = ("docs/tutorials/plugin.md", "docs/tutorials/label_source.md")
    shown = [(page, line) for page, line in commands() if page not in elsewhere]

    def check(page: str, line: str) -> None:
        folder = tmp_path_factory.mktemp("empty")
        monkeypatch.chdir(folder)
        composes(words_of(line), [words_of(other) for where, other in shown if where == page], folder)

    check_each(shown, check)


def composes(words: list[str], others: list[list[str]], folder: Path) -> None:
    """Compose this command and build its parts, after the first of the others that began its project."""
    if words[:1] and words[0] in BESIDES_HYDRA:
        return
    project = next((word.partition("=")[2] for word in words if word.startswith("project=")), None)
    begun = [other for other in others if f"project={project}" in other]
    if project and (start := next((one for one in begun if any(word.startswith("pool=") for word in one)), None)):
        (folder / project).mkdir()
        with saving_choices(folder / project, list(map(str, parse_command(start).given.values()))):
            pass
    if words[:1] == ["export"] and not project:  # it takes the latest project
        with Ledger.open(folder / "alframe-runs" / "latest") as ledger, ledger.transaction():
            ledger.add_items(0, [Item("a.jpg", folder / "a.jpg")])
            ledger.add_labels([(0, Label("a.jpg", "fox"))], None, "pool")
    # What another package's sweeper takes can be composed only where that is installed.
    words = [word for word in words if not word.startswith(("hydra/sweeper=", "hydra.sweeper."))]
    overrides = list(map(str, parse_command(words).given.values()))
    config = compose(*(first_value(word) for word in overrides))
    for kind in ("pool", "sampler", "head", "loss", "backbone", "label_source", "stopping", "task"):
        if config[kind] is not None:
            REGISTRIES[kind].build(config[kind])
    for recipe in (config.exporter or {}).values():
        REGISTRIES["exporter"].build(recipe)


def words_of(line: str) -> list[str]:
    """As the shell splits them: what is in CAPITALS is a number or a folder, and 2 can be both."""
    words = shlex.split(PROGRAM.sub("", line, count=1), comments=True)
    return [re.sub(r"=[A-Z]{2,}\b", "=2", word) for word in words]


def first_value(word: str) -> str:
    (override,) = OverridesParser.create().parse_overrides([word])
    if not override.is_sweep_override():
        return word
    return f"{word.partition('=')[0]}={next(override.sweep_string_iterator())}"


def test_there_are_commands_to_check() -> None:
    assert len(commands()) > 5


def test_the_page_on_plugins_names_every_kind() -> None:
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")

    def check(kind: str) -> None:
        (row,) = re.findall(rf"^\| \[{kind}\]\(.*$", page, re.MULTILINE)
        assert f"`{REGISTRIES[kind].group}`" in row
        assert f"`conf/{kind}/x.yaml`" in row
        assert f"`{kind}.py`" in row
        suite = "".join(part.capitalize() for part in kind.split("_")) + "Suite"
        assert f"`{suite}`" in row or not (ROOT / "alframe" / "testing" / f"{kind}.py").exists()

    check_each([(kind,) for kind in REGISTRIES], check)
