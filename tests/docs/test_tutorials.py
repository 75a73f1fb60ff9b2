"""The code of the tutorials runs, from top to bottom, in an empty folder.

FOLDER stands for a small set of images, and a small network with random weights embeds them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest

import alframe as al
from alframe.testing import tiny_pool
from tests.command_line import CommandLine, alframe

__all__ = ["alframe"]

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SMALL = (
    *("backbone=timm", "backbone.model=test_resnet", "backbone.pretrained=false", "backbone.size=32"),
    *("compute.workers=0", "finetune.start=null"),
)
SERVED = "label_source=web"  # such a command waits for people


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes, enough for 100 labels beside the test images."""
    return tiny_pool(tmp_path_factory.mktemp("tutorial"), each=60)


@pytest.fixture
def run(alframe: CommandLine, images: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Run the blocks of a tutorial; returns the names that its Python has defined."""
    mpl.use("Agg")
    open_session = al.open_session
    monkeypatch.setattr(al, "open_session", lambda *words: open_session(*words, *SMALL), raising=False)

    def run_tutorial(name: str) -> dict[str, Any]:
        names: dict[str, Any] = {}
        for language, code in BLOCK.findall((TUTORIALS / name).read_text(encoding="utf-8")):
            code = code.replace("FOLDER", images.as_posix())
            if language == "python":
                exec(compile(code, name, "exec"), names)
            else:
                for line in code.splitlines():
                    words = shlex.split(line)
                    assert words[:3] == ["python", "-m", "alframe"], line
                    if SERVED not in words:
                        finished = alframe(*words[3:], *SMALL)
                        assert finished.code == 0, finished.err
        return names

    return run_tutorial


def test_every_tutorial_is_run() -> None:
    run_here = set(re.findall(r'run\("(\w+\.md)"\)', Path(__file__).read_text(encoding="utf-8")))
    pages = {page.name for page in TUTORIALS.glob("*.md")}
    assert pages == run_here | {"label_source.md", "plugin.md"}, "test_plugin_tutorials.py runs these two"


def test_which_strategy(run: Callable[[str], dict[str, Any]]) -> None:
    names = run("which_strategy.md")
    assert set(names["table"].columns) == {"random", "margin", "typiclust", "adaptive"}
    assert names["gain"].shape == (5, 3)
    interval = pd.DataFrame({"low": names["interval"].low, "high": names["interval"].high})
    assert (interval.low <= names["gain"].mean().to_numpy()).all()


def test_arrays(run: Callable[[str], dict[str, Any]]) -> None:
    names = run("arrays.md")
    assert len(names["campaign"].labels) == 100
    evaluation = names["campaign"].evaluate(names["features"][names["rest"]], names["answers"][names["rest"]])
    assert evaluation.accuracy > 0.85, "the tutorial would disappoint"
    ten_lines = (TUTORIALS / "arrays.md").read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    assert len([line for line in ten_lines.splitlines() if line]) <= 10, "as its heading says"


def test_paper_to_sweep(run: Callable[[str], dict[str, Any]]) -> None:
    names = run("paper_to_sweep.md")
    assert set(names["table"].index) == {"random", "margin", "badge"}
    assert list(names["table"]["mean"].columns) == [20, 40, 60, 80, 100]
    expected = names["curves"]
    assert set(expected.sampler) == {"random", "margin", "badge"}
