"""Each command that people may copy works in bash, zsh, PowerShell and cmd.

A word is safe in all four if it has plain characters only, or stands between double quotes without the characters that
a shell reads there. zsh refuses brackets without quotes, PowerShell parentheses and braces, cmd single quotes. A line
must not end in a sign of continuation, which each shell writes differently.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from alframe.app.help import HELP
from alframe.app.schema import SETTINGS
from alframe.builtins import KINDS

ROOT = Path(__file__).parents[2]
NAMES = "|".join(sorted({*(name.partition(".")[0] for name in SETTINGS), *KINDS, "experiment", "hydra"}))
WORD = r'(?:[A-Za-z0-9_./:=+-][A-Za-z0-9_./:=+\\-]*|"[^"$`\\!%]*")'
COMMAND = re.compile(rf"(?:\S*python -m )?alframe(?: +{WORD})*")
OTHER_COMMAND = re.compile(rf"(?:python|pip|git|cd|source|make|\.venv\S*)(?: +{WORD})*")
ARGUMENT = re.compile(rf"(?:{NAMES})(?:\.\w+)*=\S")
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SHELLS = ("", "powershell", "console")  # a block for `bash` alone says so
ONE_SHELL = ("alframe -sc install=fish | source",)
REMARK = re.compile(r"  +\S.*")  # behind a command in a screen of help


def pages() -> Iterator[Path]:
    yield from (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / ".changelog").glob("*.md")))
    yield from (page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name != "changelog.md")
    yield from sorted((ROOT / "plugins").glob("**/README.md"))


def pieces(page: str) -> Iterator[str]:
    """The lines of the blocks without a language, and what stands between backticks."""
    for _, language, block in FENCE.findall(page):
        if language in SHELLS:
            yield from map(str.strip, block.splitlines())
    prose = FENCE.sub("", page)
    yield from (line.strip() for line in prose.splitlines() if line.startswith("    "))
    yield from re.findall(r"`([^`\n]+)`", prose)


def breaks_in_a_shell(piece: str) -> bool:
    """Whether a piece of text is a command, or an argument, that some shell reads in another way."""
    if re.match(r"(python -m )?alframe( |$)|\S*python -m alframe", piece):
        return not (COMMAND.fullmatch(piece) or piece in ONE_SHELL)
    if re.match(r"(python -m|pip|git clone|source|\.venv\S*) ", piece):
        return not OTHER_COMMAND.fullmatch(piece)
    words = re.findall(r'(?:"[^"]*"|[^" ])+', piece.removeprefix("-m "))
    return bool(ARGUMENT.match(words[0])) and not all(re.fullmatch(WORD, word) for word in words) if words else False


def test_the_rule_knows_what_breaks() -> None:
    broken = (
        "python -m alframe sampler.classes=[leopard]",
        "python -m alframe -m sampler=a,b seed=0,1",
        "python -m alframe 'exporter=[model]'",
        'python -m alframe "project=$HOME"',
        "python -m alframe pool=csv \\",
        "python -m alframe project=my season (2)",
        'label_source.separator=";"',
        "exporter.x.names={fox: NAME}",
        "pip install alframe[onnx]",
        ".venv\\Scripts\\activate (Linux: source .venv/bin/activate)",
    )
    assert [piece for piece in broken if not breaks_in_a_shell(piece)] == []
    whole = ('python -m alframe -m "sampler=a,b" seed=0', "pool.root=E:\\images", '"classes=fox,hare"', "f(classes=())")
    assert [piece for piece in whole if breaks_in_a_shell(piece)] == []


def test_commands_on_the_pages_work_in_every_shell() -> None:
    found = [(page, piece) for page in pages() for piece in pieces(page.read_text(encoding="utf-8"))]
    assert sum("alframe " in piece for _, piece in found) > 100, "the pages are read"
    assert [f"{page.relative_to(ROOT)}: {piece}" for page, piece in found if breaks_in_a_shell(piece)] == []


def test_commands_in_the_help_work_in_every_shell() -> None:
    commands = [REMARK.sub("", line.strip()) for line in HELP.splitlines() if line.startswith("  python")]
    settings = re.findall(rf'"?\b(?:{NAMES})(?:\.\w+)*=\S+', HELP)
    assert commands and settings
    assert [piece for piece in (*commands, *settings) if breaks_in_a_shell(piece)] == []


def test_lists_in_messages_are_quoted() -> None:
    """In a message, `classes=[fox]` needs quotes. Docstrings are about Python; `quote_argument` takes a text alone."""
    unquoted = re.compile(rf"(?<![\"\w.])(?:{NAMES})(?:\.\w+)*=[\[{{(]")
    files = [*(ROOT / "alframe").rglob("*.py"), *(ROOT / "plugins").glob("*/src/**/*.py")]
    found = []
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        docstrings = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, owners)}
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is str}
        found += [
            f"{file.relative_to(ROOT)}: {text}" for text in texts - docstrings if " " in text and unquoted.search(text)
        ]
    assert found == []
