"""One sampler against others on arrays, seed for seed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from alframe.errors import BadParams
from benchmarks import strategies


def test_gains_are_paired_by_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    np.savez(tmp_path / "x.npz", x=(rng.normal(size=(120, 6)) + 2 * np.eye(3, 6)[y]).astype(np.float32), y=y)
    words = ["--strategies", "margin:linear", "margin:linear", "random:linear", "ceiling:linear", "--seeds", "2"]
    out, curves = tmp_path / "out.json", tmp_path / "curves.csv"
    words += ["--budget", "40", "--curves", str(curves), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path / "x.npz"), *words])
    strategies.main()
    report = json.loads(out.read_text())
    found, measured = report["over"]["x"], report["sets"]["x"]
    assert found["margin:linear"]["accuracy"] == {"gain": 0, "low": 0, "high": 0}
    gain = found["random:linear"]["accuracy"]
    assert gain["low"] < gain["gain"] < gain["high"]
    assert measured["ceiling:linear"]["labels"] == [96] and measured["random:linear"]["labels"] == [20, 40]
    written = curves.read_text()
    strategies.main()
    assert curves.read_text() == written, "what was measured is not measured again"
    assert json.loads(out.read_text())["sets"] == report["sets"]


def test_a_long_tail_is_drawn_anew_for_each_seed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.array([*np.arange(300) % 3, *np.arange(30) % 3])
    x = (rng.normal(size=(330, 6)) + 2 * np.eye(3, 6)[y]).astype(np.float32)
    arrays = {"x": x, "y": y, "test": np.arange(330) >= 300}
    np.savez(tmp_path / "x.npz", **arrays)
    np.savez(tmp_path / "untested.npz", x=x, y=y)
    runs = [strategies.run(tmp_path / "x.npz", "ceiling:linear", seed, 40, 20, long_tail=10) for seed in (0, 1, 1)]
    assert [(run["set"].item(), run["labels"].item(), run["n"].item()) for run in runs] == [("x-longtail", 142, 30)] * 3
    assert runs[1]["accuracy"].item() == runs[2]["accuracy"].item()
    tails = [strategies.draw_long_tail(y, np.arange(300), 10, np.random.default_rng(seed)) for seed in (0, 1)]
    assert not np.array_equal(*tails)
    with pytest.raises(BadParams, match="long-tail=10 needs test images"):
        strategies.run(tmp_path / "untested.npz", "margin:linear", 0, 40, 20, long_tail=10)


def test_each_seed_can_hold_out_another_part(tmp_path: Path) -> None:
    y = np.arange(90) % 3
    x = (np.random.default_rng(0).normal(size=(90, 6)) + 2 * np.eye(3, 6)[y]).astype(np.float32)
    file = tmp_path / "x.npz"
    np.savez(file, x=x, y=y, test=np.arange(90) >= 60)
    given, *drawn = [strategies.run(file, "ceiling:linear", seed, 40, 20, draw_test=seed > 0) for seed in (0, 1, 2)]
    assert (given["set"].item(), given["n"].item(), given["labels"].item()) == ("x", 30, 60)
    assert [(run["set"].item(), run["n"].item()) for run in drawn] == [("x-drawn", 18)] * 2
    with pytest.raises(BadParams, match="Leave out --draw-test"):
        strategies.run(file, "margin:linear", 0, 40, 20, long_tail=10, draw_test=True)
