"""The machine of a measurement, which belongs to every number."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PACKAGES = (
    "alframe",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "faiss-cpu",
    "timm",
    "scikit-activeml",
    "modAL-python",
    "onnxruntime",
    "openvino",
)


def describe() -> dict[str, Any]:
    """Return CPU, cores, memory, system and versions, for JSON."""
    import torch

    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "ram_gib": _ram_gib(),
        "load": _load(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "os": platform.platform(),
        "python": platform.python_version(),
        "threads": {name: os.environ[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ},
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
    }


def write_report(report: Mapping[str, object], out: Path | None) -> None:
    """Print the report of a benchmark as JSON, and write it to the file `out` if it is given."""
    text = compact(report) + "\n"
    sys.stdout.write(text)
    if out is not None:
        out.write_text(text, encoding="utf-8")


def compact(result: Mapping[str, object]) -> str:
    """Return JSON that can be read and compared by lines: a list of numbers is on one line."""
    text = json.dumps(result, indent=1)
    return re.sub(r"\[[-\d.,\s]+\]", lambda numbers: "".join(numbers[0].split()), text)


def resident_mib(peak: bool) -> float | None:
    """Return the resident memory of this process now, or its peak since the last call for now. Only for Linux."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    if not peak:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    wanted = "VmHWM:" if peak else "VmRSS:"
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(wanted)) / 2**10


def reading_s(array: npt.NDArray[Any], repeats: int = 5) -> float:
    """Return the shortest time to read an array once, a lower limit for every algorithm that reads all of it."""
    flat = array.reshape(-1).view(np.uint64)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        np.bitwise_or.reduce(flat)
        times.append(time.perf_counter() - start)
    return round(min(times), 5)


def _cpu() -> str:
    if platform.system() == "Darwin":
        return subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=True
        ).stdout.strip()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _ram_gib() -> float | None:
    if sys.platform == "win32":  # the standard library cannot tell
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)


def _load() -> float | None:
    # Other work on the machine while measuring is the first thing to doubt.
    if sys.platform == "win32":
        return None
    return round(os.getloadavg()[0], 2)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
