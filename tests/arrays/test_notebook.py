"""The Python API in a real notebook: what its cells give, and what is printed below them."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow

CELLS = {
    "data": """
import numpy as np, alframe as al
from sklearn.datasets import load_digits
digits = load_digits()
x, y = digits.data.astype("float32") / 16, digits.target
""",
    "select": 'chosen = al.select("margin", x, labelled=range(50), labels=y[:50], k=20)\nprint(len(set(chosen.keys)))',
    "simulate": """
curves = al.simulate(x, y, sampler=["random", "margin"], seeds=2, budget=60, head="linear")
curves.groupby("sampler", observed=True)["accuracy"].max()
""",
    "campaign": """
campaign = al.Campaign(x, head="linear")
for _ in range(3):
    asked = campaign.ask(20)
    campaign.tell(asked.keys, y[asked.rows])
print(len(campaign.labels))
""",
    "bar": """
import time
from alframe.kit.progress import track
for _ in track(range(20), "Long work"):
    time.sleep(0.1)
""",
    "error": 'al.select("margin", x, labelled=range(50), labels=y[:50], probs=x)',
}


@pytest.fixture(scope="module")
def outputs() -> dict[str, list[Any]]:
    """The outputs of each cell."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3", allow_errors=True).execute()
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


def stream(outputs: list[Any], name: str) -> str:
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == name)


def test_cells_give_what_they_give_elsewhere(outputs: dict[str, list[Any]]) -> None:
    assert outputs["data"] == []
    assert stream(outputs["select"], "stdout") == "20\n"
    assert stream(outputs["campaign"], "stdout") == "60\n"
    (table,) = (output for output in outputs["simulate"] if output.output_type == "execute_result")
    assert "margin" in table.data["text/plain"] and "random" in table.data["text/plain"]


def test_a_bar_is_one_line_that_ends_full(outputs: dict[str, list[Any]]) -> None:
    shown = stream(outputs["bar"], "stderr")
    assert shown.count("\n") == 1
    assert shown.rpartition("\r")[2].startswith("Long work: 100%")


def test_an_error_says_what_to_do(outputs: dict[str, list[Any]]) -> None:
    (error,) = outputs["error"]
    assert error.ename == "BadParams"
    assert "If these are logits" in error.evalue
