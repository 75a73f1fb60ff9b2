"""Choosing from arrays: what may be given, what comes back, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import alframe as al
from alframe.builtins import REGISTRIES
from alframe.errors import AlframeError, BadParams, UnknownComponent, UnmetNeed
from alframe.heads.linear import Linear
from alframe.samplers.probcover import ProbCover
from alframe.samplers.uncertainty import margin_uncertainty

N, D, M = 120, 6, 24


@pytest.fixture(scope="module")
def x() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(N, D)) + 3 * np.eye(3, D)[np.arange(N) % 3]).astype(np.float32)


y = np.array(["ape", "bat", "cat"])[np.arange(N) % 3]
labelled = np.arange(0, 5 * M, 5)


def test_the_first_lines_of_the_documentation(x: np.ndarray) -> None:
    keys, scores = al.select("kcenter", x, labelled=labelled, k=10, seed=0)
    assert len(set(keys.tolist())) == 10 and not set(keys) & set(labelled)
    assert scores.dtype == np.float32 and (np.diff(scores) <= 1e-6).all()
    chosen = al.select("badge", x, labelled=labelled, labels=y[labelled], k=20)
    assert len(chosen) == 20 and chosen.rows.tolist() == chosen.keys.tolist()


@pytest.mark.parametrize("name", sorted(REGISTRIES["sampler"].builtins))
def test_every_sampler_chooses(x: np.ndarray, name: str) -> None:
    head = "mlp" if name.startswith("outliers") else "laplace"
    chosen = al.select(name, x, labelled=labelled, labels=y, head=head, k=7)
    assert len(set(chosen.keys.tolist())) == 7 and not set(chosen.keys) & set(labelled)


def as_memory_map(x: np.ndarray, folder: Path) -> np.ndarray:
    np.save(folder / "x.npy", x)
    return np.load(folder / "x.npy", mmap_mode="r")


FORMS: dict[str, Callable[[np.ndarray, Path], Any]] = {
    "float64": lambda x, _: x.astype(np.float64),
    "lists": lambda x, _: x.tolist(),
    "tensor": lambda x, _: torch.from_numpy(x.copy()).requires_grad_(),
    "DataFrame": lambda x, _: pd.DataFrame(x),
    "memory map": as_memory_map,
    "column order": lambda x, _: np.asfortranarray(x),
}


@pytest.mark.parametrize("form", FORMS)
def test_any_array_gives_the_same_choice(x: np.ndarray, tmp_path: Path, form: str) -> None:
    expected = al.select("margin", x, labelled=labelled, labels=y[labelled], k=9)
    found = al.select("margin", FORMS[form](x, tmp_path), labelled=labelled, labels=y[labelled], k=9)
    assert found.keys.tolist() == expected.keys.tolist()
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)


def test_a_memory_map_is_not_copied(x: np.ndarray, tmp_path: Path) -> None:
    from alframe.kit.arrays import as_features

    mapped = as_memory_map(x, tmp_path)
    assert np.shares_memory(as_features(mapped), mapped)


def test_text_keys(x: np.ndarray) -> None:
    names = np.array([f"img{row:03d}.jpg" for row in range(N)])
    frame = pd.DataFrame(x, index=names)
    expected = al.select("margin", x, labelled=labelled, labels=y[labelled], k=5)
    same = [
        al.select("margin", frame, labelled=names[labelled], labels=y[labelled], k=5),
        al.select("margin", frame, labels=pd.Series(y[labelled], index=names[labelled]), k=5),
        al.select("margin", frame, labels=dict(zip(names[labelled], y[labelled], strict=True)), k=5),
        al.select("margin", x, keys=names, labelled=list(names[labelled]), labels=list(y[labelled]), k=5),
        al.select("margin", frame, labelled=np.isin(np.arange(N), labelled), labels=y[labelled], k=5),
    ]
    for chosen in same:
        assert chosen.keys.tolist() == names[expected.rows].tolist()
        assert chosen.rows.tolist() == expected.rows.tolist()


def test_labels_of_all_rows_and_missing_ones(x: np.ndarray) -> None:
    expected = al.select("margin", x, labelled=labelled, labels=y[labelled], k=5).keys.tolist()
    partly = np.where(np.isin(np.arange(N), labelled), y, None)
    numbers = np.where(np.isin(np.arange(N), labelled), np.arange(N) % 3, np.nan)
    for labels in (partly, pd.Series(partly), numbers, ["" if text is None else text for text in partly]):
        assert al.select("margin", x, labels=labels, k=5).keys.tolist() == expected
    assert al.select("margin", x, labelled=labelled, labels=y, k=5).keys.tolist() == expected


def test_the_order_of_the_labels_is_that_of_labelled(x: np.ndarray) -> None:
    order = np.random.default_rng(0).permutation(M)
    first = al.select("entropy", x, labelled=labelled, labels=y[labelled], k=5)
    second = al.select("entropy", x, labelled=labelled[order], labels=y[labelled[order]], k=5)
    np.testing.assert_allclose(first.pool_scores, second.pool_scores, atol=1e-4)


def test_the_seed_decides(x: np.ndarray) -> None:
    chosen = [al.select("random", x, k=10, seed=seed).keys.tolist() for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_scores_of_every_candidate_are_those_of_the_head(x: np.ndarray) -> None:
    head = Linear()
    chosen = al.select("margin", x, labelled=labelled, labels=y[labelled], head=head, k=N - M)
    scores = chosen.pool_scores
    assert scores is not None and scores.shape == (N,)
    unlabelled = np.setdiff1d(np.arange(N), labelled)
    np.testing.assert_allclose(scores[unlabelled], margin_uncertainty(head.probs(x[unlabelled])), atol=1e-6)
    assert np.isnan(scores[labelled]).all()
    np.testing.assert_allclose(chosen.scores, np.sort(scores[unlabelled])[::-1], atol=1e-6)
    assert al.select("kcenter", x, k=3).pool_scores is None


def test_derived_values_are_public(x: np.ndarray) -> None:
    radius = al.select("probcover", x, k=5).details["radius"]
    assert 0 < radius < 2
    given = al.select(al.build("sampler", "probcover", radius=radius), x, k=5)
    assert given.details == {"radius": radius}
    assert isinstance(al.build("sampler", "probcover", radius=0.5), ProbCover)


def test_probabilities_of_a_model_of_ones_own() -> None:
    probs = np.random.default_rng(0).dirichlet(np.ones(3), N)
    chosen = al.select("entropy", probs=probs, labelled=[0, 1], k=5)
    entropy = -(probs * np.log(probs)).sum(axis=1)
    entropy[[0, 1]] = 0
    assert chosen.keys.tolist() == np.argsort(-entropy)[:5].tolist()
    frame = pd.DataFrame(probs, index=[f"p{row}" for row in range(N)])
    assert al.select("entropy", probs=frame, labelled=["p0", "p1"], k=5).keys.tolist() == [
        f"p{row}" for row in chosen.rows
    ]
    samples = np.random.default_rng(0).dirichlet(np.ones(3), (4, N))
    assert len(al.select("bald", prob_samples=samples, k=5)) == 5


def test_candidates_and_sequences(x: np.ndarray) -> None:
    chosen = al.select("random", x, candidates=np.arange(50, 70), labelled=[55], k=19)
    assert set(chosen.keys.tolist()) == set(range(50, 70)) - {55}
    bursts = np.arange(N) // 4
    chosen = al.select("kcenter", x, sequences=bursts, k=20)
    assert len(set(bursts[chosen.rows])) == 20
    assert len(al.select("kcenter", x, sequences=bursts, per_sequence=None, k=100)) == 100
    alone = [None if row % 2 else "a" for row in range(N)]
    assert sum(row % 2 == 0 for row in al.select("random", x, sequences=alone, k=40).rows) == 1


def broken(x: np.ndarray, value: float) -> np.ndarray:
    out = x.copy()
    out[[7, 9], 2] = value
    return out


REFUSED: list[tuple[str, Callable[[np.ndarray], dict[str, Any]], type[AlframeError], str]] = [
    ("kcenter", lambda x: {"features": x[0]}, BadParams, r"shape \(6,\); it must be \(N, D\)"),
    ("kcenter", lambda x: {"features": x[None]}, BadParams, r"shape \(1, 120, 6\)"),
    ("kcenter", lambda x: {"features": x.astype(str)}, BadParams, "not numbers"),
    ("kcenter", lambda x: {"features": [[1, 2], [3]]}, BadParams, "cannot be made an array"),
    ("kcenter", lambda x: {"features": broken(x, np.nan)}, BadParams, "2 of 120 rows .* the first is row 7"),
    ("kcenter", lambda x: {"features": broken(x.astype(float), 1e300)}, BadParams, "not finite in float32"),
    ("kcenter", lambda x: {}, BadParams, "give features"),
    ("kcentre", lambda x: {"features": x}, UnknownComponent, "Did you mean 'kcenter'"),
    ("kcenter", lambda x: {"features": x, "k": 0}, BadParams, "k=0: must be from 1 to .* 120"),
    ("kcenter", lambda x: {"features": x, "k": 121}, BadParams, "k=121: must be from 1 to .* 120"),
    ("kcenter", lambda x: {"features": x, "labelled": [5, 500]}, BadParams, "1 of 2 are not keys .* 500"),
    ("kcenter", lambda x: {"features": x, "labelled": ["a.jpg"]}, BadParams, "not keys .* Give keys such as"),
    ("kcenter", lambda x: {"features": x, "labelled": [5, 5]}, BadParams, "5.* is named 2 times"),
    ("kcenter", lambda x: {"features": x, "labelled": [0.5, 1]}, BadParams, "numbers such as 0.5"),
    ("kcenter", lambda x: {"features": x, "labelled": [True, False]}, BadParams, "mask has 2 entries for 120 rows"),
    ("kcenter", lambda x: {"features": x, "labelled": [[1], [2]]}, BadParams, r"labelled\.ravel\(\)"),
    ("kcenter", lambda x: {"features": x, "keys": ["a"] * N}, BadParams, "'a'.* is given 120 times"),
    ("kcenter", lambda x: {"features": x, "keys": ["a"]}, BadParams, "there are 1 for 120 rows"),
    ("kcenter", lambda x: {"features": x, "sequences": [1, 2]}, BadParams, "sequences: there are 2 for 120 rows"),
    ("margin", lambda x: {"features": x}, UnmetNeed, "labels of two classes: there are none"),
    ("margin", lambda x: {"features": x, "labelled": [1, 2]}, UnmetNeed, "there are none. Give labels="),
    ("margin", lambda x: {"features": x, "labelled": [0, 3], "labels": y}, UnmetNeed, "all are of one class"),
    ("margin", lambda x: {"features": x, "labelled": [0, 1], "labels": ["a"]}, BadParams, "there are 1 for 2 labelled"),
    ("margin", lambda x: {"features": x, "labels": ["a", "b"]}, BadParams, "there are 2 for 120 rows"),
    ("margin", lambda x: {"features": x, "labelled": [0, 1], "labels": ["a", None]}, BadParams, "1 of 2 are missing"),
    (
        "margin",
        lambda x: {"features": x, "labelled": [0, 1], "labels": np.array(["a", 1], object)},
        BadParams,
        "int, str",
    ),
    ("margin", lambda x: {"features": x, "labels": np.ones((N, 2))}, BadParams, r"labels has the shape \(120, 2\)"),
    (
        "margin",
        lambda x: {"features": x, "labels": y, "labelled": labelled, "head": "liner"},
        UnknownComponent,
        "linear",
    ),
    ("bald", lambda x: {"features": x, "labels": y, "labelled": labelled, "head": "linear"}, UnmetNeed, "head=laplace"),
    ("margin", lambda x: {"probs": x}, BadParams, "If these are logits, apply scipy.special.softmax"),
    ("margin", lambda x: {"probs": np.full((N, 2), np.nan)}, BadParams, "probs: 120 of 120 rows"),
    ("margin", lambda x: {"probs": np.full(N, 0.5)}, BadParams, r"probs has the shape \(120,\)"),
    ("margin", lambda x: {"features": x, "probs": np.full((9, 2), 0.5)}, BadParams, "probs has 9 rows, but .* 120"),
    ("kcenter", lambda x: {"probs": np.full((9, 2), 0.5)}, BadParams, "needs features, labelled_features"),
    ("bald", lambda x: {"prob_samples": np.full((9, 2), 0.5)}, BadParams, r"must be \(T, N, C\)"),
]


@pytest.mark.parametrize(("name", "arguments", "error", "said"), REFUSED, ids=[said for *_, said in REFUSED])
def test_what_cannot_be_meant_is_refused(
    x: np.ndarray, name: str, arguments: Callable[[np.ndarray], dict[str, Any]], error: type[AlframeError], said: str
) -> None:
    given = {"k": 5, **arguments(x)}
    with pytest.raises(error, match=said):
        al.select(name, **given)


def test_bad_parameters_are_value_errors(x: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        al.build("sampler", "probcover", rows=0)
    with pytest.raises(ValueError, match="has no parameter 'radios'"):
        al.build("sampler", "probcover", radios=1)


def test_importing_alframe_is_light() -> None:
    heavy = {"pandas", "torch", "hydra", "sklearn", "faiss"}
    for names, absent in (("", {*heavy, "numpy"}), ("; alframe.select, alframe.Campaign, alframe.build", heavy)):
        code = f"import sys, alframe{names}; print(sorted(sys.modules.keys() & {absent}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.strip() == "[]"
