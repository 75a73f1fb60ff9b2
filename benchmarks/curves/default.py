"""The part of the page about the defaults: the default sampler and head, compared with single samplers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alframe.comparison.statistics import (
    ALPHA,
    Interval,
    adjust_for_multiple_tests,
    mean_interval,
    paired_t_p_values,
)
from alframe.types import Floats64
from benchmarks.curves.figure import draw
from benchmarks.curves.needed import (
    CEILING,
    DEFAULT,
    RANDOM,
    RANDOM_START,
    SAME,
    Sets,
    judge_shares,
    table_of_labels_needed,
)
from benchmarks.curves.new_places import BURSTS, table_of_new_places
from benchmarks.curves.splits import INTRODUCTION, table_of_splits
from benchmarks.strategies import DRAWN, LONG_TAIL, area, common_rows

BEFORE = "adaptive:linear"
LABELS = 200  # at which macro-F1 and calibration are compared
START = "random:auto:kmeans"
UNEQUAL = ("cifar10", BURSTS)  # how the names of the sets begin in which classes are rare

SINCE = {  # what has changed since old results
    "2026-11-28-x86_64-curves.json": "`uherding`, `uherding_bursts`, `maxherding`, `refine` and `active_search` were "
    "added after the table below was measured, so the table does not contain them. K-means now begins with k-means++, "
    "which changes `adaptive`, `kmeans`, `typiclust` and other samplers that use clusters. The ranks below are for the "
    "samplers before this change. The section [The default](#the-default) shows the current defaults."
}

AREAS = (
    "The table shows the area under the accuracy curve. The first row is the area of the default, in per cent. The "
    "other rows are the area of the default minus the area of another strategy, in percentage points. Each number is a "
    "mean over 10 seeds. If there are more or fewer seeds, their number is in brackets after the interval. A number is "
    "**bold** if its whole interval is above 0, or if its whole interval is below 0. A dash means that the strategy "
    "was not measured on this set."
)


FIGURE = "pictures/curves.svg"
CAPTION = (
    f"The picture shows the accuracy by number of labels, with the head `auto`. The first {LABELS} labels are shown. "
    "The bands are Student's 95 % intervals of the default and of random choice.\n\n"
    f"![Accuracy by number of labels]({FIGURE})"
)


def default_section(folder: Path) -> tuple[str, str]:
    """Return the section about the defaults and its picture (SVG), from the newest results in `folder`.

    Both are empty without results of `benchmarks.strategies`.
    """
    files = {name: max(folder.glob(f"*-{name}.json"), default=None) for name in ("strategies", "long-runs", "starts")}
    results = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file}
    if not files["strategies"]:
        return "", ""
    strategies, source = results["strategies"], files["strategies"].name
    text = text_of_default(strategies, results.get("long-runs"), results.get("starts"), source)
    return text, draw(sets_with_default(strategies)[0])


def text_of_default(
    result: Mapping[str, Any], longer: Mapping[str, Any] | None, starts: Mapping[str, Any] | None, source: str
) -> str:
    """Return the section in Markdown. `longer` has longer runs of some sets, for the table of needed labels."""
    sets, drawn = sets_with_default(result)
    measured = {**sets, **drawn}
    far = {**sets, **(_under_the_defaults_name(longer["sets"]) if longer else {})}
    parts = [_head(source), CAPTION, AREAS, _areas(sets)]
    if drawn:
        parts += [INTRODUCTION, _areas(drawn), table_of_splits(drawn)]
    parts += [_ends(sets), table_of_labels_needed({**far, **drawn}), _rare(measured), table_of_new_places(measured)]
    parts.append(_verdicts(measured, far))
    if starts:
        parts.append(_starts(starts["sets"]))
    return "\n\n".join(part for part in parts if part)


def sets_with_default(result: Mapping[str, Any]) -> tuple[Sets, Sets]:
    """Return the sets with results of the default: sets with fixed test images, and sets with drawn test images."""
    measured = {name: by for name, by in _under_the_defaults_name(result["sets"]).items() if DEFAULT in by}
    drawn = {name: by for name, by in measured.items() if name.endswith(DRAWN)}
    return {name: by for name, by in measured.items() if name not in drawn}, drawn


def _under_the_defaults_name(sets: Sets) -> Sets:
    """Return the sets in which the runs of SAME are those of the default, where both choose the same images."""
    return {
        name: by
        if name.startswith(BURSTS) or SAME not in by
        else {DEFAULT if strategy == SAME else strategy: run for strategy, run in by.items()}
        for name, by in sets.items()
    }


def _head(source: str) -> str:
    return (
        "## The default\n\nThis section shows the default sampler `uherding_bursts` with the default head `auto`. The "
        f"results are in `{source}`. On sets without bursts, we ran the sampler `uherding` in its place, because both "
        "samplers choose the same images there. The sets of `missouri-camtrap` have bursts. The runs use frozen "
        "embeddings in memory, and choose the first batch with `kmeans`. They go from 20 to 200 labels in batches of "
        "20. Runs on CIFAR-10, and most runs with random choice, go to 300 labels. `adaptive:linear` means the "
        "sampler `adaptive` with the head `linear`. These were the previous defaults. In these runs, `kmeans` chooses "
        "the first batch of `adaptive:linear` too. Differences are paired by seed, in points, with Student's 95 % "
        "interval over the seeds. `cifar10-imbalanced-longtail` (`--long-tail 100`) has a part of the images of "
        "`cifar10-imbalanced`: each class has fewer images than the class before, and the last class should have a "
        "hundredth of the images of the first. (If a class has too few images for this, the set has all of them.) "
        "The set is drawn again for each seed. A better backbone, such as `backbone=vit_small_patch14_dinov2`, was not "
        "measured, because its weights could not be downloaded."
    )


def gains(by: Mapping[str, Any], other: str) -> Floats64:
    """Return (s,) the area of the default minus that of another strategy on one set, for each seed that both have."""
    if other not in by:
        return np.zeros(0)
    ours, theirs, labels = common_rows(by[DEFAULT], by[other], "accuracy")
    return area(ours, labels) - area(theirs, labels)


def gain(by: Mapping[str, Any], other: str) -> Interval | None:
    """Return the mean of `gains` with its interval; None for fewer than two gains."""
    found = gains(by, other)
    return mean_interval(found) if len(found) > 1 else None


def _areas(sets: Sets) -> str:
    names = {name for by in sets.values() for name in by if name.count(":") == 1}
    others = [RANDOM, BEFORE, *sorted(names - {BEFORE, RANDOM, DEFAULT, CEILING})]
    own = [
        mean_interval(area(np.array(by[DEFAULT]["accuracy"]), np.array(by[DEFAULT]["labels"], np.float64))).mean
        for by in sets.values()
    ]
    lines = [
        f"| | {' | '.join(sets)} |",
        f"| --- |{' ---: |' * len(sets)}",
        f"| `{DEFAULT}` | {' | '.join(f'{value:.1f}' for value in own)} |",
        *(
            f"| over `{other}` | {' | '.join(_cell(gain(by, other), by, other) for by in sets.values())} |"
            for other in others
        ),
    ]
    return "\n".join(lines)


def _cell(found: Interval | None, by: Mapping[str, Any], other: str) -> str:
    if found is None:
        return "–"
    seeds = len(set(by[DEFAULT]["seeds"]) & set(by[other]["seeds"]))
    text = f"{found.mean:+.1f} [{found.low:+.1f}, {found.high:+.1f}]" + (f" ({seeds})" if seeds != 10 else "")
    return f"**{text}**" if found.is_above_zero or found.is_below_zero else text


def _at(curves: Mapping[str, Any], measure: str, labels: int) -> Floats64:
    return 100 * np.array(curves[measure], np.float64)[:, curves["labels"].index(labels)]


def _ends(sets: Sets) -> str:
    shown = (DEFAULT, BEFORE, RANDOM)
    lines = [
        f"Macro-F1 and calibration error are measured on the test images with {LABELS} labels, in %. "
        "*CPU s a round* is the processor time of a round in seconds. It includes fitting the head, choosing the "
        "images, and measuring the accuracy.",
        "",
        "| set | strategy | macro-F1 | calibration error | CPU s a round |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for name, by in sets.items():
        for strategy in (each for each in shown if each in by):
            f1, ece = (mean_interval(_at(by[strategy], each, LABELS)) for each in ("macro_f1", "calibration_error"))
            around = f"{f1.mean:.1f} ± {(f1.high - f1.low) / 2:.1f}"
            lines.append(f"| {name} | `{strategy}` | {around} | {ece.mean:.1f} | {by[strategy]['cpu_s']:.2f} |")
    return "\n".join(lines)


def _rare(sets: Sets) -> str:
    lines = [
        f"The table shows the macro-F1 of the default minus the macro-F1 of `{RANDOM}`, in points, on the sets with "
        f"rare classes. *p* is the p-value of Student's paired test over the seeds. *Area* is the mean of "
        f"this difference over all numbers of labels.",
        "",
        f"| set | seeds | area | p | with {LABELS} labels | p |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, by in sets.items():
        if name.startswith(UNEQUAL) and RANDOM in by:
            ours, theirs, labels = common_rows(by[DEFAULT], by[RANDOM], "macro_f1")
            if len(ours) < 2:
                continue
            column = labels.tolist().index(LABELS)
            pairs = [(area(each, labels), 100 * each[:, column]) for each in (ours, theirs)]
            cells = []
            for one, other in zip(*pairs, strict=True):
                found, p = mean_interval(one - other), float(paired_t_p_values(one, other))
                cells.append(f"{found.mean:+.1f} [{found.low:+.1f}, {found.high:+.1f}] | {_p(p)}")
            lines.append(f"| {name} | {len(ours)} | {' | '.join(cells)} |")
    return "\n".join(lines) if len(lines) > 4 else ""


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "below 0.001"


def _verdicts(sets: Sets, far: Sets) -> str:
    lines = ["The list gives the goals for the default, and the results:", ""]
    lines.append(_verdict_on_single_samplers(sets))
    lines += judge_shares(far)
    tail = next((by for name, by in sets.items() if name.endswith(LONG_TAIL)), None)
    if tail and BEFORE in tail:
        both = [common_rows(tail[DEFAULT], tail[BEFORE], "macro_f1")]
        ours, theirs, labels = both[0]
        column = labels.tolist().index(LABELS)
        found = mean_interval(100 * (ours[:, column] - theirs[:, column]))
        lines.append(
            "- *Goal: on the long tail, the macro-F1 of the default is 5 points above the macro-F1 of the previous "
            f"default.* With {LABELS} labels, the difference is {found.mean:+.1f} [{found.low:+.1f}, "
            f"{found.high:+.1f}]."
        )
    return "\n".join(lines)


def _verdict_on_single_samplers(sets: Sets) -> str:
    pairs = [(name, other) for name, by in sets.items() for other in by if other.endswith(":auto")]
    pairs = [(name, other) for name, other in pairs if other not in (DEFAULT, RANDOM, CEILING)]
    all_gains = {pair: found for pair in pairs if len(found := gains(sets[pair[0]], pair[1])) > 1}
    means = {pair: mean_interval(found) for pair, found in all_gains.items()}
    p = [float(paired_t_p_values(found, np.zeros(len(found)))) for found in all_gains.values()]
    lost = {pair: found for pair, found in means.items() if found.is_below_zero}
    surely = {
        method: sum(
            dict(zip(all_gains, adjust_for_multiple_tests(p, method), strict=True))[pair] < ALPHA for pair in lost
        )
        for method in ("holm", "fdr_bh")
    }
    text = (
        "- *Goal: on each set, the area of the default is at least as large as the area of every other sampler with "
        "the same head, and no interval of a difference (default minus sampler) lies completely below 0.* The whole "
        f"interval is above 0 in {sum(found.is_above_zero for found in means.values())} of {len(means)} comparisons, "
        f"and below 0 in {len(lost)}"
    )
    if not lost:
        return f"{text}."
    cells = [
        f"`{other}` on {name} ({_interval(found)}{_on_other_splits(sets, name, other)})"
        for (name, other), found in lost.items()
    ]
    return (
        f"{text}: {', '.join(cells)}. By chance alone, about {len(means) * ALPHA / 2:.0f} of {len(means)} intervals "
        "would be wholly below 0 if there were no differences. After a correction for the number of tests (5 %), the "
        f"number of significant differences below 0 is {surely['holm']} by the method of Holm (1979), and "
        f"{surely['fdr_bh']} by the less strict method of Benjamini and Hochberg (1995)."
    )


def _interval(found: Interval) -> str:
    return f"{found.mean:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"


def _on_other_splits(sets: Sets, name: str, other: str) -> str:
    found = gain(sets.get(name + DRAWN, {}), other)
    return "" if found is None else f"; on other splits of these images {_interval(found)}"


def _starts(sets: Sets) -> str:
    lines = [
        "### The first 20 labels",
        "",
        "The table compares two ways to choose the first labels, with the head `auto`. It shows the result of "
        "`kmeans` minus the result of a random choice. On sets with bursts, the random choice takes at most one image "
        "from each burst. Differences are in percentage "
        "points and paired by seed. The set `scenes` has drawn camera-trap scenes.",
        "",
        "| set | seeds | accuracy | macro-F1 |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, by in sets.items():
        cells = []
        for measure in ("accuracy", "macro_f1"):
            ours, theirs, _ = common_rows(by[START], by[RANDOM_START], measure)
            found = mean_interval(100 * (ours[:, 0] - theirs[:, 0]))
            cells.append(f"{found.mean:+.1f} [{found.low:+.1f}, {found.high:+.1f}]")
        lines.append(f"| {name} | {len(by[START]['seeds'])} | {' | '.join(cells)} |")
    return "\n".join(lines)
