"""`alframe compare`: its numbers against the ledgers, its page, and what it says when something is missing."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from alframe.tasks import compare
from alframe.testing.tiny import tiny_overrides
from tests.command_line import CommandLine, alframe, pool

__all__ = ["alframe", "pool"]
PREVIOUS = Path(__file__).parents[1] / "previous"
SAMPLERS, SEEDS = ("random", "margin", "entropy"), (0, 1, 2, 3)


def curve(ledger: Path) -> tuple[str, int, dict[int, float], dict[int, int]]:
    """Sampler, seed, accuracy by labels and classes found by labels, by nothing but SQL and JSON."""
    db = sqlite3.connect(ledger)
    (config,) = db.execute("SELECT config FROM round ORDER BY number LIMIT 1").fetchone()
    rows = db.execute("SELECT detail FROM event WHERE kind = 'evaluated' ORDER BY n").fetchall()
    records = [json.loads(detail) for (detail,) in rows]
    asked = db.execute(
        "SELECT item.label FROM selection JOIN item ON item.key = selection.item ORDER BY round, rank"
    ).fetchall()
    db.close()
    accuracy = {record["labels"]: record["evaluation"]["accuracy"] for record in records}
    found = {labels: len(Counter(asked[:labels])) for labels in accuracy}
    settings = json.loads(config)
    return settings["recipes"]["sampler"]["name"], settings["settings"]["seed"], accuracy, found


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjustment, as in the textbook."""
    order, adjusted, largest = np.argsort(p), np.empty(len(p)), 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[at]))
        adjusted[at] = largest
    return adjusted


def test_numbers_are_those_of_the_ledgers_and_the_page_stands_alone(
    alframe: CommandLine, pool: Path, tmp_path: Path
) -> None:
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=16", "start.labels=4", "batch=3"]
    axes = [f"sampler={','.join(SAMPLERS)}", f"seed={','.join(map(str, SEEDS))}"]
    assert alframe(*words, *axes, "-m", "hydra.sweep.dir=sweep").code == 0
    done = alframe("compare", "sweep", "goals=0.6")
    assert done.code == 0, done.err
    assert f"Comparison: {Path('sweep') / 'comparison' / 'comparison.html'}" in done.out
    tables = tmp_path / "sweep" / "comparison" / "tables"

    runs = {
        (name, seed): (accuracy, found)
        for name, seed, accuracy, found in map(curve, (tmp_path / "runs").glob("*/ledger.sqlite"))
    }
    labels = sorted(runs["random", 0][0])
    values = {name: np.array([[runs[name, seed][0][n] for n in labels] for seed in SEEDS]) for name in SAMPLERS}
    areas = {name: np.trapezoid(rows, labels) / (labels[-1] - labels[0]) for name, rows in values.items()}

    summary = pd.read_csv(tables / "summary.csv").set_index("strategy")
    for name in SAMPLERS:
        low, high = stats.t.interval(0.95, len(SEEDS) - 1, areas[name].mean(), stats.sem(areas[name]))
        row = summary.loc[name, ["area", "area_low", "area_high"]].astype(float)
        np.testing.assert_allclose(row, (areas[name].mean(), max(low, 0), min(high, 1)))
        assert summary.loc[name, "last"] == pytest.approx(values[name][:, -1].mean())
    tested = [name for name in summary.index if name != "random"]
    p = np.array([stats.ttest_rel(areas[name], areas["random"]).pvalue for name in tested])
    np.testing.assert_allclose(summary.loc[tested, "p_t"], p)
    np.testing.assert_allclose(summary.loc[tested, "p_holm"], holm(p))
    np.testing.assert_allclose(summary.loc[tested, "p_bh"], stats.false_discovery_control(p))
    wilcoxon = [stats.wilcoxon(areas[name] - areas["random"]).pvalue for name in tested]
    np.testing.assert_allclose(summary.loc[tested, "p_wilcoxon"], wilcoxon)

    differences = pd.read_csv(tables / "differences.csv").set_index(["strategy", "labels"])
    gaps = values["margin"] - values["random"]
    np.testing.assert_allclose(differences.loc["margin", "difference"], gaps.mean(axis=0), atol=1e-12)
    assert differences.loc[("margin", labels[0]), "p_t"] == 1, "the first labels are the same"
    assert np.isnan(differences.loc[("margin", labels[0]), "p_holm"]), "and no strategy chose them"

    penalties = pd.read_csv(tables / "penalties.csv").set_index("strategy")
    wins = 0
    for column in range(1, len(labels)):
        ours, theirs = values["margin"][:, column], values["random"][:, column]
        if (ours != theirs).any() and ours.mean() > theirs.mean():
            wins += stats.ttest_rel(ours, theirs).pvalue < 0.05
    assert penalties.loc["margin", "random"] == pytest.approx(wins / (len(labels) - 1))

    found = pd.read_csv(tables / "classes-found.csv").set_index(["strategy", "labels"])
    for name in SAMPLERS:
        mean = [np.mean([runs[name, seed][1][count] for seed in SEEDS]) for count in labels]
        np.testing.assert_allclose(found.loc[name, "classes_found"], mean)

    ranks = pd.read_csv(tables / "ranks.csv").set_index("strategy")
    mean = stats.rankdata(-np.array([areas[name] for name in SAMPLERS]), axis=0).mean(axis=1)
    np.testing.assert_allclose(ranks.loc[list(SAMPLERS), "mean_rank"], mean)

    page = (tables.parent / "comparison.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=[\"'](?!#|data:)", page), "nothing is loaded"
    assert "<script" not in page and "http" not in re.sub(r"http-equiv", "", page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "seeds" in page and "0, 1, 2, 3" in page
    assert re.search(r"data</th><td class=\"path\">[0-9a-f]{32}", page), "the digest of the data"
    figures = {file.stem for file in (tables.parent / "figures").glob("*.svg")}
    assert figures == {file.stem for file in (tables.parent / "figures").glob("*.pdf")}
    assert figures >= {"accuracy", "differences", "speed-up", "penalties", "critical-difference", "seconds"}
    for name in figures:
        assert f"figures/{name}.svg" in page
    for file in tables.glob("*.csv"):
        assert file.with_suffix(".tex").read_text(encoding="utf-8").count(r"\bottomrule") == 1


def test_projects_of_an_earlier_version_are_compared(alframe: CommandLine, tmp_path: Path) -> None:
    project = Path(shutil.copytree(PREVIOUS / "simulation", tmp_path / "simulation"))
    done = alframe("compare", "simulation", "out=there")
    assert done.code == 0, done.err
    page = (tmp_path / "there" / "comparison.html").read_text(encoding="utf-8")
    assert "2 strategies over 2 seeds, on folder" in page
    assert not (project / "comparison").exists()


def test_without_a_name_it_is_the_latest_sweep(alframe: CommandLine, pool: Path, tmp_path: Path) -> None:
    assert "Which runs?" in alframe("compare").err
    words = [*tiny_overrides(pool, tmp_path / "alframe-runs"), "stopping.labels=8", "-m"]
    assert alframe(*words, "sampler=margin,random").code == 0
    (page,) = tmp_path.glob("alframe-runs/sweeps/*/comparison/comparison.html")
    assert "Area is the mean accuracy" in page.read_text(encoding="utf-8"), "a sweep ends with it"
    done = alframe("compare", "measure=macro_f1")
    assert done.code == 0, done.err
    assert "Area is the mean macro-F1" in page.read_text(encoding="utf-8")
    assert "measure=f1: must be one of accuracy," in alframe("compare", "measure=f1").err
    assert "each must be above 0 and up to 1" in alframe("compare", "goals=[90]").err


def test_a_missing_library_is_named_with_the_remedy(
    alframe: CommandLine, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "REQUIRED_LIBRARIES", ("scikit_posthocs_not_there",))
    refused = alframe("compare", "anything")
    assert refused.code == 1
    assert 'pip install "alframe[compare]"' in refused.err
    words = [*tiny_overrides(pool, tmp_path / "runs"), "stopping.labels=8", "-m"]
    swept = alframe(*words, "sampler=margin,random")
    assert swept.code == 0, "its table needs none of them"
    assert 'pip install "alframe[compare]", then: ' in swept.out
