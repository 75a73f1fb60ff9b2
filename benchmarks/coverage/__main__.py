"""How often the audit's intervals contain the true accuracy: 300 simulated campaigns with each of four samplers.

    python -m benchmarks.coverage                                 made-up images: needs nothing; an hour on one core
    python -m benchmarks.coverage --set digits
    python -m benchmarks.coverage --set embeddings.npz            x (n, D) and y (n,), on 64 principal axes
    python -m benchmarks.coverage --set missouri-camtrap-frames.npz --axes 0 --samplers uherding_bursts --head auto
        --start kmeans --pool 481 --audit 0.1 --rounds 12 --every 2 --campaigns 100            campaigns as by default
    python -m benchmarks.coverage --campaigns 50 --samplers margin --pool 2000 --batch 60

It prints the table of docs/audit.md. With --out FILE, it stores all numbers.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from benchmarks.coverage.campaigns import Plan, play
from benchmarks.coverage.image_sets import AXES, Population, digits_population, file_population, made_population
from benchmarks.coverage.summary import summarise
from benchmarks.coverage.table import table, table_by_drawn
from benchmarks.machine import describe, write_report

SAMPLERS = ("random", "margin", "kcenter", "adaptive")


def main(words: list[str] | None = None) -> None:
    options = _arguments(words)
    machine = describe()
    population = _population(options)
    results = {}
    for sampler in options.samplers.split(","):
        plan = Plan(
            sampler,
            options.head,
            options.pool,
            options.batch,
            options.rounds,
            options.audit,
            not options.uniform,
            options.start,
        )
        campaigns = [
            list(play(population, plan, seed, options.every))
            for seed in range(options.first, options.first + options.campaigns)
        ]
        results[sampler] = summarise(campaigns)
        sys.stderr.write(f"{sampler}: {results[sampler]}\n")
    setting = {"set": options.set, **asdict(plan), "every": options.every}
    sys.stdout.write(table(results) + "\n" + table_by_drawn({name: each["by_drawn"] for name, each in results.items()}))
    write_report({"benchmark": "coverage", "machine": machine, "setting": setting, "samplers": results}, options.out)


def _population(options: argparse.Namespace) -> Population:
    if options.set == "made":
        return made_population()
    if options.set == "digits":
        return digits_population()
    return file_population(Path(options.set), options.axes, options.long_tail, options.whole_sequences)


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    defaults = Plan("")
    parser.add_argument("--set", default="made", help="made, digits, or an .npz file")
    parser.add_argument("--samplers", default=",".join(SAMPLERS))
    parser.add_argument("--campaigns", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--head", default=defaults.head)
    parser.add_argument("--pool", type=int, default=defaults.pool)
    parser.add_argument("--batch", type=int, default=defaults.batch)
    parser.add_argument("--rounds", type=int, default=defaults.rounds)
    parser.add_argument("--audit", type=float, default=defaults.audit)
    parser.add_argument("--start", default=defaults.start, help="the sampler of the first batch")
    parser.add_argument("--axes", type=int, default=AXES, help="principal axes of a file's embeddings; 0: all of them")
    parser.add_argument("--long-tail", type=float, default=1.0, metavar="RATIO", help="of a file's classes")
    parser.add_argument("--whole-sequences", action="store_true", help="new images are of other sequences")
    parser.add_argument("--uniform", action="store_true", help="draw without strata by the model's confidence")
    parser.add_argument("--every", type=int, default=1, help="look after every so many rounds")
    parser.add_argument("--out", type=Path)
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
