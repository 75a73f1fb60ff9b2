"""The page of results, written from a results file alone."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alframe.comparison.statistics import Interval, SpeedUp, penalty_matrix
from alframe.store.files import replace_atomically
from benchmarks.curves.compare import CEILING, DEAR, OFTEN, Measured, Overall, Row, first_batches, load, overall, rows
from benchmarks.curves.crops import crops_section
from benchmarks.curves.default import FIGURE, SINCE, default_section
from benchmarks.curves.plan import FIRST, LONGER, Recipe

PAGE = "curves.md"
SHOWN = 12  # samplers in the matrix: those of the best mean rank
DASH = "–"


def write_page(file: Path, docs: Path) -> Path:
    """Write the page and its figure in `docs`, from the results in `file` and the newest other results beside it."""
    result = json.loads(file.read_text(encoding="utf-8"))
    figure, page = docs / FIGURE, docs / PAGE
    figure.parent.mkdir(parents=True, exist_ok=True)
    default, picture = default_section(file.parent)
    texts = {figure: picture, page: text_of(result, file.name, default, crops_section(file.parent))}
    for place, text in texts.items():
        if text:
            with replace_atomically(place) as temporary:
                temporary.write_text(text, encoding="utf-8")
    return page


def text_of(result: Mapping[str, Any], source: str, default: str = "", crops: str = "") -> str:
    """Return the page in Markdown, with the sections about the defaults and about boxes."""
    sets = load(result)
    table = overall(sets)
    parts = [
        _head(result, sets, source),
        default,
        crops,
        _all_sets(sets, table, source),
        _not_worth(table),
        _better_than_margin(sets, table),
        "" if default else _starts(sets),
        _beaten(sets, table),
        *(_one_set(image_set) for image_set in sets),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(result: Mapping[str, Any], sets: Sequence[Measured], source: str) -> str:
    setting, machine = result["setting"], result["machine"]
    about = [
        [
            f"[{image_set.name}](#{image_set.name})",
            image_set.facts["about"],
            f"{image_set.facts['pool']:,}",
            f"{image_set.facts['test']:,}",
            str(image_set.facts["classes"]),
            f"{FIRST} to {image_set.facts['budget']} in batches of {image_set.facts['batch']}",
            _percent(float(image_set.ceilings["linear"].accuracy.mean())) if "linear" in image_set.ceilings else DASH,
        ]
        for image_set in sets
    ]
    tests = sum(len(image_set.compared) for image_set in sets)
    where = f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}"
    lines = [
        "# Samplers compared",
        "",
        f"`python -m benchmarks.curves --report` writes this page from `benchmarks/results/{source}`. To change this "
        "page, edit that program. See also [what each sampler does](samplers.md) and [how to run "
        "this](https://github.com/alframe/alframe/blob/main/benchmarks/README.md#curves).",
        "",
        f"This page compares the samplers from {FIRST} labels to a tenth of the pool. Each sampler ran with "
        f"{setting['seeds']} seeds. The embeddings were frozen (no fine-tuning): they are the embeddings"
        + (
            f" of `{' '.join(setting['words'])}`"
            if setting["words"]
            else " of the default backbone, EfficientNet-Lite0"
        )
        + f". The measurements were made on {where}."
        + (
            f" {setting['workers']} sweeps ran at the same time, so the times may be longer than on a free machine."
            if setting["workers"] > 1
            else ""
        ),
        "",
        _table(
            ["set", "what it is", "pool", "test images", "classes", "labels", "accuracy with all labels"], about, left=2
        ),
        "",
        "- With the same seed, all samplers have the same first labels and the same test images. The first labels are "
        "drawn at random. No model has learned from the test images. Each difference is computed from two runs with "
        "the same seed. The brackets contain Student's 95 % interval of the mean over seeds. The interval shows how "
        "much the result varies with the first labels and with the random choices of the sampler. Only on the digits, "
        "it also shows how much the result varies with the test images, which are different for each seed.",
        "- Most samplers use the head `linear`. Samplers that need draws (several random predictions for each image) "
        "use the head `laplace`. Samplers that need activations (outputs of hidden layers) use the head `mlp`. Each "
        "sampler is compared with random choice and with margin sampling with the same head. (`laplace` makes the same "
        "predictions as `linear`. If a sampler uses no draws, the two heads give the same result.)",
        "- *Area* is the area under the learning curve: the mean accuracy over all numbers of labels from the first "
        "round to the last, in per cent. *Over random* is this area minus the area of random choice with the same "
        "head, in percentage points. *s per batch* is the time to choose a batch, in seconds.",
        f"- *Labels to {CEILING:.0%}* is the number of labels at which a sampler first reaches {CEILING:.0%} of the "
        "accuracy with all labels (the median over seeds). The brackets contain the number of seeds that reached this "
        "accuracy. *never* means that half of the seeds or fewer reached it.",
        "- *Speed-up* is the number of labels that random choice needs to reach the final accuracy of the sampler, "
        "divided by the number of labels that the sampler has at the end of its run (Kath et al. 2026). To measure "
        f"this, the runs of random choice got {LONGER} times as many labels as the other runs. "
        "The brackets contain the 95 % interval of a bootstrap over seeds.",
        f"- {tests} differences from random choice are tested, each at 95 %. By chance alone, about "
        f"{tests * 0.025:.0f} of them would seem to be above 0, and about {tests * 0.025:.0f} below 0. Differences in "
        "**bold** are still significant after a correction for the number of tests (Benjamini and Hochberg 1995, "
        "5 %).",
        "- All results on this page are for small sets, one backbone and the first few hundred labels.",
    ]
    gaps = [f"- Not there: {name}." for name in result["absent"]]
    gaps += [f"- Not measured: `{name}` ({why.splitlines()[0]})" for name, why in result["broken"].items()]
    gaps += [f"- Not complete, and left out: {gap}." for gap in result["missing"]]
    return "\n".join([*lines, *(["", *gaps] if gaps else [])])


def _all_sets(sets: Sequence[Measured], table: Sequence[Overall], source: str) -> str:
    cells = [
        [
            f"`{row.recipe.sampler}`",
            row.recipe.head,
            *(_mark(row, where.name) for where in sets),
            f"{row.rank:.1f}",
            f"{row.beats:.0%}",
            f"{row.beaten:.0%}",
            _times(row.cost),
        ]
        for row in table
    ]
    header = [
        "sampler",
        "head",
        *(image_set.name for image_set in sets),
        "mean rank",
        "beats",
        "is beaten",
        "time / margin",
    ]
    return "\n".join(
        [
            "## All sets",
            "",
            *([SINCE[source], ""] if source in SINCE else []),
            "The table shows the area minus the area of random choice with the same head, in percentage points. A "
            "value is in brackets if its interval contains 0. A value is **bold** if it is significant after the "
            "correction for the number of tests (see the top of the page). On each set, all rows of the table are "
            "ranked by area. *Mean rank* is the mean of these ranks. Each pair of samplers is compared, at each number "
            "of labels, by Student's paired test (Ash et al. 2020). *Beats* is the share of the "
            "comparisons of a sampler in which it is significantly better. *Is beaten* is the share in which it is "
            "significantly worse. *Time / margin* is the time to choose a batch on the largest set, divided by the "
            "time of `margin` with the same head.",
            "",
            _table(header, cells, left=2),
        ]
    )


def _mark(row: Overall, where: str) -> str:
    if where not in row.gains:
        return DASH
    gain = row.gains[where]
    text = f"{100 * gain.mean:+.1f}"
    if not (gain.is_above_zero or gain.is_below_zero):
        return f"({text})"
    return f"**{text}**" if where in row.sure else text


def _not_worth(table: Sequence[Overall]) -> str:
    found = [f"- `{row.recipe.sampler}`: {'; '.join(row.verdict)}." for row in _by_name(table) if row.verdict]
    rule = (
        "A sampler is in this list if at least one of four rules applies. The rules are the same for all samplers. "
        "*Better* means that the whole interval of the difference in area is above 0. *Worse* means that the whole "
        f"interval is below 0. (1) The sampler is worse than random choice on at least {OFTEN} sets. (2) It is not "
        f"better than random choice on any set. (3) It takes at least {DEAR} times as long as margin sampling, and is "
        "not better than margin sampling on any set. (4) It needs another head than `linear`, and is not better than "
        f"margin sampling with `linear` on any set. These rules were applied only to small pools, from {FIRST} labels "
        "to a tenth of the pool. alframe keeps these samplers, because they may be useful in other cases (rare "
        "classes, outliers, the very first labels)."
    )
    return "\n".join(["## Not worth using here", "", rule, "", *(found or ["None of them."])])


def _better_than_margin(sets: Sequence[Measured], table: Sequence[Overall]) -> str:
    better = [
        row
        for row in table
        if any(gain.is_above_zero for gain in row.over_margin.values())
        and not any(gain.is_below_zero for gain in row.over_margin.values())
    ]
    cells = [
        [f"`{row.recipe.sampler}`", row.recipe.head, *(_signed(row.over_margin.get(where.name)) for where in sets)]
        for row in better
    ]
    if not cells:
        body = (
            "There is no sampler whose whole interval is above margin sampling on at least one set, and not below "
            "margin sampling on any set."
        )
    else:
        header = ["sampler", "head", *(image_set.name for image_set in sets)]
        body = (
            "The table shows the area minus the area of margin sampling with the same head, in percentage points. It "
            "lists a sampler if its whole interval is above 0 on at least one set, and if on no set its whole interval "
            "is below 0.\n\n" + _table(header, cells, left=2)
        )
    return f"## Better than margin\n\n{body}"


def _starts(sets: Sequence[Measured]) -> str:
    found = first_batches(sets)
    if not found:
        return ""
    starts = sorted({recipe.start for recipe in found})
    at_once: Mapping[str, tuple[Interval, Interval]] = next(iter(found.values()))
    cells = [
        [
            "(first labels alone)",
            *(_signed(at_once[image_set.name][0]) if image_set.name in at_once else DASH for image_set in sets),
        ],
        *(
            [
                f"`{recipe.sampler}`",
                *(_signed(by[image_set.name][1]) if image_set.name in by else DASH for image_set in sets),
            ]
            for recipe, by in sorted(found.items())
        ),
    ]
    return "\n".join(
        [
            "## The first labels",
            "",
            f"The table shows the gain of `start.sampler={starts[0]}` over first labels drawn at random, in points. "
            f"The first row is the gain in accuracy with these {FIRST} labels alone. The other rows are the gain in "
            "area, if the given sampler continues from there.",
            "",
            _table(["sampler", *(image_set.name for image_set in sets)], cells, left=1),
        ]
    )


def _beaten(sets: Sequence[Measured], table: Sequence[Overall]) -> str:
    chosen = [row.recipe for row in table[:SHOWN]]
    chosen += [row.recipe for row in table[SHOWN:] if row.recipe in (Recipe("random"), Recipe("margin"))]
    keys = [str(recipe) for recipe in chosen]
    curves = [{str(recipe): run.accuracy for recipe, run in image_set.compared.items()} for image_set in sets]
    matrix = penalty_matrix(curves, keys)
    names = [recipe.sampler if recipe.head == "linear" else f"{recipe.sampler} ({recipe.head})" for recipe in chosen]
    cells = [
        [f"`{name}`", *(DASH if row == column else f"{matrix[row, column]:.1f}" for column in range(len(names)))]
        for row, name in enumerate(names)
    ]
    beaten = {row.recipe: row.beaten for row in table}
    also = "".join(f", and `{recipe.sampler}`" for recipe in chosen[SHOWN:])
    cells.append(["mean over all samplers", *(f"{len(sets) * beaten[recipe]:.2f}" for recipe in chosen)])
    return "\n".join(
        [
            "## Who beats whom",
            "",
            "The table shows the pairwise penalty matrix of Ash et al. 2020: how often the sampler of the row is "
            "better than the sampler of the column. On each set, the two samplers are compared at each number of "
            "labels. For each set, we compute the share of these comparisons in which the sampler of the row is "
            f"significantly better. The value is the sum of these shares over all sets, so it is at most {len(sets)}. "
            f"The table has the {SHOWN} samplers with the best mean rank{also}. The last row is the mean of the column "
            "over all "
            "samplers. A smaller mean is better.",
            "",
            _table(["", *names], cells, left=1),
        ]
    )


def _one_set(measured: Measured) -> str:
    cells = [_row(row) for row in rows(measured)]
    last = measured.facts["budget"]
    header = [
        "sampler",
        "head",
        "area",
        "over random",
        "macro-F1 area",
        "over random",
        f"accuracy at {last}",
        f"macro-F1 at {last}",
        f"labels to {CEILING:.0%}",
        "speed-up",
        "s per batch",
    ]
    return f"## {measured.name}\n\n{measured.facts['about'].capitalize()}.\n\n{_table(header, cells, left=2)}"


def _row(row: Row) -> list[str]:
    labels = f"{row.labels:.0f}" if math.isfinite(row.labels) else "never"
    return [
        f"`{row.recipe.sampler}`",
        row.recipe.head,
        _around(row.area),
        _signed(row.gain),
        _around(row.f1_area),
        _signed(row.f1_gain),
        _around(row.last),
        _around(row.last_f1),
        f"{labels} ({row.reached})",
        _speed(row.speed),
        f"{row.selection:.2f}",
    ]


def _speed(speed: SpeedUp | None) -> str:
    if speed is None:
        return DASH
    factor, low, high = (
        f"{ratio:.1f}" if math.isfinite(ratio) else f"> {LONGER}" for ratio in (speed.factor, speed.low, speed.high)
    )
    return f"{factor} [{low}, {high}]"


def _around(interval: Interval) -> str:
    return f"{100 * interval.mean:.1f} ± {50 * (interval.high - interval.low):.1f}"


def _signed(interval: Interval | None) -> str:
    return (
        DASH
        if interval is None
        else f"{100 * interval.mean:+.1f} [{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]"
    )


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _times(factor: float) -> str:
    return DASH if math.isnan(factor) else f"{factor:.1f}" if factor < DEAR else f"{factor:.0f}"


def _by_name(table: Sequence[Overall]) -> list[Overall]:
    return sorted(table, key=lambda row: row.recipe.sampler)


def _table(header: Sequence[str], cells: Sequence[Sequence[str]], left: int) -> str:
    """Return a table in Markdown. The first `left` columns are left-aligned, the others right-aligned."""
    rule = ["---" if at < left else "---:" for at in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, rule, *cells))
