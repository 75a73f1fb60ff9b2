"""How often the bounds of the number of classes without a label are right, in pools with known classes. Takes seconds.

python -m benchmarks.unseen_classes            # prints JSON, and the rows of the table in docs/audit.md
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np

from alframe.engine.measuring.unseen_classes import estimate_unseen_classes
from alframe.types import Ints
from benchmarks.machine import describe, write_report

IMAGES = 20_000


def power_law(classes: int, exponent: float) -> Ints:
    """Return the class numbers of a pool in which class i has i ** -exponent times as many images as the first."""
    shares = np.arange(1.0, classes + 1) ** -exponent
    return np.repeat(np.arange(classes), np.maximum(1, np.round(IMAGES * shares / shares.sum())).astype(int))


POOLS = {
    "10 equal classes": power_law(10, 0),
    "20 classes, power law 1": power_law(20, 1),
    "50 classes, power law 1": power_law(50, 1),
    "50 classes, power law 1.5": power_law(50, 1.5),
}


def measure(pool: Ints, n: int, draws: int, rng: np.random.Generator) -> dict[str, float]:
    """Return means over the draws: classes without a label, their estimate, and how often each bound is right."""
    sizes, found = np.bincount(pool), []
    for _ in range(draws):
        y = rng.choice(pool, n, replace=False)
        counts = np.bincount(y, minlength=len(sizes))
        if (unseen := estimate_unseen_classes(y, np.ones(n), counts)) is not None:
            missing, share = int((counts == 0).sum()), sizes[counts == 0].sum() / sizes.sum()
            at_least = math.floor(unseen.low + 1e-6) <= missing
            found.append((missing, unseen.estimate, at_least, share <= unseen.largest_share))
    names = ("unseen", "estimate", "at_least_holds", "at_most_holds")
    means = np.mean(found, axis=0).tolist() if found else [math.nan] * len(names)
    return {"refused": 1 - len(found) / draws} | dict(zip(names, means, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    results = {
        name: {str(n): measure(pool, n, options.draws, rng) for n in (20, 60, 160)} for name, pool in POOLS.items()
    }
    write_report({"benchmark": "unseen_classes", "machine": describe(), "results": results}, options.out)
    for name, by_n in results.items():
        for n, row in by_n.items():
            sys.stdout.write(
                f"| {name} | {n} | {row['unseen']:.1f} | {row['estimate']:.1f} | "
                f"{100 * row['at_least_holds']:.0f} % | {100 * row['at_most_holds']:.0f} % |\n"
            )


if __name__ == "__main__":
    main()
