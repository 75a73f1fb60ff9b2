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
    words = ["--sampler", "margin", "--samplers", "margin", "random", "--head", "linear", "--seeds", "2"]
    out = tmp_path / "out.json"
    monkeypatch.setattr(sys, "argv", ["", str(tmp_path / "x.npz"), *words, "--budget", "40", "--out", str(out)])
    strategies.main()
    found = json.loads(out.read_text())["over"]
    assert found["margin"]["accuracy"] == {"gain": 0, "low": 0, "high": 0}
    gain = found["random"]["accuracy"]
    assert gain["low"] < gain["gain"] < gain["high"]
