"""Every sampler, over seeds, on whole image sets, from 20 labels to a tenth of the pool.

    python -m benchmarks.curves --runs FOLDER                     the digits: needs nothing
    python -m benchmarks.curves --runs FOLDER --data IMAGES       all sets
    python -m benchmarks.curves --runs FOLDER --sets digits --samplers random,margin --seeds 3
    python -m benchmarks.curves --report                          the page, from the newest results

To continue after a stop, run the same command again. Words after the options go to alframe: ``backbone=resnet18``.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from datetime import date
from pathlib import Path

from benchmarks.curves.page import write_page
from benchmarks.curves.plan import find_recipes, find_sets, known_sets, plan
from benchmarks.curves.sweeps import gather, run_all
from benchmarks.machine import compact, describe

RESULTS = Path(__file__).parents[1] / "results"
DOCS = Path(__file__).parents[2] / "docs"


def main(words: list[str] | None = None) -> None:
    args = _arguments(words)
    if args.report:
        file = args.out or newest(RESULTS)
        if file is None:
            sys.exit(
                f"There are no results in {RESULTS}. Run the benchmark first: python -m benchmarks.curves --runs FOLDER"
            )
        page = write_page(file, DOCS)
        sys.stdout.write(f"{page}\n")
        return
    if args.runs is None:
        sys.exit("Say where runs and embeddings go: --runs FOLDER. The same folder again does only what is missing.")
    if args.seeds < 2:
        sys.exit(f"--seeds {args.seeds}: an interval takes at least 2.")
    runs = args.runs.absolute()
    runs.mkdir(parents=True, exist_ok=True)
    machine = describe()  # before the work, so that the load is that of others
    sets, absent = find_sets(args.sets, args.data, runs, args.rounds)
    recipes, broken = find_recipes(args.samplers)
    for name in absent:
        sys.stderr.write(f"Left out: {name}, which is not in {args.data or 'any folder: --data FOLDER'}.\n")
    for name, why in broken.items():
        sys.stderr.write(f"Left out: sampler {name}. {why}\n")
    sweeps = {images.name: plan(images, recipes, args.seeds, args.workers, args.words) for images in sets}
    start = time.perf_counter()
    run_all([sweep for some in sweeps.values() for sweep in some], runs, args.workers)
    gathered = {name: gather(some, runs) for name, some in sweeps.items()}
    missing = [gap for _, gaps in gathered.values() for gap in gaps]
    result = {
        "benchmark": "curves",
        "machine": machine,
        "setting": {
            "seeds": args.seeds,
            "rounds": args.rounds,
            "workers": args.workers,
            "words": args.words,
            "seconds": round(time.perf_counter() - start),
        },
        "absent": absent,
        "broken": broken,
        "missing": missing,
        "sets": {name: found for name, (found, _) in gathered.items()},
    }
    out = args.out or RESULTS / f"{date.today().isoformat()}-{platform.machine()}-curves.json"
    out.write_text(compact(result) + "\n", encoding="utf-8")
    sys.stdout.write(f"{out}\n")
    if missing:
        sys.exit("\n".join([f"Missing, and left out; the reasons stand in {runs / 'logs'}:", *missing]))


def newest(folder: Path) -> Path | None:
    """Return the file of the newest results."""
    return max(folder.glob("*-curves.json"), default=None)


def _arguments(words: list[str] | None) -> argparse.Namespace:
    names = [images.name for images in known_sets(None, Path())]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="overrides for every run")
    parser.add_argument("--runs", type=Path, help="folder of the runs, and of the embeddings that they share")
    parser.add_argument("--data", type=Path, help="folder of the image sets")
    parser.add_argument("--sets", type=_list, default=[], help=f"of {', '.join(names)}; all that are there if left out")
    parser.add_argument("--samplers", type=_list, default=[], help="names; all that are installed if left out")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=10, help="batches from 20 labels to the last, about")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="sweeps side by side")
    parser.add_argument("--out", type=Path, help="the file of results, in place of one in benchmarks/results")
    parser.add_argument("--report", action="store_true", help="write docs/curves.md from the results, and run nothing")
    args = parser.parse_args(words)
    if unknown := set(args.sets) - set(names):
        parser.error(f"--sets: there is no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return args


def _list(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


if __name__ == "__main__":
    main()
