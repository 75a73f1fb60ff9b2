"""What a type checker and an editor know of alframe's public functions; mypy reads this file, and a test runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
import pandas as pd
from omegaconf import DictConfig

import alframe as al
from alframe.contracts import Exporter, Head, Sampler, Task
from alframe.kit.composite import build_part
from alframe.types import Evaluation

x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
y = np.where(x[:, 0] > 0, "cat", "dog")

chosen = al.select("kcenter", x, labelled=[0, 1], k=5)
assert_type(chosen, al.ArraySelection)
assert_type(chosen.rows, npt.NDArray[np.int64])
assert_type(chosen.scores, npt.NDArray[np.float32] | None)
assert_type(chosen.details, Mapping[str, float])

sampler = al.build("sampler", "probcover", radius=0.4)
assert_type(sampler, Sampler)
assert_type(al.build("head", "linear"), Head)
assert_type(al.build("exporter", "folders"), Exporter)
assert_type(al.build("task", "status"), Task)
assert_type(build_part("sampler", {"name": "margin"}), Sampler)

campaign = al.Campaign(x, sampler=sampler, head="linear")
first = campaign.ask(20)
campaign.tell(first.keys, y[first.rows])
assert_type(campaign.labels, dict[Any, Any])
assert_type(campaign.predict_probs(x), npt.NDArray[np.float32])
assert_type(campaign.evaluate(x, y), Evaluation)

table = al.simulate(x, y, sampler=["margin", "random"], seeds=1, budget=20, batch=10, start=10)
assert_type(table, pd.DataFrame)

config = al.compose("sampler=kcenter", "seed=1")
assert_type(config.seed, int)
assert_type(config.start.labels, int)
assert_type(config.per_sequence, int | None)
assert_type(config.sampler, DictConfig)
assert_type(al.__version__, str)
