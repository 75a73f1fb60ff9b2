"""Write the tables of speed in docs/performance.md and, shorter, in the README, from the newest results.

python -m benchmarks.table            # write both
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
README, PERFORMANCE = ROOT / "README.md", ROOT / "docs" / "performance.md"
START, END = "<!-- speed: python -m benchmarks.table -->\n", "<!-- end of speed -->\n"
HEADER = (
    "| task | time of alframe | time of other programs, divided by the time of alframe | memory in MiB: alframe, "
    "others | lower limit |\n|---|---|---|---|---|\n"
)
README_HEADER = "| task | time of alframe | time of other programs, divided by the time of alframe |\n|---|---|---|\n"
README_ROWS = (  # how their tasks begin
    "read an image file and compute its embedding, on all cores, with PyTorch",
    "read an image file and compute its embedding, on all cores, with OpenVINO (`inference.engine=openvino "
    "inference.precision=bf16`)",
    "k-center: choose 100 from",
    "margin: score",
    "linear head (the classifier on top of the embeddings): fit it to 5,000 labelled images",
    "read the labels of a round from a .csv",
)
ENGINES = {"eager": "PyTorch", "compile": "PyTorch", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}


@dataclass(frozen=True, slots=True)
class Row:
    """One task: alframe's seconds, the others' times as multiples, peak memory without the data, and a lower limit."""

    what: str
    seconds: float
    ratios: Mapping[str, float]
    memory: tuple[float, float] | None = None  # alframe's, and the least of the others
    limit: float | None = None  # seconds of reading the data once

    @property
    def others(self) -> str:
        """Return the times of the others, each as a multiple of alframe's time."""
        return ", ".join(f"{_plain_name(name)} {_short(ratio)}x" for name, ratio in self.ratios.items())

    def __str__(self) -> str:
        memory = "" if self.memory is None else f"{self.memory[0]:.0f}, {self.memory[1]:.0f}"
        return f"| {self.what} | {_seconds(self.seconds)} | {self.others} | {memory} | {_seconds(self.limit)} |"


def newest(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Return the newest results of each benchmark, by its name."""
    found = {}
    for file in sorted(folder.glob("*.json")):  # their names begin with the date
        name = re.sub(r"^\d{4}-\d\d-\d\d-[^-]+-", "", file.stem)
        found[name] = json.loads(file.read_text(encoding="utf-8"))
    return found


def rows(results: Mapping[str, Mapping[str, Any]]) -> Iterator[Row]:
    """Return one row for each measured task."""
    for name, make in TASKS.items():
        if name in results:
            yield from make(results[name])


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return all rows in Markdown, and the machines below the table."""
    machines = {_machine(results[name]["machine"]) for name in TASKS if name in results}
    listed = "; ".join(f"({number}) {machine}" for number, machine in enumerate(sorted(machines), 1))
    body = "".join(f"{row}\n" for row in rows(results))
    return (
        f"{HEADER}{body}\nThe programs of one line ran one after the other, in one run. Each line was "
        f"measured with one of these configurations: {listed}.\n"
    )


def short_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the README's rows in Markdown, with times only."""
    chosen = [row for row in rows(results) if row.what.startswith(README_ROWS)]
    return README_HEADER + "".join(f"| {row.what} | {_seconds(row.seconds)} | {row.others} |\n" for row in chosen)


PAGES: Mapping[Path, Callable[[Mapping[str, Mapping[str, Any]]], str]] = {README: short_table, PERFORMANCE: table}


def page(text: str, speeds: str) -> str:
    """Return the text of a page with the table `speeds`. Raises ValueError if the page has no place for it."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"The page has no lines {START!r} and {END!r} between which the table belongs.")
    return f"{before}{START}\n{speeds}\n{END}{after}"


def _at_least(cosine: float) -> str:
    return f"at least {cosine}" if cosine < 1 else f"{cosine} (rounded)"


def _embedding(result: Mapping[str, Any]) -> Iterator[Row]:
    plain = "timm + DataLoader"
    for network, ways in result["network"].items():
        for precision in ("fp32", "bf16"):
            known = [way for way in ways if way.endswith(precision)]
            if known:
                best = max(known, key=lambda way: float(ways[way]["ratio"]))
                engine, precision = best.split()
                what = (
                    f"compute the embedding of an image by {network}, on one thread, with {ENGINES[engine]} "
                    f"(`inference.engine={engine} inference.precision={precision}`). The cosine similarity to the "
                    f"embedding of plain timm is {_at_least(ways[best]['worst_cosine'])}"
                )
                yield _faster(what, ways[best], ways[plain], ways[best]["images_per_s"])
    for way, measured in result["pipeline"].items():
        if way != plain:
            engine, precision = way.split()
            what = (
                f"read an image file and compute its embedding, on all cores, with {ENGINES[engine]} "
                f"(`inference.engine={engine} inference.precision={precision}`)"
            )
            yield _faster(
                what, measured, result["pipeline"][plain], measured["images_per_s"]["pipeline"], 1 / measured["bound"]
            )


def _faster(
    what: str, ours: Mapping[str, Any], plain: Mapping[str, Any], rate: float, limit: float | None = None
) -> Row:
    return Row(what, 1 / rate, {"plain timm": ours["ratio"]}, (ours["peak_mib"], plain["peak_mib"]), limit)


def _kcenter(result: Mapping[str, Any]) -> Iterator[Row]:
    setting = result["setting"]
    images = f"{setting['pool']:,} images ({setting['dim']} numbers per image)"
    what = f"k-center: choose {setting['k']:,} from {images}, with {setting['labelled']} labelled images"
    yield _compared(what, result["results"], "alframe", result.get("limit_s"))


def _scoring(result: Mapping[str, Any]) -> Iterator[Row]:
    for name, ones in result["results"].items():
        key = "bald" if name == "bald" else "probs"
        limit = result.get("limit_s", {}).get(key)
        yield _compared(f"{name.replace('_', ' ')}: {_scored(result['setting'][key])}", ones, "alframe", limit)


def _bald(result: Mapping[str, Any]) -> Iterator[Row]:
    what = f"bald: {_scored(result['setting']['bald'])}, including the draws of head=laplace"
    yield _compared(what, result["results"], "alframe")


def _scored(shape: Sequence[int]) -> str:
    *draws, images, classes = shape
    by = f" by {draws[0]} draws" if draws else ""
    return f"score {images:,} images with {classes} classes{by}"


def _heads(result: Mapping[str, Any]) -> Iterator[Row]:
    for labels, ones in result["results"].items():
        images = f"{int(labels):,} labelled images with {result['setting']['dim']:,} numbers per image"
        what = (
            f"linear head (the classifier on top of the embeddings): fit it to {images} "
            f"(accuracy {ones['linear']['accuracy']})"
        )
        others = {
            f"{name} (accuracy {ones[name]['accuracy']})": ones[name]
            for name in ("LogisticRegression", "MLPClassifier")
            if name in ones
        }
        yield _compared(what, {"linear": ones["linear"], **others}, "linear")


def _labels(result: Mapping[str, Any]) -> Iterator[Row]:
    for kind, ours in (("ddb", "alframe timelapse_set"), ("csv", "alframe csv")):
        ones = {
            name.partition(": ")[2]: measured for name, measured in result["results"].items() if name.startswith(kind)
        }
        ones = {name: measured for name, measured in ones.items() if name == ours or not name.startswith("alframe")}
        what = f"read the labels of a round from a .{kind} file with {result['setting']['rows']:,} records"
        yield _compared(what, ones, ours)


TASKS = {
    "embedding": _embedding,
    "kcenter-100": _kcenter,
    "kcenter-1000": _kcenter,
    "scoring": _scoring,
    "bald": _bald,
    "heads": _heads,
    "labels": _labels,
}


def _compared(what: str, ones: Mapping[str, Mapping[str, Any]], ours: str, limit: float | None = None) -> Row:
    mine, others = ones[ours], {name: measured for name, measured in ones.items() if name != ours}
    ratios = {name: measured["median_s"] / mine["median_s"] for name, measured in others.items()}
    key = next((key for key in ("peak_mib", "more_mib") if mine.get(key) is not None), None)
    memory = None if key is None else (mine[key], min(measured[key] for measured in others.values()))
    return Row(what, mine["median_s"], ratios, memory, limit)


def _plain_name(name: str) -> str:
    """Return the name of a measured program for the table."""
    name = name.replace("all draws at once", "alframe with all draws in memory at once")
    return name.replace("textbook (", "textbook algorithm (with ")


def _machine(machine: Mapping[str, Any]) -> str:
    threads = machine["threads"].get("OMP_NUM_THREADS")
    return f"{machine['cpu']}, {machine['cores']} cores" + (f", with OMP_NUM_THREADS={threads}" if threads else "")


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2g} s" if value < 10 else f"{value:.0f} s"


def _short(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


def main() -> None:
    results = newest()
    for file, make in PAGES.items():
        file.write_text(page(file.read_text(encoding="utf-8"), make(results)), encoding="utf-8", newline="\n")
    sys.stdout.write(table(results))


if __name__ == "__main__":
    main()
