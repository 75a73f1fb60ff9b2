"""A model that somebody has altered, or a disk has spoilt, is refused in words, or it is the same model."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from alframe.builtins import REGISTRIES
from alframe.engine.embedding.embedder import make_embedder
from alframe.engine.model import Model, load_model
from alframe.errors import AlframeError, StoreError
from tests.each import check_each

RECIPE = {"name": "timm", "model": "test_resnet", "pretrained": False, "size": 32, "dim": 16}
OTHER_VALUES = (None, True, -1, "x", ["x", "x"], {"name": []})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    embedder = make_embedder(REGISTRIES["backbone"].build(RECIPE), RECIPE, seed=7, device="cpu")
    head = REGISTRIES["head"].build({"name": "linear"})
    rng = np.random.default_rng(0)
    head.fit(rng.normal(size=(30, 16)).astype(np.float32), rng.integers(3, size=30), 3, rng)
    folder = tmp_path_factory.mktemp("saved") / "model"
    Model(embedder, head, ("badger", "füchse", "hare"), RECIPE, {"name": "linear"}).save(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return shutil.copytree(saved, tmp_path / "model")


def alterations(data: Any) -> Iterator[tuple[str, Any]]:
    """Yield copies in which one member, however deep, is gone or something else."""

    def places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, member in members:
            yield (*path, key)
            yield from places(member, (*path, key))

    for *path, last in places(data, ()):
        for change in ("removed", *OTHER_VALUES):
            altered = copy.deepcopy(data)
            inner = altered
            for key in path:
                inner = inner[key]
            if change == "removed":
                del inner[last]
            else:
                inner[last] = change
            yield f"{'.'.join(map(str, (*path, last)))} {change}", altered


def predict_anything(model: Model) -> np.ndarray:
    return model.head.probs(np.ones((2, model.embedder.dim), np.float32))


def test_no_alteration_of_the_description_passes(folder: Path, saved: Path) -> None:
    whole = json.loads((saved / "model.json").read_text("utf-8"))
    original, refused, passed = load_model(saved), 0, []

    def check(name: str, data: Any) -> None:
        nonlocal refused
        (folder / "model.json").write_text(json.dumps(data), encoding="utf-8")
        try:
            model = load_model(folder)
        except AlframeError as error:
            refused += 1
            assert len(str(error)) < 600, error
            return
        passed.append(name)
        assert model.embedder.network_digest == original.embedder.network_digest
        np.testing.assert_array_equal(predict_anything(model), predict_anything(original))

    check_each(alterations(whole), check)
    assert refused > 120
    # What names no class, changes no prediction and was never compared with anything.
    harmless = ("alframe", "classes.", "head_checksum", "preprocessing.value_range", "head.", "format 1", "format True")
    assert not [name for name in passed if not name.startswith(harmless)], passed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe{\x00}\x00", "can't decode byte"),
        (b"[" * 10_000, "maximum recursion depth"),
        (b"[]", "not an object"),
        (b'{"format": NaN}', "NaN is not a number in JSON"),
        (b'{"format": 1' + b" " * 11_000_000 + b"}", "larger than"),
        (b'{"format": ' + b"9" * 5000 + b"}", "Exceeds the limit"),
    ],
)
def test_a_description_that_is_none(text: bytes, said: str, folder: Path) -> None:
    (folder / "model.json").write_bytes(text)
    with pytest.raises(StoreError, match=rf"model\.json is damaged: .*{said}.*Export the model again"):
        load_model(folder)


def test_repeated_classes_other_classes_and_other_weights(folder: Path) -> None:
    whole = json.loads((folder / "model.json").read_text("utf-8"))
    for change, said in {
        ("classes", ("hare", "fox", "hare")): "has 'hare' more than once",
        ("classes", ("hare", "fox")): "the head knows 3 classes, but model.json names 2",
        ("fingerprint", "0" * 32): "were changed after the export",
        ("head_checksum", "0" * 32): "head.safetensors is not the exported file",
    }.items():
        (folder / "model.json").write_text(json.dumps({**whole, change[0]: change[1]}), encoding="utf-8")
        with pytest.raises(StoreError, match=said):
            load_model(folder)


def test_a_model_of_before_there_was_a_checksum_is_taken_unless_its_head_gives_no_numbers(folder: Path) -> None:
    data = json.loads((folder / "model.json").read_text("utf-8"))
    del data["head_checksum"]
    (folder / "model.json").write_text(json.dumps(data), encoding="utf-8")
    load_model(folder)
    arrays = load_file(folder / "head.safetensors")
    for change in (
        {"weight": arrays["weight"] * np.nan},
        {"weight": arrays["weight"][:, :5]},
        {"bias": arrays["mean"]},
    ):
        save_file({**arrays, **change}, folder / "head.safetensors")
        with pytest.raises(StoreError, match=r"does not fit the head.*Export the model again"):
            load_model(folder)


@pytest.mark.parametrize("name", ["backbone.safetensors", "head.safetensors"])
@pytest.mark.parametrize("times", [25, pytest.param(1000, marks=pytest.mark.slow)])
def test_no_flipped_bit_passes(name: str, times: int, folder: Path) -> None:
    dice, data = random.Random(times), (folder / name).read_bytes()
    header = 8 + int.from_bytes(data[:8], "little")
    for round in range(times):
        spoilt = bytearray(data)
        spoilt[dice.randrange(8 if round % 3 == 0 else header if round % 3 == 1 else len(data))] ^= 1 << dice.randrange(
            8
        )
        (folder / name).write_bytes(spoilt)
        with pytest.raises(StoreError):
            load_model(folder)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
@pytest.mark.parametrize("name", ["model.json", "backbone.safetensors", "head.safetensors"])
def test_a_link_out_of_the_folder_hangs_nothing(name: str, folder: Path) -> None:
    for target in ("/dev/zero", "/nowhere", str(folder.parent), name):
        (folder / name).unlink()
        (folder / name).symlink_to(target)
        with pytest.raises(StoreError):
            load_model(folder)
