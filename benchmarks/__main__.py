"""All quick benchmarks, one after the other, into ``benchmarks/results/<date>-<machine>-<name>.json``."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

NAMES = ("embedding", "heads", "kcenter", "labels", "samplers", "scoring")


def main() -> None:
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    for name in NAMES:
        out = folder / f"{date.today().isoformat()}-{platform.machine()}-{name}.json"
        subprocess.run([sys.executable, "-m", f"benchmarks.micro.{name}", "--out", str(out)], check=True)


if __name__ == "__main__":
    main()
