"""One sampler against others on arrays, seed for seed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

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
