"""Run all quick benchmarks. Write ``benchmarks/results/<date>-<machine>-<name>.json``, and their table.

python -m benchmarks                      # all: twenty minutes on an idle machine
python -m benchmarks scoring heads        # some
python -m benchmarks --real FOLDER        # kcenter and heads on real features, which benchmarks.real wrote there
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from datetime import date
from pathlib import Path

from benchmarks.table import RESULTS, newest, table

_LARGE = ["kcenter", "--pool", "200000", "--dim", "256", "--labelled", "500"]
_MILLION = ["--k", "1000", "--from-file", "1000000", "--skip", "textbook (scikit-learn)", "scikit-activeml"]
_WAYS = ["eager fp32", "onnxruntime fp32", "openvino fp32", "openvino bf16"]  # torch.compile takes minutes to begin
# By name: the module in benchmarks.micro, and its words.
RUNS = {
    "bald": ["scoring", "--head"],
    "embedding": ["embedding", "--ways", *_WAYS],
    "heads": ["heads"],
    "kcenter-100": [*_LARGE, "--k", "100"],
    "kcenter-1000": [*_LARGE, *_MILLION, "--repeats", "3"],
    "labels": ["labels"],
    "samplers": ["samplers"],
    "scoring": ["scoring"],
}
ONE_THREAD = ("bald", "heads", "kcenter-100", "kcenter-1000", "scoring")  # so that all who are compared have the same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[*RUNS], metavar="NAME", help=", ".join(RUNS))
    parser.add_argument("--real", type=Path, metavar="FOLDER", help="of features.npy and classes.npy")
    options = parser.parse_args()
    names = options.names
    if unknown := [name for name in names if name not in RUNS]:
        parser.error(f"no benchmark is called {' or '.join(unknown)}; there are {', '.join(RUNS)}")
    RESULTS.mkdir(exist_ok=True)
    for name in names:
        module, *words = RUNS[name]
        if options.real and module in ("kcenter", "heads"):
            words += ["--features", str(options.real / "features.npy")]
            words += ["--classes", str(options.real / "classes.npy")] if module == "heads" else []
        out = RESULTS / f"{date.today().isoformat()}-{platform.machine()}-{name}.json"
        command = [sys.executable, "-m", f"benchmarks.micro.{module}", *words, "--out", str(out)]
        threads = {"OMP_NUM_THREADS": "1"} if name in ONE_THREAD else {}
        subprocess.run(command, check=True, env={**os.environ, **threads})
    sys.stdout.write("\n" + table(newest()))


if __name__ == "__main__":
    main()
