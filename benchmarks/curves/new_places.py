"""The part of the page about new places: the default, compared with others at each number of labels."""

from __future__ import annotations

from alframe.comparison.statistics import Interval, mean_interval
from benchmarks.curves.needed import DEFAULT, RANDOM, RANDOM_START, SAME, Sets
from benchmarks.strategies import common_rows

BURSTS = "missouri"  # how the names of the sets begin that have bursts
NEW_PLACES = f"{BURSTS}-camtrap-bursts"  # and of those that test on other bursts


def table_of_new_places(sets: Sets) -> str:
    """Return the table in Markdown, or "" if no such set was run."""
    pairs = [
        (name, other)
        for name, by in sets.items()
        if name.startswith(NEW_PLACES)
        for other in (RANDOM_START, RANDOM, SAME)
        if other in by
    ]
    cells = {(*pair, measure): _gains(sets, *pair, measure) for pair in pairs for measure in ("accuracy", "macro_f1")}
    if not cells:
        return ""
    labels = sorted({count for found in cells.values() for count in found})
    lines = [
        "The table shows the default minus another strategy at each number of labels, in points, on test images of "
        "other bursts. Most of these bursts are at other places. A number is **bold** if its whole 95 % interval is "
        "above 0, or if its whole interval is below 0.",
        "",
        f"| set | measure | minus | {' | '.join(map(str, labels))} |",
        f"| --- | --- | --- |{' ---: |' * len(labels)}",
    ]
    for (name, other, measure), found in cells.items():
        shown = " | ".join(_mark(found[count]) if count in found else "–" for count in labels)
        lines.append(f"| {name} | {measure.replace('_f1', '-F1')} | `{other}` | {shown} |")
    return "\n".join(lines)


def _gains(sets: Sets, name: str, other: str, measure: str) -> dict[int, Interval]:
    """Return the gain of the default over `other` at each number of labels that both have."""
    ours, theirs, labels = common_rows(sets[name][DEFAULT], sets[name][other], measure)
    gains = 100 * (ours - theirs).T
    return {int(count): mean_interval(each) for count, each in zip(labels, gains, strict=True)}


def _mark(gain: Interval) -> str:
    text = f"{gain.mean:+.1f}"
    return f"**{text}**" if gain.is_above_zero or gain.is_below_zero else text
