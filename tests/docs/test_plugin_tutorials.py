"""The tutorials about plugins: their commands run as they are written, and their code is what `new_plugin` writes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from alframe.tasks.new_plugin import write_plugin

ROOT = Path(__file__).parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"


def blocks(page: str, language: str) -> list[str]:
    text = (TUTORIALS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_code_of_the_label_source_is_what_is_written(tmp_path: Path) -> None:
    write_plugin(tmp_path, "text_list", "label_source")
    written = without_indents("\n".join(file.read_text(encoding="utf-8") for file in tmp_path.rglob("*.py")))
    shown = blocks("label_source.md", "python")
    assert len(shown) >= 6
    assert [block for block in shown if without_indents(block) not in written] == []


def without_indents(code: str) -> str:
    """Return the lines without indents and blank lines: a formatter changes both in a page."""
    return "\n".join(line.strip() for line in code.splitlines() if line.strip())


@pytest.mark.slow
def test_a_plugin_from_the_first_command_to_the_sweep(tmp_path: Path) -> None:
    """As a reader does it, in an empty folder; pip installs it beside alframe, without the network."""
    site = tmp_path / "site"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, site)))}
    outputs = []
    for number, line in enumerate(blocks("plugin.md", "sh")):
        program, *words = shlex.split(line)
        assert program == "python"
        if words[:3] == ["-m", "pip", "install"]:
            # Not editable: a folder for --target takes no links. So it is installed again after the change.
            install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
            folder = words[-1].partition("[")[0]
            words = [*install, "--upgrade", f"--target={site}", f"./{folder}"]
            again = words
        elif number == 3:
            use_the_class_shown(tmp_path / "alframe-rare-first")
            subprocess.run([sys.executable, *again], cwd=tmp_path, env=env, check=True, timeout=120)
        done = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        outputs.append(done.stdout)
    assert "rare_first" in outputs[-1]
    assert "margin" in outputs[-1]


def use_the_class_shown(package: Path) -> None:
    """Replace the class as the page says, and delete what it says must go from the tests."""
    (shown,) = blocks("plugin.md", "python")
    source = package / "src" / "alframe_rare_first" / "rare_first.py"
    text = source.read_text(encoding="utf-8")
    source.write_text(text[: text.index("class RareFirst")] + shown, encoding="utf-8")
    tests = package / "tests" / "test_rare_first.py"
    kept = re.sub(r"class TestOnlyUncertain.*?(?=^def )", "", tests.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    kept = re.sub(r"def test_p_is_the_share.*?(?=^def )", "", kept, flags=re.DOTALL | re.MULTILINE)
    tests.write_text(kept, encoding="utf-8")
