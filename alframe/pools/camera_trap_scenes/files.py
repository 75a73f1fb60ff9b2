"""Write the drawn pictures as files, with their labels and detections."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from alframe.kit.files import write_json
from alframe.kit.progress import track
from alframe.kit.seeding import generator
from alframe.pools.camera_trap_scenes.bursts import plan_bursts, shoot
from alframe.pools.camera_trap_scenes.scenery import HABITATS, paint_scenery

EMPTY = "empty"
COLUMNS = ("path", "label", "camera", "taken", "sequence", "split", "light")


def write_images(recipe: Mapping[str, Any], root: Path) -> None:
    """Write ``images/<site>/IMG_0001.JPG``, ``labels.csv`` and ``detections.json`` below `root`, site by site."""
    seed = recipe["seed"]
    habitats = generator(seed, "habitats").permutation(len(HABITATS))
    rows: list[tuple[str, ...]] = []
    detections: list[dict[str, Any]] = []
    site, count = -1, 0
    for burst in track(plan_bursts(recipe), "Drawing camera-trap scenes", unit="burst"):
        if burst.site != site:
            site, count = burst.site, 0
            habitat = HABITATS[habitats[site % len(HABITATS)]]
            scenery = paint_scenery(habitat, (recipe["size"][0], recipe["size"][1]), generator(seed, "site", site))
            (root / "images" / burst.camera).mkdir(parents=True)
        split = "test" if site >= recipe["sites"] - recipe["test_sites"] else "pool"
        sequence, light = f"{burst.camera}_{burst.start:%Y%m%d_%H%M%S}", "night" if burst.night else "day"
        for image, info, box in shoot(burst, scenery, seed):
            count += 1
            name = f"images/{burst.camera}/IMG_{count:04d}.JPG"
            image.save(root / name, "JPEG", quality=88, exif=_exif(info.taken))
            label = burst.species if burst.species and box else EMPTY
            rows.append((name, label, burst.camera, info.taken.isoformat(), sequence, split, light))
            boxes = [{"category": "1", "conf": 0.95, "bbox": [box.x, box.y, box.w, box.h]}] if box else []
            detections.append({"file": name, "detections": boxes})
    with (root / "labels.csv").open("w", encoding="utf-8", newline="") as text:
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    info_entry = {"format_version": "1.5", "detector": "truth of alframe's camera_trap_scenes"}
    content = {"info": info_entry, "detection_categories": {"1": "animal"}, "images": detections}
    write_json(root / "detections.json", content)


def _exif(taken: datetime) -> Image.Exif:
    exif, time = Image.Exif(), f"{taken:%Y:%m:%d %H:%M:%S}"
    exif[ExifTags.Base.ImageDescription] = "Drawn, not photographed"
    exif[ExifTags.Base.Make] = "alframe"
    exif[ExifTags.Base.Model] = "camera_trap_scenes"
    exif[ExifTags.Base.DateTime] = time
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {ExifTags.Base.DateTimeOriginal: time, ExifTags.Base.DateTimeDigitized: time}
    )
    return exif
