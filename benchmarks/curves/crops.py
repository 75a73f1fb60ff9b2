"""The part of the page about boxes: how much faster a model learns from them than from whole frames."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alframe.comparison.statistics import Interval, mean_interval
from benchmarks.strategies import area, common_rows

WHOLE, DRAWN, DETECTED = "whole", "drawn", "detected"
ABOUT = {
    "animals-frames": "frames with an animal, tested on other frames of the same bursts",
    "animals-bursts": "frames with an animal, tested on other bursts",
    "all-frames": "all frames, tested on other frames of the same bursts",
    "all-bursts": "all frames, tested on other bursts",
}
REASONS = {
    "frames": "The likely reason is the background: it tells which burst a frame is from, and the burst tells "
    "the species. This result is for a pool in which most bursts get a label.",
    "bursts": "This result is for a model that is used on new bursts.",
}
MEASURES = ("accuracy", "macro_f1")


def crops_section(folder: Path) -> str:
    """Return the section about boxes, from the newest results of `benchmarks.crops`, or "" without results."""
    file = max(folder.glob("*-crops.json"), default=None)
    return "" if file is None else text_of_crops(json.loads(file.read_text(encoding="utf-8")), file.name)


def text_of_crops(result: Mapping[str, Any], source: str) -> str:
    """Return the section in Markdown."""
    lines = [
        _head(result, source),
        "",
        "| images | strategy | accuracy, whole frames | drawn boxes | detected boxes | macro-F1, whole frames | drawn "
        "boxes | detected boxes |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, by in sorted(result["sets"].items(), key=lambda pair: list(ABOUT).index(pair[0])):
        for strategy in (key.removeprefix(f"{WHOLE}:") for key in by if key.startswith(WHOLE)):
            cells = [cell for measure in MEASURES for cell in _cells(by, strategy, measure)]
            lines.append(f"| {ABOUT[name]} | `{strategy}` | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *map(_verdict, ("frames", "bursts"), 2 * [result["sets"]])])


def _head(result: Mapping[str, Any], source: str) -> str:
    counts, setting = result["counts"], result["setting"]
    found = counts["detected_boxes_of_animals"]
    return (
        "## Boxes or whole frames\n\nThis section compares `boxes.file` with whole frames on camera traps. The "
        f"results are in `{source}`. The {counts['frames']} frames of {counts['bursts']} bursts come from "
        f"`missouri-camtrap`. People have drawn boxes in {counts['animals']} of them, and the others are empty. *Drawn "
        "boxes*: each run uses the largest of these boxes in each frame. *Detected boxes*: the detector "
        "MegaDetectorLite gives each box a confidence, and each run uses the box with the highest confidence in each "
        "frame. [`alframe "
        "detect`](https://github.com/alframe/alframe/blob/main/plugins/alframe-megadetector/README.md) ran this "
        f"detector at its usual threshold. It found a box in {found} of the {counts['animals']} frames with an animal, "
        f"and in {counts['detected_boxes_of_empty']} of the {counts['frames'] - counts['animals']} empty frames. A "
        "frame without a detected box is used as a whole. The rows *all frames* include the empty frames. They show "
        "no results for drawn boxes, because these boxes would tell the model which frames are empty.\n\nAll runs go "
        f"from 20 labels to {setting['budget']} in batches of {setting['batch']}, with the head `auto` and "
        f"{setting['seeds']} seeds. Each seed tests on a different fifth of the frames, or of the bursts. With the "
        "same seed, all runs have the same test frames. With `random:auto:random` (the sampler `random`, the head "
        "`auto`, and first labels chosen by `random`), all runs also have the same labelled frames. With "
        "`uherding:auto`, the labelled frames differ, because the sampler and the choice of the first labels use the "
        "embeddings. Two columns of the table show the area under the curve with whole frames, in per cent. The other "
        "columns show the area with boxes minus the area with whole frames, paired by seed, with Student's 95 % "
        "interval. A number is **bold** if its whole interval is above 0, or if its whole interval is below 0."
    )


def _verdict(place: str, sets: Mapping[str, Any]) -> str:
    """Return a sentence with the numbers of significant gains and losses by boxes."""
    found = [
        _difference(by, key, measure)
        for name, by in sets.items()
        if name.endswith(place)
        for key in by
        if key.startswith((f"{DRAWN}:", f"{DETECTED}:"))
        for measure in MEASURES
    ]
    better, worse = (sum(getattr(each, side) for each in found) for side in ("is_above_zero", "is_below_zero"))
    undecided = len(found) - better - worse
    return (
        f"- In tests on other {'frames of the same bursts' if place == 'frames' else place}, boxes are better in "
        f"{better} of {len(found)} comparisons, and worse in {worse}. "
        f"{f'In the other {undecided}, the interval contains 0. ' if undecided else ''}{REASONS[place]}"
    )


def _cells(by: Mapping[str, Any], strategy: str, measure: str) -> list[str]:
    whole = by[f"{WHOLE}:{strategy}"]
    own = mean_interval(area(np.array(whole[measure], np.float64), np.array(whole["labels"], np.float64)))
    cells = [f"{own.mean:.1f} ± {(own.high - own.low) / 2:.1f}"]
    for view in (DRAWN, DETECTED):
        if f"{view}:{strategy}" not in by:
            cells.append("–")
            continue
        cells.append(_gain(_difference(by, f"{view}:{strategy}", measure)))
    return cells


def _difference(by: Mapping[str, Any], key: str, measure: str) -> Interval:
    """Return the area of a view and strategy minus that of whole frames with the same strategy."""
    ours, theirs, labels = common_rows(by[key], by[f"{WHOLE}:{key.partition(':')[2]}"], measure)
    return mean_interval(area(ours, labels) - area(theirs, labels))


def _gain(found: Interval) -> str:
    text = f"{found.mean:+.1f} [{found.low:+.1f}, {found.high:+.1f}]"
    return f"**{text}**" if found.is_above_zero or found.is_below_zero else text
