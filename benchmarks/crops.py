"""Boxes compared with whole frames: the learning curves on the same camera-trap frames, by seed.

    alframe detect pool=folder pool.root=FOLDER weights=zamba-2.7.2-py3-none-any.whl out=detections.json
    python -m benchmarks.crops --images FOLDER --detections detections.json --work FOLDER --out crops.json

FOLDER is `missouri-camtrap`: frames below `pool` and `test`, and a `labels.csv` with the boxes that people have drawn.
There are three views of each frame: the whole frame, the largest drawn box, and the most confident box of the detector.
As with `boxes.file`, a frame without a box stays whole. The set `animals` has the frames with a drawn box. The set
`all` has all frames, but not the view of drawn boxes, because these would show which frames are empty. Each seed holds
out other images: of other bursts (`bursts`), or any frames (`frames`). Each run is added to a file in the work folder,
and stored runs are not repeated.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alframe.builtins import REGISTRIES
from alframe.engine.embedding.embed_pool import cut_batches
from alframe.engine.embedding.embedder import embed_batches, make_embedder
from alframe.engine.listing.boxes import assign_boxes
from alframe.formats.detections import Detection
from alframe.formats.recognition import write_recognitions
from alframe.progress import track
from alframe.settings import Boxes
from alframe.types import Box, Floats, Item
from benchmarks.machine import describe, write_report
from benchmarks.real import BATCH, RECIPE
from benchmarks.strategies import compare, gather, run

WHOLE, DRAWN, DETECTED = "whole", "drawn", "detected"
STRATEGIES = ("uherding:auto", "random:auto:random")  # the second labels the same frames in all views


@dataclass(frozen=True)
class Frame:
    """A frame of the set, with the boxes that people have drawn in it, the largest first."""

    item: Item
    sequence: str
    drawn: tuple[Box, ...]


def read_frames(folder: Path) -> list[Frame]:
    """Return the frames that `labels.csv` lists; its boxes are centre and size."""
    frames = []
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            boxes = [Box(x - w / 2, y - h / 2, w, h) for x, y, w, h in json.loads(row["boxes_xywh_center_norm"])]
            boxes.sort(key=lambda box: -box.w * box.h)
            item = Item(row["file"], folder / row["file"], label=row["label"])
            frames.append(Frame(item, row["sequence"], tuple(boxes)))
    return frames


def views(frames: Sequence[Frame], detections: Path, work: Path) -> Iterator[tuple[str, list[Item]]]:
    """Yield the name of each view, and for each frame the part that is embedded."""
    items = [frame.item for frame in frames]
    yield WHOLE, items
    drawn = work / "drawn.json"
    largest = [(frame.item.id, [Detection("animal", 1.0, box) for box in frame.drawn[:1]]) for frame in frames]
    write_recognitions(drawn, largest, (), {"detector": "people"})
    for name, file in ((DRAWN, drawn), (DETECTED, detections)):
        yield name, assign_boxes(items, Boxes(file=str(file)))


def embed(items: Sequence[Item]) -> Floats:
    """Return the embeddings (n, D) of items by the default backbone."""
    embedder = make_embedder(REGISTRIES["backbone"].build(RECIPE), RECIPE, 0, "cpu")
    batches, _ = cut_batches([len(items)], BATCH)
    passed = embed_batches(embedder, items, batches, workers=0)
    found = [(batch.readable_rows, x) for batch, x in track(passed, "Embedding", total=len(batches), unit="batch")]
    assert [row for rows, _ in found for row in rows] == list(range(len(items))), "an image cannot be read"
    return np.concatenate([x for _, x in found])


def write_sets(frames: Sequence[Frame], detections: Path, work: Path) -> dict[str, int]:
    """Write the arrays of each view of each set for `benchmarks.strategies`; return numbers of images."""
    y = np.unique([frame.item.label or "" for frame in frames], return_inverse=True)[1]
    sequences = np.array([frame.sequence for frame in frames])
    has_animal = np.array([bool(frame.drawn) for frame in frames])
    counts = {"frames": len(frames), "animals": int(has_animal.sum()), "bursts": len(set(sequences))}
    for view, items in views(frames, detections, work):
        has_box = np.array([item.box is not None for item in items])
        counts[f"{view}_boxes_of_animals"] = int((has_box & has_animal).sum())
        counts[f"{view}_boxes_of_empty"] = int((has_box & ~has_animal).sum())
        x = embed(items)
        for place in ("frames", "bursts"):
            for name, rows in (("animals", has_animal), ("all", np.ones(len(frames), np.bool_))):
                if (name, view) != ("all", DRAWN):
                    arrays: dict[str, Any] = {"x": x[rows], "y": y[rows]}
                    arrays |= {"sequence": sequences[rows]} if place == "bursts" else {}
                    np.savez(work / f"{name}-{place}@{view}.npz", **arrays)
    return counts


def differences(sets: Mapping[str, Any]) -> dict[str, Any]:
    """Return the area of each view of boxes minus the area of the whole frames, in points."""
    found: dict[str, Any] = {}
    for name, by in sets.items():
        for strategy in STRATEGIES:
            for view in (DRAWN, DETECTED):
                if f"{view}:{strategy}" in by:
                    pair = by[f"{view}:{strategy}"], by[f"{WHOLE}:{strategy}"]
                    found.setdefault(name, {})[f"{view}:{strategy}"] = {
                        measure: compare(*pair, measure) for measure in ("accuracy", "macro_f1")
                    }
    return found


def main() -> None:
    import pandas as pd

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--detections", type=Path, required=True, help="what `alframe detect` has written")
    parser.add_argument("--work", type=Path, required=True, help="folder for embeddings and curves")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--budget", type=int, default=200)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    machine, counts, curves = describe(), options.work / "counts.json", options.work / "curves.csv"
    if not counts.exists():
        counted = write_sets(read_frames(options.images), options.detections, options.work)
        counts.write_text(json.dumps(counted), encoding="utf-8")
    found = [pd.read_csv(curves)] if curves.exists() else []
    done = {key for rows in found for key in rows[["set", "strategy", "seed"]].itertuples(index=False, name=None)}
    for seed in range(options.seeds):
        for file in sorted(options.work.glob("*@*.npz")):
            name, _, view = file.stem.partition("@")
            for strategy in STRATEGIES:
                if (name, f"{view}:{strategy}", seed) not in done:
                    rows = run(file, strategy, seed, options.budget, options.batch)
                    found.append(rows.assign(set=name, strategy=f"{view}:{strategy}"))
                    found[-1].to_csv(curves, mode="a", header=not curves.exists(), index=False)
    table = pd.concat(found)
    sets = gather(table[table.strategy.str.partition(":")[2].isin(STRATEGIES)])
    setting = {name: getattr(options, name) for name in ("seeds", "budget", "batch")}
    result = {"benchmark": "crops", "machine": machine, "setting": setting, "counts": json.loads(counts.read_text())}
    write_report(result | {"over_whole": differences(sets), "sets": sets}, options.out)


if __name__ == "__main__":
    main()
