"""No sampler takes the pool's embeddings, or draws for all of it, into memory."""

from __future__ import annotations

import numpy as np
import pytest

from alframe.builtins import BUILTIN_PARTS, REGISTRIES
from alframe.kit import clustering
from alframe.kit.composite import restrict_view
from alframe.testing.sampler import tiny_fields, tiny_keys, tiny_predict, tiny_view
from alframe.types import Floats, LazyFeatures, Need, PoolView
from alframe.types.lazy import Index
from tools.tables import default_part

N = 400


class InParts(PoolView):
    @property
    def features(self) -> Floats:
        raise AssertionError("it reads view.features")

    @property
    def prob_samples(self) -> Floats:
        raise AssertionError("it reads view.prob_samples")


@pytest.mark.parametrize("name", BUILTIN_PARTS["sampler"][1])
def test_it_reads_rows(name: str) -> None:
    sampler = default_part("sampler", name)
    predict = tiny_predict() if Need.PREDICT in sampler.needs else None
    fields = tiny_fields(sampler.needs, N)
    chosen = sampler.select(InParts(tiny_keys(N), fields, predict), 20, np.random.default_rng(0))
    assert len(chosen.keys) == 20


def test_members_of_a_mixture_see_rows() -> None:
    sampler = default_part("sampler", "bald")
    view = InParts(tiny_keys(N), tiny_fields({Need.PROB_SAMPLES, Need.FEATURES}, N, draws=30))
    assert restrict_view(sampler, view).lazy_prob_samples.shape == (20, N, 3)
    assert isinstance(
        restrict_view(
            default_part("sampler", "kcenter"), tiny_view(default_part("sampler", "kcenter").needs)
        ).lazy_features,
        LazyFeatures,
    )


class Counted(LazyFeatures):
    """Notes the most rows that are read at once."""

    most = 0

    def __getitem__(self, rows: int | Index) -> Floats:
        found = super().__getitem__(rows)
        self.most = max(self.most, len(found))
        return found


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("active_transfer", {}),
        ("hierarchical", {"leaves": 10}),
        ("informative_diverse", {"clusters": 4}),
        ("margin_cluster_mean", {"rows": 50}),
    ],
)
def test_few_rows_at_a_time_give_the_same_choice(name: str, options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = REGISTRIES["sampler"].build({"name": name, **options})
    monkeypatch.setattr(clustering, "MAX_ROWS_PER_CLUSTER", 12)
    fields = tiny_fields(sampler.needs, N)
    expected = sampler.select(PoolView(tiny_keys(N), fields), 5, np.random.default_rng(0)).keys.tolist()
    monkeypatch.setattr("alframe.chunks.ROWS", 64)
    monkeypatch.setattr("alframe.samplers.distance_bounds.CHUNK_ROWS", 64)
    rows = Counted(fields[Need.FEATURES])
    view = PoolView(tiny_keys(N), {**fields, Need.FEATURES: rows})
    assert sampler.select(view, 5, np.random.default_rng(0)).keys.tolist() == expected
    assert 0 < rows.most <= 12 * 10, "of 400 rows"
