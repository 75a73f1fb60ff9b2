"""Completion in a real bash, for both ways in which the program is called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = shutil.which("bash")
# As bash itself calls the function that is installed: with the line, the cursor and the words.
ASK = """
eval "$({python} -m alframe -sc install=bash)"
complete -p alframe python | grep -c _alframe_complete
for line in {lines}; do
    COMP_LINE=$line COMP_POINT=${{#line}} COMP_WORDS=($line) COMPREPLY=()
    _alframe_complete
    echo "$line|${{COMPREPLY[*]}}"
done
eval "$({python} -m alframe -sc uninstall=bash)"
complete -p alframe 2>/dev/null || echo gone
"""


@pytest.mark.skipif(BASH is None or os.name == "nt", reason="needs bash")
def test_bash_completes_verbs_settings_parts_and_parameters(tmp_path: Path) -> None:
    python = sys.executable
    asked = [f"{python} -m alframe sta", f"{python} -m alframe status sampler=kc", f"{python} -m alframe sequences."]
    script = ASK.format(python=python, lines=" ".join(f"'{line}'" for line in [*asked, f"{python} -c sta"]))
    done = subprocess.run(
        [str(BASH), "--norc", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PATH": f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"},
    )
    assert done.stdout.splitlines() == [
        "2",
        f"{asked[0]}|status start.",
        f"{asked[1]}|sampler=kcenter",
        f"{asked[2]}|sequences.clock_offsets= sequences.gap= sequences.longest= sequences.times=",
        f"{python} -c sta|",
        "gone",
    ], done.stderr
    assert not list(tmp_path.iterdir())
