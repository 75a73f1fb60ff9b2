"""`alframe new_plugin`: write a working plugin as a template."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alframe.builtins import REGISTRIES
from alframe.commands import command_line, short_path
from alframe.contracts import Session
from alframe.errors import BadParams, StoreError
from alframe.types import Outcome, OutcomeState

TEMPLATES = Path(__file__).parent / "plugin_template"
DEFAULT_PARTS = {"exporter": ("predictions", "model"), "tracker": ("console", "jsonl")}  # of kinds with several parts
TEMPLATE_KINDS = tuple(sorted(folder.name for folder in TEMPLATES.iterdir() if folder.name in REGISTRIES))


@dataclass
class NewPlugin:
    """Write a Python package with one part of your own. It is the beginning of a plugin."""

    read_only = True
    words_are = ("kind", "part")  # alframe new-plugin head mine

    part: str | None = None
    kind: str = "sampler"
    folder: str | Path | None = None

    def run(self, session: Session) -> Outcome:
        """Write the files. Raises BadParams for an impossible name, and StoreError if a file exists already."""
        if self.part is None:
            raise BadParams(f"What is the part called? {command_line('new_plugin', 'part=NAME')}")
        folder = Path(self.folder or f"alframe-{self.part.replace('_', '-')}")
        write_plugin(folder, self.part, self.kind)
        return Outcome(
            OutcomeState.DONE,
            f"{short_path(folder)} is a plugin with the {self.kind} '{self.part}'. Try it:\n"
            f'  pip install -e "{short_path(folder)}[test]"\n  python -m pytest {short_path(folder)}\n'
            f"  {command_line(*words_to_choose(self.kind, self.part))}",
        )


def words_to_choose(kind: str, part: str) -> list[str]:
    """Return the words of a command that chooses the part, and keeps the default parts of a list."""
    if kind == "task":
        return [part]
    if kind in DEFAULT_PARTS:
        return [f"{kind}=[{','.join((*DEFAULT_PARTS[kind], part))}]"]
    return [f"{kind}={part}", *(["pool.file=FILE"] if kind == "pool" else [])]


def write_plugin(folder: Path, part: str, kind: str) -> None:
    """Write the template of this `kind` to `folder`, with the part called `part`.

    Raises BadParams for a kind without a template, for a name that no module can have, and for a name that is taken.
    Raises StoreError if another file has the same path.
    """
    if kind not in TEMPLATE_KINDS:
        raise BadParams(f"kind={kind}: there is no template for it. Known: {', '.join(TEMPLATE_KINDS)}.")
    if not part.isidentifier() or keyword.iskeyword(part) or part != part.lower() or not part.isascii():
        raise BadParams(f"part={part}: must be lower-case letters, digits and _, such as my_{kind}.")
    if part in REGISTRIES:
        named = command_line("new_plugin", f"kind={part}", "part=NAME")
        raise BadParams(f"part={part}: this is a kind of part. To write one: {named}. Or choose another name.")
    if part in REGISTRIES[kind].parts():
        raise BadParams(f"part={part}: a {kind} of this name exists already. Choose another.")
    contents = {folder / path: text for path, text in _plugin_files(part, kind)}
    for path, text in contents.items():
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise StoreError(f"{path} exists already and would be replaced. Set folder= to another folder.")
    for path, text in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _plugin_files(part: str, kind: str) -> Iterator[tuple[str, str]]:
    package = f"src/alframe_{part}"
    sources = {
        "pyproject.toml": TEMPLATES / "common" / "pyproject.toml",
        "README.md": TEMPLATES / "common" / "README.md",
        f"{package}/__init__.py": TEMPLATES / "common" / "__init__.py.txt",
        f"{package}/{part}.py": TEMPLATES / kind / "part.py.txt",
        f"{package}/conf/{kind}/{part}.yaml": TEMPLATES / kind / "part.yaml",
        f"tests/test_{part}.py": TEMPLATES / kind / "test_part.py.txt",
    }
    words = {
        "alframe-mypart": f"alframe-{part.replace('_', '-')}",
        "mypart": part,
        "MyPart": "".join(word.capitalize() for word in part.split("_")),
        "GROUP": REGISTRIES[kind].group,
        "CHOICE": command_line(*words_to_choose(kind, part)),
        "KIND": kind,
    }
    for path, source in sources.items():
        text = source.read_text(encoding="utf-8")
        for word, replacement in words.items():
            text = text.replace(word, replacement)
        yield path, text
