"""Drawn camera-trap pictures: sites, bursts, nights and empties with a known truth, and no download."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from alframe.errors import BadParams
from alframe.kit.generated_images import ensure_generated
from alframe.kit.image_paths import absolute_path
from alframe.pools.camera_trap_scenes.animals import ANIMALS, Pose
from alframe.pools.camera_trap_scenes.frames import Exposure, Visitor, down_for, expose
from alframe.pools.camera_trap_scenes.scenery import HABITATS, Place, place
from alframe.progress import track
from alframe.registry import did_you_mean
from alframe.seeding import generator
from alframe.store.files import write_json
from alframe.types import Box, Item

DRAWING = 1  # raised when the same parameters give other pictures, so that old folders are made anew
EMPTY = "empty"
SPECIES = tuple(ANIMALS)
COLUMNS = ("path", "label", "camera", "taken", "sequence", "split", "light")


class CameraTrapScenes:
    """Camera-trap-like pictures that are drawn on first use, with EXIF, labels and detections beside them.

    `root` gets ``images/<site>/IMG_0001.JPG``, ``labels.csv`` (the truth) and ``detections.json`` (MegaDetector format
    1.5). There are `bursts` bursts of 2-5 frames in all, spread over `sites` sites, each with a background of its own;
    the shares `empty` and `night` of them have no animal and infrared light. An animal that walks out of view leaves
    empty frames too. The last `test_sites` sites are the test split. The same parameters give the same pictures;
    others have `root` made anew.
    """

    synthetic = True

    def __init__(
        self,
        root: str | Path,
        sites: int = 8,
        test_sites: int = 2,
        bursts: int = 60,
        species: Sequence[str] = SPECIES,
        empty: float = 0.35,
        night: float = 0.4,
        size: Sequence[int] = (640, 480),
        seed: int = 0,
    ) -> None:
        for name in species:
            if name not in SPECIES:
                hint = did_you_mean(name, list(SPECIES))
                raise BadParams(f"pool.species: there is no '{name}'.{hint} Known: {', '.join(SPECIES)}.")
        rules = {
            "test_sites must be from 0 to below sites": 0 <= test_sites < sites,
            "bursts must be at least the number of sites": bursts >= sites,
            "species must name at least one, each once": len(set(species)) == len(species) > 0,
            "empty and night must be from 0 to 1": 0 <= empty <= 1 and 0 <= night <= 1,
            "size must be [width, height], from 160 x 120": len(size) == 2 and size[0] >= 160 and size[1] >= 120,
        }
        for rule, kept in rules.items():
            if not kept:
                raise BadParams(f"pool.{rule}.")
        self.root = Path(root)
        self.recipe: dict[str, Any] = {
            "pool": "camera_trap_scenes",
            "drawing": DRAWING,
            "sites": sites,
            "test_sites": test_sites,
            "bursts": bursts,
            "species": list(species),
            "empty": empty,
            "night": night,
            "size": list(size),
            "seed": seed,
        }

    def items(self) -> Iterator[Item]:
        """All frames by site and time; raises PoolError if `root` cannot be written or holds other files."""
        root = absolute_path(self.root)
        ensure_generated(root, self.recipe, partial(_write, self.recipe))
        detections = json.loads((root / "detections.json").read_text(encoding="utf-8"))
        boxes = {image["file"]: image["detections"] for image in detections["images"]}
        with (root / "labels.csv").open(encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                found = boxes[row["path"]]
                yield Item(
                    id=row["path"],
                    path=root / row["path"],
                    label=row["label"],
                    split="test" if row["split"] == "test" else "pool",
                    camera=row["camera"],
                    taken=datetime.fromisoformat(row["taken"]),
                    sequence=row["sequence"],
                    box=Box(*found[0]["bbox"]) if found else None,
                    meta={"light": row["light"]},
                )


@dataclass(frozen=True)
class _Burst:
    site: int
    species: str | None
    night: bool
    start: datetime
    frames: int
    number: int  # names the burst's own generator


def _plan(recipe: dict[str, Any]) -> list[_Burst]:
    """Who comes where and when, by site and time; species and nights are spread evenly over pool and test."""
    rng = generator(recipe["seed"], "plan")
    sites = np.arange(recipe["bursts"]) % recipe["sites"]
    bursts = []
    for members in (sites < recipe["sites"] - recipe["test_sites"], sites >= recipe["sites"] - recipe["test_sites"]):
        numbers = np.flatnonzero(members)
        empties = round(recipe["empty"] * len(numbers))
        animals = [recipe["species"][i % len(recipe["species"])] for i in range(len(numbers) - empties)]
        visitors = rng.permutation(np.array([*animals, *[None] * empties], dtype=object))
        nights = rng.permutation(len(numbers)) < round(recipe["night"] * len(numbers))
        for number, visitor, night in zip(numbers.tolist(), visitors, nights.tolist(), strict=True):
            # A day of its own for each burst of a site keeps their times apart.
            day = datetime(2024, 3, 1) + timedelta(days=3 * (number // recipe["sites"]) + int(rng.integers(0, 3)))
            hour = (21 + float(rng.uniform(0, 8))) % 24 if night else float(rng.uniform(6.5, 19))
            start = day + timedelta(seconds=round(hour * 3600))
            bursts.append(_Burst(int(sites[number]), visitor, night, start, int(rng.integers(2, 6)), number))
    return sorted(bursts, key=lambda burst: (burst.site, burst.start))


def _write(recipe: dict[str, Any], root: Path) -> None:
    seed, bursts = recipe["seed"], _plan(recipe)
    habitats = generator(seed, "habitats").permutation(len(HABITATS))
    rows: list[tuple[str, ...]] = []
    images: list[dict[str, Any]] = []
    site, taken = -1, 0
    for burst in track(bursts, "Drawing camera-trap scenes", unit="burst"):
        if burst.site != site:
            site, taken = burst.site, 0
            habitat = HABITATS[habitats[site % len(HABITATS)]]
            here = place(habitat, (recipe["size"][0], recipe["size"][1]), generator(seed, "site", site))
            (root / "images" / _camera(site)).mkdir(parents=True)
        for image, exposure, box in _shoot(burst, here, seed):
            taken += 1
            name = f"images/{exposure.camera}/IMG_{taken:04d}.JPG"
            image.save(root / name, "JPEG", quality=88, exif=_exif(exposure.taken))
            label = burst.species if burst.species and box else EMPTY
            split = "test" if site >= recipe["sites"] - recipe["test_sites"] else "pool"
            when, sequence = exposure.taken.isoformat(), f"{exposure.camera}_{burst.start:%Y%m%d_%H%M%S}"
            rows.append((name, label, exposure.camera, when, sequence, split, "night" if burst.night else "day"))
            images.append({"file": name, "detections": [_detection(box)] if box else []})
    with (root / "labels.csv").open("w", encoding="utf-8", newline="") as text:
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    info = {"format_version": "1.5", "detector": "truth of alframe's camera_trap_scenes"}
    write_json(root / "detections.json", {"info": info, "detection_categories": {"1": "animal"}, "images": images})


def _shoot(burst: _Burst, here: Place, seed: int) -> Iterator[tuple[Image.Image, Exposure, Box | None]]:
    """The frames of one burst: the animal stands, or walks on from frame to frame."""
    rng = generator(seed, "burst", burst.number)
    x, facing, down = float(rng.uniform(0.2, 0.8)), int(rng.choice([-1, 1])), 0.5
    if burst.species:
        down = down_for(burst.species, here.near.shape[0] * float(rng.uniform(0.07, 0.32)), here)
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
            own = generator(seed, "frame", burst.number, frame)
            nod = head_up + float(own.normal(0, 5))
            stride = 0.26 if walks else 0.05
            pose = Pose(gait + 1.7 * frame * walks, stride, nod, turn, facing)
            visitor = Visitor(burst.species, pose, x, down)
        exposure = Exposure(_camera(burst.site), time, f"{frame + 1}/{burst.frames}", celsius, burst.night)
        light, grain = generator(seed, "light", burst.number), generator(seed, "grain", burst.number, frame)
        image, box = expose(here, visitor, exposure, light, grain)
        yield image, exposure, box
        x += facing * speed
        time += timedelta(seconds=int(rng.integers(1, 3)))


def _camera(site: int) -> str:
    return f"site_{site + 1:02d}"


def _exif(taken: datetime) -> Image.Exif:
    exif, text = Image.Exif(), f"{taken:%Y:%m:%d %H:%M:%S}"
    exif[ExifTags.Base.ImageDescription] = "Drawn, not photographed"
    exif[ExifTags.Base.Make] = "alframe"
    exif[ExifTags.Base.Model] = "camera_trap_scenes"
    exif[ExifTags.Base.DateTime] = text
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {ExifTags.Base.DateTimeOriginal: text, ExifTags.Base.DateTimeDigitized: text}
    )
    return exif


def _detection(box: Box) -> dict[str, Any]:
    return {"category": "1", "conf": 0.95, "bbox": [box.x, box.y, box.w, box.h]}
