"""The part of planted label errors that is found by asking the most doubtful labels again: alframe and cleanlab.

    pip install cleanlab
    python -m benchmarks.label_errors --features SET.npz --labels 1000 --seeds 10 --out FILE.json

The .npz has `x` (n, D) embeddings, `y` (n,) class numbers and `sequence` (n,) names of bursts. With each seed, labels
are drawn at random, and 5 % of them are made wrong. Heads that have not seen a label predict it. By default, they have
not seen other images of its burst either. All rankings get the same probabilities. An `any` error has a random class.
A `like` error has the most similar class by a head that knows all true labels, as when people confuse classes. A
`burst` error is an `any` error of a whole burst; bursts are drawn until 5 % of the labels are wrong.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.engine.measuring.evaluate import predict_by_groups
from alframe.kit.composite import fit_head
from alframe.types import FitContext, Floats, Floats64, Ints
from benchmarks.machine import describe, write_report

ERROR_RATE = 0.05
KINDS = ("any", "like", "burst")
Ranking = Callable[[Ints, Floats64], Any]  # labels (m,) and probabilities (m, C) to rows, the most doubtful first


def by_self_confidence(y: Ints, probs: Floats64) -> Any:
    return np.argsort(probs[np.arange(len(y)), y], kind="stable")


def by_margin(y: Ints, probs: Floats64) -> Any:
    rows = np.arange(len(y))
    given = probs[rows, y]
    others = probs.copy()
    others[rows, y] = -1
    return np.argsort(given - others.max(axis=1), kind="stable")


def by_quality(method: str, adjust: bool) -> Ranking:
    def rank(y: Ints, probs: Floats64) -> Any:
        from cleanlab.rank import get_label_quality_scores  # type: ignore[import-not-found]  # installed by hand

        scores = get_label_quality_scores(y, probs, method=method, adjust_pred_probs=adjust)
        return np.argsort(scores, kind="stable")

    return rank


def by_issues(filter_by: str, ranked_by: str) -> Ranking:
    """Return a ranking: first the issues that cleanlab finds, and then all other rows by their own score."""

    def rank(y: Ints, probs: Floats64) -> Any:
        from cleanlab.filter import find_label_issues  # type: ignore[import-not-found]  # installed by hand

        issues = find_label_issues(
            y, probs, filter_by=filter_by, return_indices_ranked_by=ranked_by, n_jobs=1, min_examples_per_class=0
        )
        rest = by_self_confidence(y, probs)
        return np.concatenate([issues, rest[~np.isin(rest, issues)]]).astype(np.int64)

    return rank


RANKINGS: dict[str, Ranking] = {
    "self-confidence (ours)": by_self_confidence,
    "margin (ours)": by_margin,
    "cleanlab: self-confidence minus the mean self-confidence of the class": by_quality("self_confidence", True),
    "cleanlab: margin minus the mean margin of the class": by_quality("normalized_margin", True),
    "cleanlab: confidence-weighted entropy": by_quality("confidence_weighted_entropy", False),
    "cleanlab: issues found by noise rate, ranked by self-confidence": by_issues(
        "prune_by_noise_rate", "self_confidence"
    ),
    "cleanlab: issues found by noise rate, ranked by margin": by_issues("prune_by_noise_rate", "normalized_margin"),
    "cleanlab: issues found by class, ranked by self-confidence": by_issues("prune_by_class", "self_confidence"),
    "cleanlab: issues found by both, ranked by self-confidence": by_issues("both", "self_confidence"),
    "cleanlab: issues found by confident learning, ranked by self-confidence": by_issues(
        "confident_learning", "self_confidence"
    ),
    "cleanlab: issues found by confident learning, ranked by margin": by_issues(
        "confident_learning", "normalized_margin"
    ),
}


def predict_unseen(head: str, x: Floats, y: Ints, classes: int, groups: Ints, rng: np.random.Generator) -> Floats64:
    """Return probabilities (m, C) of the labelled images, by heads that have not seen any image of their groups."""
    context = FitContext(np.ones(len(y), np.bool_), groups, x[:0])
    build = partial(REGISTRIES["head"].build, {"name": head})
    probs = predict_by_groups(build, x, y, context, classes, rng).astype(np.float64)
    probs = np.maximum(probs, 1e-12)
    return np.asarray(probs / probs.sum(axis=1, keepdims=True), np.float64)


def plant(kind: str, x: Floats, y: Ints, classes: int, groups: Ints, rng: np.random.Generator) -> Ints:
    """Return the labels (m,) with errors in 5 % of them."""
    count = max(1, round(ERROR_RATE * len(y)))
    if kind == "burst":
        bursts = rng.permutation(int(groups.max()) + 1)
        sizes = np.bincount(groups)[bursts].cumsum()
        wrong = np.isin(groups, bursts[: int(np.searchsorted(sizes, count)) + 1])
    else:
        wrong = np.isin(np.arange(len(y)), rng.choice(len(y), count, replace=False))
    noisy = y.copy()
    if kind == "like":
        head = REGISTRIES["head"].build({"name": "linear", "c": 0.001})  # far from certain of what it was fitted to
        context = FitContext(np.ones(len(y), np.bool_), groups, x[:0])
        fit_head(head, x, y, classes, rng, context)
        probs = head.probs(x[wrong])
        probs[np.arange(len(probs)), y[wrong]] = 0
        noisy[wrong] = probs.argmax(axis=1)
        return noisy
    shifts = rng.integers(1, classes, size=int(groups.max()) + 1 if kind == "burst" else len(y))
    shift = shifts[groups] if kind == "burst" else shifts
    noisy[wrong] = (y[wrong] + shift[wrong]) % classes
    return noisy


def measure(x: Floats, y: Ints, names: Ints, labels: int, head: str, kind: str, seed: int) -> dict[str, Any]:
    """Return, for each ranking, the errors among the first 5 %, the first 10 %, and as many as cleanlab finds."""
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(y))[:labels])
    present, truth = np.unique(y[rows], return_inverse=True)
    groups = np.unique(names[rows], return_inverse=True)[1]
    noisy = plant(kind, x[rows], truth, len(present), groups, rng)
    is_error = noisy != truth
    begin = time.process_time()
    probs = predict_unseen(head, x[rows], noisy, len(present), groups, rng)
    seconds = time.process_time() - begin
    orders = {name: rank(noisy, probs) for name, rank in RANKINGS.items()}
    if len(np.unique(groups)) < len(groups):
        alone = predict_unseen(head, x[rows], noisy, len(present), np.arange(len(rows)), rng)
        pooled = np.sqrt(alone * probs)
        pooled /= pooled.sum(axis=1, keepdims=True)
        for folds, made in {"folds cut bursts": alone, "mean of both": (alone + probs) / 2, "product": pooled}.items():
            orders[f"self-confidence, {folds}"] = by_self_confidence(noisy, made)
            orders[f"margin, {folds}"] = by_margin(noisy, made)
        orders |= {f"{name}, product": rank(noisy, pooled) for name, rank in RANKINGS.items() if "cleanlab" in name}
    from cleanlab.filter import find_label_issues

    own = int(find_label_issues(noisy, probs, n_jobs=1, min_examples_per_class=0).sum())
    errors = int(is_error.sum())
    counts = {"5 %": errors, "10 %": 2 * errors, "cleanlab's own": own}
    hits: dict[str, dict[str, int]] = {}
    for name, order in orders.items():
        hits[name] = {key: int(is_error[order[:count]].sum()) for key, count in counts.items()}
    return {
        "labels": len(rows),
        "errors": errors,
        "asked": counts,
        "hits": hits,
        "fit_s": round(seconds, 2),
        "accuracy": float((probs.argmax(axis=1) == truth).mean()),
    }


def summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over the seeds in %: found errors, precision, and the gain over our ranking by self-confidence."""
    from scipy.stats import t

    half = t.ppf(0.975, len(runs) - 1) / len(runs) ** 0.5
    summary: dict[str, Any] = {}
    for key in runs[0]["asked"]:
        base = np.array([100 * run["hits"]["self-confidence (ours)"][key] / run["errors"] for run in runs])
        rows = {}
        for name in runs[0]["hits"]:
            found = np.array([100 * run["hits"][name][key] / run["errors"] for run in runs])
            precision = np.array([100 * run["hits"][name][key] / max(1, run["asked"][key]) for run in runs])
            measured = {"found": found, "precision": precision, "gain": found - base}
            rows[name] = {
                k: [round(float(v.mean()), 1), round(float(half * v.std(ddof=1)), 1)] for k, v in measured.items()
            }
        asked = np.array([run["asked"][key] for run in runs])
        summary[key] = {"asked": round(float(asked.mean()), 1), "rankings": rows}
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=Path, nargs="+", required=True)
    parser.add_argument("--labels", type=int, nargs="+", default=[500], help="at most so many of each set")
    parser.add_argument("--head", default="auto")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    machine, results = describe(), {}
    for file in options.features:
        data = np.load(file)
        x, y, names = data["x"].astype(np.float32), data["y"].astype(np.int64), data["sequence"]
        for labels in sorted({min(each, len(y)) for each in options.labels}):
            for kind in options.kinds:
                if kind == "burst" and len(np.unique(names)) == len(names):
                    continue
                runs = [measure(x, y, names, labels, options.head, kind, seed) for seed in range(options.seeds)]
                results[f"{file.stem}, {labels} labels, {kind}"] = {
                    "errors": float(np.mean([run["errors"] for run in runs])),
                    "accuracy": round(float(np.mean([run["accuracy"] for run in runs])), 3),
                    "fit_s": float(np.mean([run["fit_s"] for run in runs])),
                    **summarise(runs),
                }
                write_report(
                    {
                        "benchmark": "label_errors",
                        "machine": machine,
                        "setting": {"head": options.head, "seeds": options.seeds},
                        "results": results,
                    },
                    options.out,
                )


if __name__ == "__main__":
    main()
