"""Records of networks hold until a file changes, and damage costs nothing but building the network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alframe.store.known_networks import KnownNetwork, KnownNetworks
from alframe.types import InputSpec

NETWORK = KnownNetwork("abc", InputSpec(224, (0.5, 0.5), (0.1, 0.2), "bilinear", ((0.0, 10.0), (1.0, 2.0))))
ORIGIN = {"backbone": {"name": "timm", "model": "resnet18"}, "seed": 3}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    file = tmp_path / "weights.bin"
    file.write_bytes(b"1234")
    return file


@pytest.fixture
def networks(tmp_path: Path, weights: Path) -> KnownNetworks:
    networks = KnownNetworks(tmp_path / "networks")
    networks.remember(ORIGIN, NETWORK, [weights])
    return networks


def test_what_was_remembered_is_found(networks: KnownNetworks) -> None:
    assert networks.find(dict(reversed(ORIGIN.items()))) == NETWORK


@pytest.mark.parametrize("change", [{"seed": 4}, {"backbone": {"name": "timm"}}, {"trained": "digest"}])
def test_another_origin_is_another_network(networks: KnownNetworks, change: dict[str, object]) -> None:
    assert networks.find(ORIGIN | change) is None


def test_a_changed_file_ends_the_record(networks: KnownNetworks, weights: Path) -> None:
    os.utime(weights, ns=(1, 1))
    assert networks.find(ORIGIN) is None
    weights.unlink()
    assert networks.find(ORIGIN) is None


def test_a_forgotten_network_is_gone(networks: KnownNetworks) -> None:
    networks.forget(ORIGIN)
    assert networks.find(ORIGIN) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"digest": "", "files": 3}', '{"digest": 1, "files": []}'])
def test_a_damaged_record_is_none(networks: KnownNetworks, tmp_path: Path, text: str) -> None:
    (file,) = (tmp_path / "networks").glob("*.json")
    file.write_text(text, encoding="utf-8")
    assert networks.find(ORIGIN) is None
