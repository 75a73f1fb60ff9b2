"""Plan the bursts of the cameras, render their frames, and write these as files with their labels and detections."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from alframe.kit.files import write_json
from alframe.kit.progress import track
from alframe.kit.seeding import generator
from alframe.pools.camera_trap_scenes.animals import Pose
from alframe.pools.camera_trap_scenes.frames import FrameInfo, Visitor, position_for_height, render_frame
from alframe.pools.camera_trap_scenes.scenery import HABITATS, Scenery, paint_scenery
from alframe.types import Box

EMPTY = "empty"
COLUMNS = ("path", "label", "camera", "taken", "sequence", "split", "light")


@dataclass(frozen=True)
class Burst:
    """A burst of frames at a site; `species` None: no animal comes."""

    site: int
    camera: str
    species: str | None
    night: bool
    start: datetime
    frames: int
    number: int  # names the burst's own generator


def plan_bursts(parameters: Mapping[str, Any]) -> list[Burst]:
    """Return the bursts by site and time. Species and nights are divided evenly between pool and test."""
    rng = generator(parameters["seed"], "plan")
    sites = np.arange(parameters["bursts"]) % parameters["sites"]
    is_test = sites >= parameters["sites"] - parameters["test_sites"]
    bursts = []
    for numbers in (np.flatnonzero(~is_test), np.flatnonzero(is_test)):
        empties = round(parameters["empty"] * len(numbers))
        animals = [parameters["species"][i % len(parameters["species"])] for i in range(len(numbers) - empties)]
        visitors = rng.permutation(np.array([*animals, *[None] * empties], dtype=object))
        nights = rng.permutation(len(numbers)) < round(parameters["night"] * len(numbers))
        for number, visitor, night in zip(numbers.tolist(), visitors, nights.tolist(), strict=True):
            # A day of its own for each burst of a site keeps their times apart.
            day = datetime(2024, 3, 1) + timedelta(days=3 * (number // parameters["sites"]) + int(rng.integers(0, 3)))
            hour = (21 + float(rng.uniform(0, 8))) % 24 if night else float(rng.uniform(6.5, 19))
            start = day + timedelta(seconds=round(hour * 3600))
            site, frames = int(sites[number]), int(rng.integers(2, 6))
            bursts.append(Burst(site, f"site_{site + 1:02d}", visitor, night, start, frames, number))
    return sorted(bursts, key=lambda burst: (burst.site, burst.start))


def render_burst(burst: Burst, scenery: Scenery, seed: int) -> Iterator[tuple[Image.Image, FrameInfo, Box | None]]:
    """Yield the frames of one burst, with the box of the visible animal, which stands or walks."""
    rng = generator(seed, "burst", burst.number)
    x, facing, down = float(rng.uniform(0.2, 0.8)), int(rng.choice([-1, 1])), 0.5
    if burst.species:
        pixels = scenery.nearness.shape[0] * float(rng.uniform(0.07, 0.32))
        down = position_for_height(burst.species, pixels, scenery)
    walks = bool(rng.random() < 0.65)
    speed = float(rng.uniform(0.06, 0.2)) if walks else 0.0
    head_up = float(rng.uniform(-12, 14) if walks else rng.choice([-48.0, -30.0, 4.0, 16.0]))
    gait, turn = float(rng.uniform(0, 6)), float(rng.uniform(0.68, 1.0))
    celsius = int(rng.integers(-2, 14)) + (0 if burst.night else 9)
    if walks:
        x -= facing * speed * 0.8  # it set the camera off on its way through
    time = burst.start
    for frame in range(burst.frames):
        visitor = None
        if burst.species:
            frame_rng = generator(seed, "frame", burst.number, frame)
            nod = head_up + float(frame_rng.normal(0, 5))
            pose = Pose(gait + 1.7 * frame * walks, 0.26 if walks else 0.05, nod, turn, facing)
            visitor = Visitor(burst.species, pose, x, down)
        info = FrameInfo(burst.camera, time, f"{frame + 1}/{burst.frames}", celsius, burst.night)
        light, grain = generator(seed, "light", burst.number), generator(seed, "grain", burst.number, frame)
        image, box = render_frame(scenery, visitor, info, light, grain)
        yield image, info, box
        x += facing * speed
        time += timedelta(seconds=int(rng.integers(1, 3)))


def write_data_set(parameters: Mapping[str, Any], root: Path) -> None:
    """Write ``images/<site>/IMG_0001.JPG``, ``labels.csv`` and ``detections.json`` below `root`, site by site."""
    seed, (width, height) = parameters["seed"], parameters["size"]
    habitats = generator(seed, "habitats").permutation(len(HABITATS))
    rows: list[tuple[str, ...]] = []
    detections: list[dict[str, Any]] = []
    site, count = -1, 0
    for burst in track(plan_bursts(parameters), "Drawing camera-trap scenes", unit="burst"):
        if burst.site != site:
            site, count = burst.site, 0
            habitat = HABITATS[habitats[site % len(HABITATS)]]
            scenery = paint_scenery(habitat, (width, height), generator(seed, "site", site))
            (root / "images" / burst.camera).mkdir(parents=True)
        split = "test" if site >= parameters["sites"] - parameters["test_sites"] else "pool"
        sequence, light = f"{burst.camera}_{burst.start:%Y%m%d_%H%M%S}", "night" if burst.night else "day"
        for image, info, box in render_burst(burst, scenery, seed):
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
    times = (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized)
    exif.get_ifd(ExifTags.IFD.Exif).update(dict.fromkeys(times, time))
    return exif
