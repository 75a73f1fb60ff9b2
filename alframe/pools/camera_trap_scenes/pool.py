"""Read drawn camera-trap pictures: sites, bursts, nights and empty frames with known classes, without a download."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from pathlib import Path

from alframe.errors import BadParams
from alframe.kit.generated_images import ensure_generated
from alframe.kit.image_paths import absolute_path
from alframe.kit.parameters import did_you_mean, require_parameter
from alframe.pools.camera_trap_scenes.animals import ANIMALS
from alframe.pools.camera_trap_scenes.files import write_data_set
from alframe.types import Box, Item

DRAWING_VERSION = 1  # raised when the same parameters give other pictures, so that old folders are written again
SPECIES = tuple(ANIMALS)


@dataclass
class CameraTrapScenes:
    """List drawn pictures that look like those of camera traps. They have EXIF, labels and detections.

    The pictures are drawn on first use. `root` gets ``images/<site>/IMG_0001.JPG``, ``labels.csv`` (the true classes)
    and ``detections.json`` (MegaDetector format 1.5). Each burst has 2 to 5 frames. An animal that walks out of view
    leaves empty frames too. The same parameters give the same pictures. With other parameters, all files in `root` are
    generated again.
    """

    synthetic = True

    root: str | Path
    sites: int = 8
    test_sites: int = 2
    bursts: int = 60
    species: Sequence[str] = SPECIES
    empty: float = 0.35
    night: float = 0.4
    size: Sequence[int] = (640, 480)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.species:
            if name not in SPECIES:
                hint = did_you_mean(name, list(SPECIES))
                raise BadParams(f"pool.species: there is no '{name}'.{hint} Known: {', '.join(SPECIES)}.")
        part, size, species = "pool 'camera_trap_scenes'", list(self.size), list(self.species)
        require_parameter(part, len(set(species)) == len(species) > 0, "at least one, each once", species=species)
        is_below = 0 <= self.test_sites < self.sites
        require_parameter(part, is_below, "from 0 to below sites", test_sites=self.test_sites, sites=self.sites)
        is_enough = self.bursts >= self.sites
        require_parameter(part, is_enough, "at least the number of sites", bursts=self.bursts, sites=self.sites)
        require_parameter(part, 0 <= self.empty <= 1, "from 0 to 1", empty=self.empty)
        require_parameter(part, 0 <= self.night <= 1, "from 0 to 1", night=self.night)
        is_large = len(size) == 2 and size[0] >= 160 and size[1] >= 120
        require_parameter(part, is_large, "[width, height], from 160 x 120", size=size)
        settings = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "root"}
        settings |= {"size": size, "species": species}
        self.parameters = {"pool": "camera_trap_scenes", "drawing": DRAWING_VERSION, **settings}

    def items(self) -> Iterator[Item]:
        """Yield all frames by site and time; raises PoolError if `root` cannot be written or holds other files."""
        root = absolute_path(self.root)
        ensure_generated(root, self.parameters, partial(write_data_set, self.parameters))
        images = json.loads((root / "detections.json").read_text(encoding="utf-8"))["images"]
        detections = {image["file"]: image["detections"] for image in images}
        with (root / "labels.csv").open(encoding="utf-8", newline="") as text:
            for row in csv.DictReader(text):
                of_image = detections[row["path"]]
                yield Item(
                    id=row["path"],
                    path=root / row["path"],
                    label=row["label"],
                    split="test" if row["split"] == "test" else "pool",
                    camera=row["camera"],
                    taken=datetime.fromisoformat(row["taken"]),
                    sequence=row["sequence"],
                    box=Box(*of_image[0]["bbox"]) if of_image else None,
                    meta={"light": row["light"]},
                )
