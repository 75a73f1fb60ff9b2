"""Groups of near-duplicates are those that comparing all with all would give, in whatever order the images come."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alframe.engine.duplicates import duplicate_index
from alframe.engine.duplicates import grouping as module
from alframe.engine.duplicates.grouping import group_duplicates, pick_representatives
from alframe.kit.clustering import unit_vectors
from alframe.settings import Duplicates

Pool = tuple[list[bytes | None], np.ndarray, np.ndarray, np.ndarray]


def pool(n: int, seed: int, hashes: int = 30, groups: int = 8) -> Pool:
    """Contents, hashes near to each other, features (n, 12) near to each other, and which are held out."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2**64, hashes, dtype=np.uint64)[rng.integers(0, hashes, n)]
    for _ in range(4):
        flips = np.uint64(1) << rng.integers(0, 64, n).astype(np.uint64)
        codes = np.where(rng.random(n) < 0.6, codes ^ flips, codes)
    features = rng.normal(size=(groups, 12))[rng.integers(0, groups, n)] + rng.normal(0, 0.25, (n, 12))
    contents: list[bytes | None] = [rng.bytes(16) for _ in range(n)]
    return contents, codes, features.astype(np.float32), rng.random(n) < 0.1


def one_by_one(rule: Duplicates, contents: list[bytes | None], codes, features, fixed) -> np.ndarray:
    """The definition: in order, each joins the first that stands for a group and is near it."""
    x, leader, standing = unit_vectors(features), np.arange(len(contents)), []
    pairs = zip(contents, fixed, strict=True)
    order = sorted((not held, content, row) for row, (content, held) in enumerate(pairs) if content)
    for _, _, row in order:
        for first in standing if not fixed[row] else ():
            bits = int(codes[row] ^ codes[first]).bit_count() <= rule.bits
            close = x[row] @ x[first] >= 1 - rule.cosine
            if {"hash": bits, "embedding": close, "both": bits and close}[str(rule.by)]:
                leader[row] = first
                break
        else:
            standing.append(row)
    return leader


@settings(deadline=None, max_examples=40)
@given(
    by=st.sampled_from(["hash", "embedding", "both"]),
    bits=st.integers(0, 8),
    n=st.integers(1, 160),
    seed=st.integers(0, 10_000),
)
def test_they_are_those_of_all_with_all(by: str, bits: int, n: int, seed: int) -> None:
    contents, codes, features, fixed = pool(n, seed)
    contents[n // 2] = None
    rule = Duplicates(by, bits, 0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_ROWS", 16)  # so that most are found among those entered before
        found = group_duplicates(rule, contents, codes, features, fixed)
    np.testing.assert_array_equal(found, one_by_one(rule, contents, codes, features, fixed))


@pytest.mark.parametrize("by", ["hash", "embedding", "both"])
def test_some_fold_and_all_is_as_it_is_said(by: str) -> None:
    contents, codes, features, fixed = pool(600, 1)
    leader = group_duplicates(Duplicates(by, 3, 0.1), contents, codes, features, fixed)
    folded = np.flatnonzero(leader != np.arange(600))
    assert len(folded) > 50
    assert (leader[leader] == leader).all(), "who stands for others is not folded"
    assert not np.isin(folded, np.flatnonzero(fixed)).any()
    if by != "embedding":
        assert max(int(codes[a] ^ codes[b]).bit_count() for a, b in zip(folded, leader[folded], strict=True)) <= 3
    if by != "hash":
        x = unit_vectors(features)
        assert min(x[a] @ x[b] for a, b in zip(folded, leader[folded], strict=True)) >= 0.9


@pytest.mark.parametrize("by", ["hash", "embedding", "both"])
def test_names_and_their_order_decide_nothing(by: str) -> None:
    contents, codes, features, fixed = pool(300, 2)
    leader = group_duplicates(Duplicates(by, 3, 0.1), contents, codes, features, fixed)
    mixed = np.random.default_rng(0).permutation(300)
    other = group_duplicates(
        Duplicates(by, 3, 0.1), [contents[row] for row in mixed], codes[mixed], features[mixed], fixed[mixed]
    )
    np.testing.assert_array_equal(mixed[other], leader[mixed])


def test_a_wider_threshold_folds_more() -> None:
    contents, codes, features, fixed = pool(500, 3)

    def folded(rule: Duplicates) -> int:
        return int((group_duplicates(rule, contents, codes, features, fixed) != np.arange(500)).sum())

    by_bits = [folded(Duplicates("hash", bits)) for bits in (0, 2, 4, 8)]
    by_cosine = [folded(Duplicates("embedding", 0, cosine)) for cosine in (0.0, 0.02, 0.04, 0.1)]
    assert by_bits == sorted(set(by_bits))
    assert by_cosine == sorted(set(by_cosine))
    assert folded(Duplicates("both", 4, 0.1)) < min(
        folded(Duplicates("hash", 4)), folded(Duplicates("embedding", 0, 0.1))
    )


def test_a_chain_is_no_group() -> None:
    """A day from dawn to noon: each frame like the one before, the last not like the first."""
    codes = np.array([(1 << n) - 1 for n in range(13)], np.uint64)
    contents: list[bytes | None] = [bytes([n]) * 16 for n in range(13)]
    leader = group_duplicates(Duplicates("hash", 3), contents, codes, np.ones((13, 2), np.float32), np.zeros(13, bool))
    assert leader.tolist() == [0] * 4 + [4] * 4 + [8] * 4 + [12]


def test_copies_fall_into_one_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what is compared all with all, embeddings are compared within cells."""
    monkeypatch.setattr(duplicate_index, "MAX_CELL_SIZE", 500)
    rng = np.random.default_rng(0)
    features = np.repeat(rng.normal(size=(2000, 12)), 2, axis=0).astype(np.float32)
    contents: list[bytes | None] = [rng.bytes(16) for _ in range(4000)]
    leader = group_duplicates(Duplicates("embedding", 0, 1e-4), contents, None, features, np.zeros(4000, bool))
    assert (leader[::2] == leader[1::2]).all()
    assert (leader != np.arange(4000)).sum() == 2000


def test_a_stuck_camera_s_black_frames_take_no_longer_than_others() -> None:
    """Half of the images have one hash; whether their embeddings are alike or all different."""
    n = 40_000
    rng = np.random.default_rng(0)
    contents: list[bytes | None] = [row.tobytes() for row in rng.integers(0, 2**63, (n, 2))]
    codes = rng.integers(0, 2**64, n, dtype=np.uint64)
    different = rng.normal(size=(n, 16)).astype(np.float32)
    alike = np.where(np.arange(n)[:, None] % 2, np.float32(1), different)

    def seconds(codes: np.ndarray, features: np.ndarray, folded: int) -> float:
        start = time.process_time()
        leader = group_duplicates(Duplicates("both", 3, 0.005), contents, codes, features, np.zeros(n, bool))
        assert (leader != np.arange(n)).sum() == folded
        return time.process_time() - start

    usual = seconds(codes, different, 0)
    black = np.where(np.arange(n) % 2, np.uint64(0), codes)
    assert seconds(black, alike, n // 2 - 1) < 5 * usual
    assert seconds(black, different, 0) < 10 * usual  # all with all would be a hundred times as long


def test_who_is_asked_for() -> None:
    leader = np.array([0, 0, 2, 2, 4, 4, 6, 6, 8])
    everybody, nobody = np.ones(9, bool), np.zeros(9, bool)

    def those(*rows: int) -> np.ndarray:
        return np.isin(np.arange(9), rows)

    assert pick_representatives(leader, everybody, nobody, nobody).tolist() == [0, 2, 4, 6, 8]
    assert pick_representatives(leader, ~those(1), those(1), nobody).tolist() == [2, 4, 6, 8], (
        "one that is folded has a label"
    )
    assert pick_representatives(leader, ~those(2), nobody, nobody).tolist() == [0, 3, 4, 6, 8], (
        "who stood for it has left the pool"
    )
    assert pick_representatives(leader, everybody, nobody, those(5)).tolist() == [0, 2, 5, 6, 8], "asked for in vain"
    assert pick_representatives(leader, nobody, everybody, nobody).tolist() == []
