"""The cost of a campaign with 10,000 to 1,000,000 images: seconds and memory of each step, and their growth.

    python -m benchmarks.micro.growth                          # a quarter of an hour, and 11 GB of disk
    python -m benchmarks.micro.growth --sizes 1000 10000       # a minute
    python -m benchmarks.micro.growth --report                 # the figure of the newest results

The pool is artificial (`made.py`), and its pictures are not decoded. Everything else is real. Each size has two
processes, as a person would start them: a new campaign of ten rounds, and the same command again, which continues it.
Seconds are processor time, which hardly depends on other work on the machine; `wall_s` is the time of the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from alframe.__main__ import collect_garbage_rarely
from alframe.allocator import keep_freed_memory
from benchmarks.machine import describe

RESULTS = Path(__file__).parents[1] / "results"
PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "growth.svg"
DIM, START, BATCH, ROUNDS = 1280, 500, 100, 10
SAMPLER = "uherding_bursts"
SIZES = (10_000, 100_000, 1_000_000)
PATHS = {  # as they are named in the figure
    "scan": "list the pool, meet the ledger",
    "gather": "look for changes, map the embeddings",
    "head": "fit the linear head",
    "scoring": "probabilities and margin of all",
    "sampler": "choose 100: {sampler}",
    "kcenter": "choose 100: kcenter",
    "round": "a whole round",
}


class Memory:
    """The peak of the memory of a process in MiB, without pages of mapped files."""

    def __init__(self) -> None:
        self._status = Path("/proc/self/status")
        self.peak = 0.0
        if self._status.exists():
            threading.Thread(target=self._watch, daemon=True).start()

    def now(self) -> dict[str, float]:
        if not self._status.exists():
            return {}
        lines = (line.split() for line in self._status.read_text().splitlines())
        kib = {words[0].rstrip(":"): int(words[1]) for words in lines if words[0] in ("RssAnon:", "VmRSS:", "VmHWM:")}
        return {name: round(value / 1024) for name, value in kib.items()}

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, self.now()["RssAnon"])
            time.sleep(0.05)


def campaign(root: Path, size: int) -> dict[str, Any]:
    """Run ten rounds of a new campaign; return seconds of each phase, and memory at the end of each round."""
    from alframe.loop import experiment
    from alframe.loop.round import run_round

    memory, rounds = Memory(), []

    def watched(campaign: Any, cache: Any) -> Any:
        begin, cpu, memory.peak = time.perf_counter(), time.process_time(), 0.0
        outcome = run_round(campaign, cache)
        took = {"seconds": round(time.process_time() - cpu, 2), "wall_s": round(time.perf_counter() - begin, 2)}
        rounds.append({**took, "own_peak_mib": memory.peak, **memory.now()})
        return outcome

    experiment.run_round = watched  # type: ignore[attr-defined]  # it does not export the name
    with _open(root, size, START + (ROUNDS - 1) * BATCH) as session:
        experiment.run_until_stop(session)
    return {"rounds": rounds}


def again(root: Path, size: int) -> dict[str, Any]:
    """Run the same command again with one more round: measure each step alone, and then the whole round."""
    from alframe import seeding
    from alframe.kit.pool_views import make_pool_view, predict_in_chunks
    from alframe.loop.answers import load_label_snapshot
    from alframe.loop.embedding import embed_pool
    from alframe.loop.experiment import check_parts, list_pool_into_ledger
    from alframe.loop.finetune import fine_tune_if_due
    from alframe.loop.round import run_round
    from alframe.loop.session import train_on_all_labels
    from alframe.samplers.kcenter import KCenter
    from alframe.samplers.uncertainty import margin_uncertainty

    memory, found = Memory(), dict[str, dict[str, float]]()

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        before = memory.now().get("RssAnon", 0.0)
        begin, cpu, memory.peak = time.perf_counter(), time.process_time(), before
        yield
        wall, seconds = round(time.perf_counter() - begin, 3), round(time.process_time() - cpu, 3)
        time.sleep(0.05)
        found[name] = {"seconds": seconds, "wall_s": wall, "more_mib": round(memory.peak - before)}

    with _open(root, size, START + ROUNDS * BATCH) as session:
        check_parts(session)
        with timed("scan"):
            run_cache = list_pool_into_ledger(session)
        embedder = fine_tune_if_due(session, run_cache, load_label_snapshot(session))
        with timed("gather"):
            embed_pool(session, run_cache, embedder)
        with timed("round"):
            run_round(session, run_cache)
        fitted = train_on_all_labels(session, run_cache)
        head, training, rng = fitted.require_head(), fitted.training_labels, seeding.generator(0, "growth")
        features, sequences = fitted.embedded.embedding.features, run_cache.listing.sequences
        ids = np.setdiff1d(np.arange(size), training.keys)
        with timed("head"):
            session.parts.new_head().fit(features[training.keys], training.y, len(training.classes), rng)
        with timed("scoring"):
            margin_uncertainty(predict_in_chunks(features, ids, head.probs))
        for name, sampler in (("sampler", session.parts.sampler), ("kcenter", KCenter())):
            view = make_pool_view(sampler, features, ids, training.keys, training.y, rng, head, None, sequences)
            with timed(name):
                sampler.select(view, BATCH, rng)
    return {"paths": found, **memory.now()}


def _open(root: Path, size: int, labels: int) -> Any:
    from benchmarks.made import open_made

    words = [
        f"sampler={SAMPLER}",
        f"batch={BATCH}",
        f"start.labels={START}",
        f"stopping.labels={labels}",
        f"project={root.as_posix()}/project",
    ]
    return open_made(root, size, DIM, *words, f"project={root.as_posix()}/project")


def exponents(results: dict[str, Any]) -> dict[str, float]:
    """Return the exponent of each step's seconds between the two largest sizes: 1 is linear, 0 is constant."""
    sizes = sorted(map(int, results))[-2:]
    few, many = (results[str(size)]["paths"] for size in sizes)
    step = np.log(sizes[1] / sizes[0])
    return {
        name: round(float(np.log(max(many[name]["seconds"], 1e-3) / max(few[name]["seconds"], 1e-3)) / step), 2)
        for name in PATHS
    }


def draw(report: dict[str, Any]) -> str:
    """Draw seconds and memory of each step by number of images, as an SVG file."""
    import io

    import matplotlib
    from matplotlib.figure import Figure

    from alframe.report.charts import BASELINE, INK, SERIES

    results, sizes = report["results"], sorted(map(int, report["results"]))
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    panels = figure.subplots(1, 2)
    for number, (name, words) in enumerate(PATHS.items()):
        colour = INK if name == "round" else [*SERIES, BASELINE][number % (len(SERIES) + 1)]
        for panel, what, least in zip(panels, ("seconds", "more_mib"), (1e-3, 1), strict=True):
            values = [max(results[str(size)]["paths"][name][what], least) for size in sizes]
            label = f"{words.format_map(report['setting'])} ({report['exponents'][name]:.2f})"
            panel.plot(sizes, values, color=colour, marker="o", linewidth=2 if name == "round" else 1.4, label=label)
    for panel, title in zip(panels, ("CPU seconds", "Memory it adds at its peak, MiB"), strict=True):
        panel.set(xscale="log", yscale="log", title=title, xlabel="images in the pool")
        panel.grid(True, alpha=0.3)
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=3, frameon=False)
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "growth"}):
        figure.savefig(buffer, format="svg", facecolor="white", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def measure(sizes: list[int], folder: Path | None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Return the results for each size, the largest first."""
    for size in sorted(sizes, reverse=True):
        root = Path(tempfile.mkdtemp(prefix=f"growth-{size}-", dir=folder))
        try:
            found: dict[str, Any] = {}
            for part in ("campaign", "again"):
                words = ["-m", "benchmarks.micro.growth", "--part", part, "--sizes", str(size), "--folder", str(root)]
                done = subprocess.run([sys.executable, *words], check=True, stdout=subprocess.PIPE, text=True)
                found |= json.loads(done.stdout.splitlines()[-1])
            yield size, found
        finally:
            shutil.rmtree(root, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--folder", type=Path, help="where the pools are made, and removed again")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    parser.add_argument("--report", action="store_true", help="measure nothing; draw the newest results")
    parser.add_argument("--part", choices=("campaign", "again"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.report:
        newest = max(RESULTS.glob("*-growth.json"))
        PICTURE.write_text(draw(json.loads(newest.read_text(encoding="utf-8"))), encoding="utf-8")
        return
    if options.part:
        collect_garbage_rarely()  # as the command line does
        keep_freed_memory()
        part = {"campaign": campaign, "again": again}[options.part]
        sys.stdout.write("\n" + json.dumps(part(options.folder, options.sizes[0])) + "\n")
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of the processes below: what waits for others takes time as well
    report: dict[str, Any] = {
        "benchmark": "growth",
        "machine": describe(),  # before the work, so that the load is that of others
        "setting": {"dim": DIM, "start": START, "batch": BATCH, "rounds": ROUNDS, "sampler": SAMPLER},
        "exponents": {},
        "results": {},
    }
    for size, found in measure(options.sizes, options.folder):
        report["results"][str(size)] = found
        if len(report["results"]) > 1:
            report["exponents"] = exponents(report["results"])
        if options.out:  # what was measured until then is kept
            options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
