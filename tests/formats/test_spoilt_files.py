"""Whatever bytes are in another program's file, it is read or refused in words; nothing else comes out."""

from __future__ import annotations

import copy
import gzip
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alframe.builtins import REGISTRIES
from alframe.data.decode import ImageFile
from alframe.data.viewing import open_for_viewing
from alframe.errors import AlframeError, FormatError, PoolError
from alframe.formats.arrays import find_array
from alframe.formats.detections.read import read_detections
from alframe.formats.times import read_exif_time
from alframe.types import InputSpec

CELLS = (
    b'"',
    b"\n",
    b"\r",
    b",",
    b";",
    b"\t",
    b"\0",
    b"\xff\xfe",
    b"x" * 200_000,
    b"1e999",
    b"nan",
    b"",
    b"\xe2\x80\xae",
)
VALUES = (None, True, -1, 1e300, float("nan"), "", "1e999", [], [1], {}, 10**30, "\x00", "a" * 3000, "../../x", [[[]]])
COCO = {
    "images": [{"id": n, "file_name": f"{n}.jpg", "width": 8, "height": 8, "datetime": "2024-01-01"} for n in range(4)],
    "annotations": [{"id": n, "image_id": n, "category_id": n % 2, "bbox": [0, 0, 4, 4]} for n in range(4)],
    "categories": [{"id": 0, "name": "fox"}, {"id": 1, "name": "deer"}],
}
MEGADETECTOR = {
    "info": {"detector": "md_v5a", "format_version": "1.4"},
    "detection_categories": {"1": "animal"},
    "classification_categories": {"0": "fox"},
    "images": [
        {
            "file": "0.jpg",
            "detections": [{"category": "1", "conf": 0.9, "bbox": [0, 0, 1, 1], "classifications": [["0", 1]]}],
        }
    ],
}
SPECIESNET = {
    "predictions": [{"filepath": "0.jpg", "detections": [], "prediction": "x;y;fox", "prediction_score": 0.9}]
}
PACKAGE = {"resources": [{"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")]}
TABLES = {
    "deployments": "deploymentID,locationID\nd1,hill\n",
    "media": "mediaID,deploymentID,timestamp,filePath,fileMediatype\nm0,d1,2024-05-31T00:00:00Z,0.jpg,image/jpeg\n",
    "observations": "deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,scientificName,"
    "classificationMethod\nd1,m0,,,,media,animal,fox,human\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of each format, and the images that they list."""
    folder = tmp_path_factory.mktemp("formats")
    for number in range(4):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003], exif[0x0112] = "2024:05:01 10:00:00", 6
        picture = Image.fromarray(np.random.default_rng(number).integers(0, 255, (8, 9, 3), dtype=np.uint8))
        picture.save(folder / f"{number}.jpg", exif=exif.tobytes())
    picture.save(folder / "p.png")
    picture.save(folder / "p.webp")
    picture.save(folder / "p.tif", compression="tiff_lzw")
    np.save(folder / "p.npy", np.zeros((5, 9, 9), np.float32))
    for name, data in {
        "coco": COCO,
        "megadetector": MEGADETECTOR,
        "speciesnet": SPECIESNET,
        "datapackage": PACKAGE,
    }.items():
        (folder / f"{name}.json").write_text(json.dumps(data))
    for name, text in TABLES.items():
        (folder / f"{name}.csv").write_text(text)
    (folder / "list.csv").write_text("path,label\n0.jpg,fox\n1.jpg,deer\n")
    np.savez_compressed(folder / "set.npz", x=np.zeros((4, 8, 8, 3), np.uint8))
    with gzip.open(folder / "x.gz", "wb") as file:
        file.write(b"\0\0\x08\x03" + b"".join(size.to_bytes(4, "big") for size in (4, 8, 8)) + bytes(256))
    return folder


def items(pool: str, **parameters: object) -> object:
    return list(REGISTRIES["pool"].build({"name": pool, **parameters}).items())


def rows(file: Path) -> object:
    return [len(chunk) for chunk in find_array(file, "x").read_from(0)]


def picture(file: Path) -> object:
    ImageFile(file).decode(InputSpec(32, (0.5,) * 3, (0.5,) * 3), None)
    read_exif_time(file)
    return open_for_viewing(file, side=16)


READERS: dict[str, Callable[[Path], object]] = {
    "coco.json": lambda file: items("coco", file=file, root=file.parent),
    "list.csv": lambda file: items("csv", file=file, root=file.parent, label_column="label"),
    **{
        name: lambda file: items("camtrap_dp", folder=file.parent, root=file.parent)
        for name in ("datapackage.json", *(f"{table}.csv" for table in TABLES))
    },
    "megadetector.json": read_detections,
    "speciesnet.json": read_detections,
    "set.npz": rows,
    "x.gz": lambda file: rows(file.parent),
    **dict.fromkeys(("0.jpg", "p.png", "p.webp", "p.tif", "p.npy"), picture),
}


def alter(data: Any, dice: random.Random) -> Any:
    """Return a copy in which one member, however deep, is another value, or is gone."""
    places: list[tuple[Any, Any]] = []

    def collect(value: Any) -> None:
        members = list(
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, member in members:
            places.append((value, key))
            collect(member)

    collect(data := copy.deepcopy(data))
    inner, key = dice.choice(places)
    if dice.random() < 0.2:
        del inner[key]
    else:
        inner[key] = dice.choice(VALUES)
    return data


def spoil(name: str, data: bytes, dice: random.Random) -> bytes:
    if name.endswith(".json") and dice.random() < 0.7:
        return json.dumps(alter(json.loads(data), dice)).encode()
    spoilt = bytearray(data)
    if name.endswith(".csv") and dice.random() < 0.5:
        at = dice.randrange(len(spoilt))
        spoilt[at : at + dice.choice([0, 1, 5])] = dice.choice(CELLS)
        return bytes(spoilt)
    for _ in range(dice.choice([1, 1, 4, 40])):
        spoilt[dice.randrange(len(spoilt) if dice.random() < 0.6 else min(len(spoilt), 200))] = dice.randrange(256)
    return bytes(spoilt[: dice.randrange(len(spoilt))] if dice.random() < 0.15 else spoilt)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("times", [40, pytest.param(2_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(READERS))
def test_spoilt_bytes_are_read_or_worded(name: str, times: int, folder: Path, tmp_path: Path) -> None:
    dice, copied = random.Random(name), shutil.copytree(folder, tmp_path / "copy")
    READERS[name](copied / name)
    for _ in range(times):
        (copied / name).write_bytes(spoil(name, (folder / name).read_bytes(), dice))
        try:
            READERS[name](copied / name)
        except AlframeError as error:
            assert len(str(error)) > 20


@pytest.mark.parametrize("path", ["../media.csv", "/dev/zero", "a/../../media.csv", "media\0.csv"])
def test_a_package_names_no_file_outside_it(path: str, folder: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(folder, tmp_path / "package")
    resources = [{"name": "media", "path": path}]
    (copied / "datapackage.json").write_text(json.dumps({"resources": resources}))
    with pytest.raises((FormatError, PoolError), match=r"not in the package\. Correct the path in datapackage\.json"):
        items("camtrap_dp", folder=copied, root=copied)


def test_an_array_that_its_file_cannot_hold_takes_no_memory(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "x.gz", "wb") as file:
        file.write(b"\0\0\x08\x03" + b"\x70\0\0\0" * 3)
    with pytest.raises(FormatError, match="but the file is too small for this"):
        rows(tmp_path)
