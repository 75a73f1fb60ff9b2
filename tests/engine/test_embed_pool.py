"""Each image is read once, as long as it stays what it is; bad and missing ones are told apart from good ones."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from alframe.builtins import REGISTRIES
from alframe.engine.embedding import embed_pool as module
from alframe.engine.embedding.embed_pool import PoolEmbedding, update_pool_embedding
from alframe.engine.embedding.embedder import Embedder, embedder_from_module, make_embedder
from alframe.errors import BadOutput, PoolError
from alframe.store.features import FeatureStore
from alframe.store.file_cache import FileCache
from alframe.testing.tiny import tiny_pool
from alframe.types import InputSpec, Item

RECIPE = {"name": "timm", "model": "test_resnet", "pretrained": False, "size": 32}


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return make_embedder(REGISTRIES["backbone"].build(RECIPE), RECIPE, seed=0, device="cpu")


@dataclass
class Pass:
    """Embeds the images below a folder, and counts how many had to be read."""

    root: Path
    embedder: Embedder
    cache: Path
    read: int = 0

    batch_size = 8

    def worker_count(self) -> int:
        return 0

    def device(self) -> str:
        return "cpu"

    def map_shards(self, function, shards) -> Iterator:
        self.read += sum(map(len, shards))
        return function(shards)

    def items(self) -> list[Item]:
        return list(REGISTRIES["pool"].build({"name": "folder", "root": self.root}).items())

    def run(self, items: list[Item] | None = None, present=None) -> PoolEmbedding:
        self.read = 0
        items = self.items() if items is None else items
        present = np.ones(len(items), bool) if present is None else present
        contents = FileCache(self.cache / "contents.sqlite")
        return update_pool_embedding(items, present, self.embedder, self.store, contents, self)[1]

    def store(self, fingerprint: str) -> FeatureStore:
        return FeatureStore(self.cache / fingerprint)


@pytest.fixture
def images(tmp_path: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> Pass:
    monkeypatch.setattr(module, "SHARD_SIZE", 10)
    return Pass(tiny_pool(tmp_path / "images", classes=3, each=8), embedder, tmp_path / "cache")


def test_images_are_read_once(images: Pass) -> None:
    first = images.run()
    assert (images.read, first.features.shape) == (24, (24, images.embedder.dim))
    again = images.run()
    assert images.read == 0
    np.testing.assert_array_equal(first.features, again.features)


def test_a_changed_image_is_read_again_and_alone(images: Pass) -> None:
    first = images.run()
    items = images.items()
    items[3].path.write_bytes(items[20].path.read_bytes())
    again = images.run()
    assert images.read == 1
    np.testing.assert_array_equal(again.features[3], again.features[20])
    np.testing.assert_array_equal(np.delete(first.features, 3, 0), np.delete(again.features, 3, 0))


def test_same_size_and_other_content_is_noticed_by_its_time(images: Pass) -> None:
    images.run()
    path = images.items()[5].path
    content = bytearray(path.read_bytes())
    content[-30] ^= 1  # inside the pixel data or its checksum: the size stays
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))
    images.run()
    assert images.read == 1


def test_a_small_pool_is_kept_after_every_batch(images: Pass, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARD_SIZE", 512)
    images.run()
    batches = math.ceil(24 / images.batch_size)
    assert batches > 1
    assert len(list((images.cache / images.embedder.fingerprint).glob("*.keys.npy"))) == batches


def test_bad_images_are_set_aside_and_read_no_second_time(images: Pass) -> None:
    items = images.items()
    items[0].path.write_bytes(b"")
    items[9].path.write_text("no image")
    items[10].path.write_bytes(items[10].path.read_bytes()[:60])
    embedding = images.run()
    assert sorted(embedding.unreadable) == [0, 9, 10]
    assert embedding.is_readable.sum() == 21
    assert all(reason for reason in embedding.unreadable.values())
    images.run()
    assert images.read == 0


def test_a_missing_image_is_tried_again_alone_and_is_back_when_it_is_back(images: Pass) -> None:
    items = images.items()
    content = items[4].path.read_bytes()
    items[4].path.unlink()
    assert list(images.run(items).unreadable) == [4]
    assert list(images.run(items).unreadable) == [4]
    assert images.read == 1
    items[4].path.write_bytes(content)
    assert not images.run(items).unreadable


def test_an_image_that_has_left_the_pool_keeps_its_features(images: Pass) -> None:
    items = images.items()
    before = images.run(items)
    items[4].path.unlink()
    present = np.ones(24, bool)
    present[4] = False
    after = images.run(items, present)
    assert (images.read, dict(after.unreadable)) == (0, {})
    np.testing.assert_array_equal(before.features, after.features)


def test_one_that_left_before_it_was_ever_read_is_named(images: Pass) -> None:
    items = images.items()
    present = np.ones(24, bool)
    present[7] = False
    assert dict(images.run(items, present).unreadable) == {7: "It is no longer in the pool."}


def test_copies_of_an_image_share_their_features(images: Pass) -> None:
    (images.root / "copy.png").write_bytes((images.root / "class_1" / "002.png").read_bytes())
    embedding = images.run()
    names = [item.id for item in images.items()]
    rows = [names.index("copy.png"), names.index("class_1/002.png")]
    np.testing.assert_array_equal(*embedding.features[rows])


def test_an_interrupted_pass_ends_with_the_same_bits(images: Pass, tmp_path: Path) -> None:
    whole = images.run()
    images.cache = tmp_path / "other"
    shards = iter(range(2))

    def break_off(function, parts) -> Iterator:
        for result in function(parts):
            if next(shards, None) is None:
                raise KeyboardInterrupt
            yield result

    images.map_shards = break_off
    with pytest.raises(KeyboardInterrupt):
        images.run()
    del images.map_shards
    rest = images.run()
    assert images.read == 14
    np.testing.assert_array_equal(whole.features, rest.features)


def test_no_readable_image_at_all_ends_the_run_with_the_first_reason(images: Pass) -> None:
    for item in images.items():
        item.path.write_bytes(b"")
    with pytest.raises(PoolError, match=r"None of the 24 images can be read\. The first: "):
        images.run()


def test_the_fingerprint_tells_weights_input_and_recipe_apart(embedder: Embedder) -> None:
    backbones = REGISTRIES["backbone"]

    def fingerprint(seed: int = 0, **changes: object) -> str:
        recipe = {**RECIPE, **changes}
        return make_embedder(backbones.build(recipe), recipe, seed=seed, device="cpu").fingerprint

    assert fingerprint() == embedder.fingerprint
    others = {fingerprint(seed=1), fingerprint(size=48), fingerprint(normalize=True), fingerprint(in_chans=1)}
    assert len(others | {embedder.fingerprint}) == 5


def test_no_room_for_all_embeddings_is_noticed_before_the_first(images: Pass, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = 24 * images.embedder.dim * 4
    monkeypatch.setattr("alframe.store.files.shutil.disk_usage", lambda folder: SimpleNamespace(free=needed - 1))
    with pytest.raises(OSError, match=r"are needed and .* are free"):
        images.run()
    assert images.read == 0
    monkeypatch.setattr("alframe.store.files.shutil.disk_usage", lambda folder: SimpleNamespace(free=needed))
    images.run()
    assert images.read == 24
    monkeypatch.setattr("alframe.store.files.shutil.disk_usage", lambda folder: SimpleNamespace(free=0))
    assert images.run().is_readable.all(), "what is there takes no more room"


class Spoilt(torch.nn.Module):
    """Gives numbers that are not finite for pictures darker than this, from 0 to 255."""

    def __init__(self, network: torch.nn.Module, spec: InputSpec, darker: float) -> None:
        super().__init__()
        self.network, self.spec, self.darker = network, spec, darker

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        dark = x.mean(dim=(1, 2, 3)) < (self.darker / 255 - np.mean(self.spec.mean)) / np.mean(self.spec.std)
        return torch.where(dark[:, None], torch.nan, self.network(x))


def spoil(images: Pass, darker: float) -> None:
    module = Spoilt(images.embedder.module, images.embedder.input_spec, darker)
    images.embedder = embedder_from_module(module, images.embedder.input_spec, RECIPE, "cpu")


def test_an_image_without_a_finite_embedding_costs_itself_alone_and_names_the_backbone(images: Pass) -> None:
    whole = images.run()
    items = images.items()
    Image.new("RGB", (40, 40)).save(items[6].path)
    spoil(images, darker=2)
    embedding = images.run()
    assert list(embedding.unreadable) == [6]
    assert re.search(r"backbone 'timm' \(alframe [^)]+\) gives values .* not finite", embedding.unreadable[6])
    assert not embedding.features[6].any() and np.isfinite(embedding.features).all()
    np.testing.assert_allclose(np.delete(whole.features, 6, 0), np.delete(embedding.features, 6, 0), atol=1e-5)
    assert list(images.run().unreadable) == [6]
    assert images.read == 1
    Image.new("RGB", (40, 40), "white").save(items[6].path)
    assert not images.run().unreadable


def test_a_network_without_a_finite_embedding_is_an_error_at_once(images: Pass) -> None:
    spoil(images, darker=256)
    with pytest.raises(
        BadOutput, match=r"None of the first 10 images .* backbone 'timm' \(alframe .*finetune\.first\.lr"
    ):
        images.run()


def test_a_first_batch_without_a_finite_embedding_costs_itself_alone(
    images: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "batch_size", 1)
    Image.new("RGB", (40, 40)).save(images.items()[0].path)
    spoil(images, darker=2)
    assert list(images.run().unreadable) == [0]


def test_a_small_pool_without_a_finite_embedding_is_an_error_at_its_end(
    images: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHARD_SIZE", 512)
    spoil(images, darker=256)
    with pytest.raises(BadOutput, match="None of the first 24 images"):
        images.run()


def test_other_networks_do_not_hold_it_against_the_file(images: Pass, embedder: Embedder) -> None:
    Image.new("RGB", (40, 40)).save(images.items()[6].path)
    spoil(images, darker=2)
    assert list(images.run().unreadable) == [6]
    images.embedder = embedder
    assert not images.run().unreadable
