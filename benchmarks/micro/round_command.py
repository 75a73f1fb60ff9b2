"""The cost of one round if people label and each round is a separate command: CPU seconds, by part of the command.

    python -m benchmarks.micro.round_command                  # some minutes, and 1.5 GB of disk
    python -m benchmarks.micro.round_command --size 10000     # a minute

The pool is a folder of small JPEG files with times, in bursts of three, a thousand a camera. Their features are drawn
(`made.py`). Everything else is real: `label_source=csv`, the default head and sampler, and the audit. A program fills
in the lists. The measured command begins with 400 labels. It runs several times, each time on a copy of the project.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from alframe.types import Item
from benchmarks.machine import describe, write_report
from benchmarks.made import MadeCompute, MadePool

BATCH, ROUNDS = 100, 4  # closed rounds before the command that is measured
DIM = 1280
# Where the command looks a function up -> the part of the command that it is.
PARTS = {
    "alframe.loop.experiment:list_pool_into_ledger": "list the pool and compare it with the ledger",
    "alframe.loop.round:collect_answers": "read the answers",
    "alframe.loop.round:fine_tune_if_due": "find the network",
    "alframe.loop.round:embed_pool": "look for changed files and map the embeddings",
    "alframe.loop.round:fit_new_head": "fit the head",
    "alframe.loop.round:evaluate_and_record": "measure the accuracy",
    "alframe.loop.round:choose_batch": "draw the audit and choose",
    "alframe.loop.round:record_and_request": "write the request",
    "alframe.tasks.run:write_report": "write the report",
}
START = "start Python, import and read the configuration"
REST = "everything else"
OTHER_COMMANDS = {"status": ["status"], "label": ["label"], "plugins": ["plugins"], "help": ["--help"]}
AS_A_COMMAND = "from alframe.__main__ import collect_garbage_rarely; collect_garbage_rarely(); "
NETWORK = "from alframe.backbones.efficientnet_lite import EfficientNetLite; EfficientNetLite().module(0)"


@dataclass(frozen=True)
class ComputeByClass(MadeCompute):
    """Makes the features of images in a folder, by their `classes` (id -> class), which the folder does not have."""

    classes: Mapping[str, str] = field(default_factory=dict)

    def map_shards(
        self, function: Callable[[Sequence[Any]], Iterator[Any]], shards: Sequence[Sequence[Item]]
    ) -> Iterator[Any]:
        labelled = [[replace(item, label=self.classes[item.id]) for item in shard] for shard in shards]
        return super().map_shards(function, labelled)


def write_images(pool: MadePool) -> dict[str, str]:
    """Write a small JPEG with its time for each image of the pool; return their classes."""
    from PIL import Image

    buffer, exif, time_format = io.BytesIO(), Image.Exif(), "%Y:%m:%d %H:%M:%S"
    placeholder = datetime(2000, 1, 1).strftime(time_format)
    exif[306] = placeholder
    exif.get_ifd(0x8769)[36867] = placeholder
    Image.new("RGB", (32, 32), "gray").save(buffer, "JPEG", exif=exif)
    classes = {}
    for item in pool.items():
        assert item.taken is not None
        item.path.parent.mkdir(parents=True, exist_ok=True)
        item.path.write_bytes(
            buffer.getvalue().replace(placeholder.encode(), item.taken.strftime(time_format).encode())
        )
        classes[item.id] = str(item.label)
    return classes


def command_words(root: Path, project: Path) -> list[str]:
    """Return the words of the command for a project of the pool below `root`."""
    return [
        "pool=folder",
        f"pool.root={(root / 'images').as_posix()}",
        "pool.camera_level=1",
        "label_source=csv",
        "backbone=timm",  # of which nothing but the name is used
        "backbone.model=test_resnet",
        "backbone.pretrained=false",
        "finetune.start=null",
        f"batch={BATCH}",
        f"start.labels={BATCH}",
        "start.sampler=random",
        "stopping.labels=100000",
        f"runs={(root / 'runs').as_posix()}",  # whose cache all copies of the project share
        f"project={project.as_posix()}",
    ]


def make_project(root: Path, size: int, dim: int) -> Path:
    """Make a project of `size` images below `root` with ROUNDS rounds. The last round is answered, but not yet read."""
    from alframe.app.api import open_session
    from alframe.contracts import Compute

    pool, project = MadePool(root / "images", size), root / "runs" / "project"
    classes = write_images(pool)
    words = command_words(root, project)
    for number in range(1, ROUNDS + 1):
        if number == 1:
            with open_session(*words) as session:
                session.parts.compute = cast(Compute, ComputeByClass(dim, classes=classes))
                session.task_to_run.run(session)
        else:
            subprocess.run([sys.executable, "-m", "alframe", *words], check=True, stdout=sys.stderr)
        answer(project / "to_label" / f"round-{number:03d}" / "to_label.csv", classes)
    return project


def answer(file: Path, classes: Mapping[str, str]) -> None:
    """Write the class of each image into a list."""
    with file.open(newline="", encoding="utf-8-sig") as handle:
        rows = list(csv.DictReader(handle))
    with file.open("w", newline="", encoding="utf-8-sig") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(row | {"label": classes[row["path"]]} for row in rows)


def run_command(words: Sequence[str]) -> None:
    """Run a command in this process, and print the CPU seconds of its parts as the last line."""
    from alframe.__main__ import main

    seconds = dict.fromkeys(PARTS.values(), 0.0)
    first: list[float] = []

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        first.append(time.process_time())
        yield
        seconds[part] += time.process_time() - first[-1]

    for place, part in PARTS.items():
        module, _, name = place.partition(":")
        setattr(import_module(module), name, timed(part)(getattr(import_module(module), name)))
    sys.argv[1:] = words
    try:
        main()
    finally:
        seconds[START] = first[0]
        seconds[REST] = time.process_time() - sum(seconds.values())
        sys.stdout.write(f"\n{json.dumps(seconds)}\n")


def measure_command(words: Sequence[str]) -> tuple[float, str]:
    """Return the CPU seconds of a Python process with these words, and its output."""
    before = os.times()
    done = subprocess.run([sys.executable, *words], check=True, stdout=subprocess.PIPE, text=True)
    after = os.times()
    user, system = after.children_user - before.children_user, after.children_system - before.children_system
    return round(user + system, 2), done.stdout


def measure(root: Path, project: Path, repeats: int) -> dict[str, Any]:
    """Return the CPU seconds of each command."""
    totals, parts = [], []
    for number in range(repeats):
        copy = project.with_name(f"copy-{number}")
        shutil.copytree(project, copy)
        words = ["-m", "benchmarks.micro.round_command", "--part", *command_words(root, copy)]
        total, printed = measure_command(words)
        totals.append(total)
        parts.append(json.loads(printed.splitlines()[-1]))
    middle = {part: round(statistics.median(one[part] for one in parts), 2) for part in parts[0]}
    others = {
        name: statistics.median(
            measure_command(
                ["-m", "alframe", *words, *([f"project={copy.as_posix()}"] * (name in ("status", "label")))]
            )[0]
            for _ in range(repeats)
        )
        for name, words in OTHER_COMMANDS.items()
    }
    imports = {
        name: statistics.median(measure_command(["-c", code])[0] for _ in range(repeats))
        for name, code in {
            "python": "",
            "torch": "import torch",
            "torch_in_a_command": AS_A_COMMAND + "import torch",
            "network_in_a_command": AS_A_COMMAND + NETWORK,
        }.items()
    }
    return {"command_s": totals, "parts_s": middle, "other_commands_s": others, "imports_s": imports}


def main() -> None:
    if sys.argv[1:2] == ["--part"]:
        run_command(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=DIM)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the pool is made and stays, to measure it again")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a program that is installed is not compiled in each command
    machine = describe()  # before the work, so that the load is that of others
    root = options.folder or Path(tempfile.mkdtemp(prefix="round-command-"))
    try:
        project = root / "runs" / "project"
        if not project.exists():
            make_project(root, options.size, options.dim)
        found = measure(root, project, options.repeats)
    finally:
        for copy in root.glob("runs/copy-*"):
            shutil.rmtree(copy)
        if options.folder is None:
            shutil.rmtree(root, ignore_errors=True)
    setting = {"size": options.size, "dim": options.dim, "labels": BATCH * ROUNDS, "batch": BATCH}
    write_report({"benchmark": "round-command", "machine": machine, "setting": setting, **found}, options.out)


if __name__ == "__main__":
    main()
