"""Output that its encoding cannot show is escaped: redirected on Windows, it has the letters of one code page."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from alframe.__main__ import escape_what_output_cannot_show


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", r"F\xfcchse \u718a"), ("cp1252", r"Füchse \u718a")])
def test_what_cannot_be_shown_is_escaped(monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    escape_what_output_cannot_show()
    sys.stdout.write("Füchse 熊")
    sys.stdout.flush()
    assert raw.getvalue().decode(encoding) == shown


def test_a_command_prints_its_message(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "0"}
    words = [sys.executable, "-m", "alframe", "status", "project=Füchse"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, timeout=120)
    assert b"Traceback" not in done.stderr
    assert rb"F\xfcchse" in done.stdout + done.stderr
