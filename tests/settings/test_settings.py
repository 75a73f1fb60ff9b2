"""Settings: the file of defaults agrees with the dataclasses, slips are named, and what is stored never changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from alframe.app.api import open_session
from alframe.builtins import KINDS
from alframe.errors import BadParams
from alframe.settings import (
    BaselineComparison,
    Boxes,
    Duplicates,
    Finetune,
    Holdout,
    Inference,
    RootSettings,
    Sequences,
    Settings,
    Start,
    TrainingPlan,
    configuration_digest,
    settings_as_stored,
)
from alframe.settings.fields import from_plain, setting_fields

CONFIG = Path(__file__).parents[2] / "conf" / "config.yaml"
CHANGED = [
    *("seed=3", "batch=7", "per_sequence=null", "propagate=true", "audit=0.25", "start.labels=12"),
    *("start.sampler=random", "classes=[roe deer,'1e3',fox]", "enough=0.5", "reask=null", "conflicts=majority"),
    *("sequences.gap=5", "sequences.times=none", "duplicates.by=both", "duplicates.bits=4", "duplicates.cosine=0.01"),
    *("boxes.file=/found.json", "boxes.use=all", "boxes.threshold=0.5", "boxes.category=person", "boxes.empty=skip"),
    *("boxes.margin=0.1", "holdout.fraction=0.3", "holdout.group=camera", "inference.engine=auto"),
    *("inference.precision=bf16", "finetune.start=0", "finetune.every=10", "finetune.first.epochs=2"),
    *("finetune.first.batching=balanced", "finetune.first.patience=3", "finetune.first.freeze=2"),
    *("finetune.again.warm=false", "finetune.again.optimiser=sgd", "compare.sampler=null", "compare.seeds=2"),
]
RECIPES = {
    "sampler": {"name": "bald", "draws": 5},
    "pool": {"name": "folder", "root": "/images", "levels": (1, 2)},
    "exporter": {"model": {"name": "model"}},
    "stopping": {},
    "compute": {"name": "local"},
    "task": {"name": "run"},
}
STORED = Path(__file__).with_name("stored.json")  # as version 0.1 stored it, before the settings had groups


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", list(value) if isinstance(value, tuple) else value


def test_config_yaml_has_every_setting_with_its_default_and_nothing_else() -> None:
    written = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    del written["defaults"], written["hydra"]
    assert not written.keys() & set(KINDS)
    assert dict(leaves(written)) == dict(leaves(asdict(RootSettings())))


@pytest.mark.parametrize(
    ("words", "name", "digest"),
    [
        ([], "defaults", "67ed9d6591cc05eae5d0edfa00ebcd60"),
        pytest.param(
            CHANGED,
            "changed",
            "532330758235eb4152ffed34013a25aa",
            marks=pytest.mark.skipif(not Path("/").is_absolute(), reason="the path in it is one of POSIX"),
        ),
    ],
)
def test_what_is_stored_and_what_names_a_folder_never_change(
    words: list[str], name: str, digest: str, tmp_path: Path
) -> None:
    settings = open_session(f"runs={tmp_path}", *words).settings
    assert configuration_digest(settings, RECIPES) == digest
    stored = json.loads(STORED.read_text(encoding="utf-8"))[name]
    assert json.dumps(settings_as_stored(settings)) == json.dumps(stored), "the same keys in the same order"


WRONG: dict[str, Callable[[], object]] = {
    "batch=0: must be at least 1": lambda: Settings(batch=0),
    "seed=-1: must be at least 0": lambda: Settings(seed=-1),
    "per_sequence=0: must be at least 1": lambda: Settings(per_sequence=0),
    "reask=-1: must be at least 0": lambda: Settings(reask=-1),
    "enough=0: must be a part of the batch, above 0 and up to 1": lambda: Settings(enough=0),
    "audit=1.5: must be a part of the batch, from 0 to 1, or null": lambda: Settings(audit=1.5),
    "classes=[fox,[hare]]: must be a list of strings": lambda: Settings(classes=("fox", ["hare"])),
    "conflicts=vote: must be ask, latest or majority": lambda: Settings(conflicts="vote"),
    "labels=0: must be at least 1": lambda: Start(labels=0),
    "seeds=0: must be at least 1": lambda: BaselineComparison(seeds=0),
    "fraction=1: must be from 0 to below 1": lambda: Holdout(fraction=1),
    "group=site: must be sequence or camera": lambda: Holdout(group="site"),
    "by=eye: must be hash, embedding, both or null": lambda: Duplicates(by="eye"),
    "bits=9: must be a number of bits, from 0 to 8": lambda: Duplicates(bits=9),
    "cosine=1: must be a distance, from 0 to below 1": lambda: Duplicates(cosine=1),
    "gap=-1: must be a number of seconds from 0, or null": lambda: Sequences(gap=-1),
    "gap=nan: must be a number of seconds": lambda: Sequences(gap=float("nan")),
    "times=clock: must be exif, file or none": lambda: Sequences(times="clock"),
    "use=some: must be best, all or image": lambda: Boxes(use="some"),
    "empty=drop: must be keep or skip": lambda: Boxes(empty="drop"),
    "threshold=2: must be from 0 to 1": lambda: Boxes(threshold=2),
    "margin=11: must be from 0 to 10 times": lambda: Boxes(margin=11),
    "engine=tensorrt: must be auto, eager, compile": lambda: Inference("tensorrt"),
    "precision=int8: must be fp32 or bf16": lambda: Inference(precision="int8"),
    "precision=bf16: must be fp32 with engine=onnxruntime": lambda: Inference("onnxruntime", "bf16"),
    "every=0: must be at least 1": lambda: Finetune(every=0),
    "epochs=-1: must be at least 0": lambda: TrainingPlan(epochs=-1),
    "batch_size=1: must be at least 2": lambda: TrainingPlan(batch_size=1),
    "patience=0: must be at least 1": lambda: TrainingPlan(patience=0),
    "lr=0: must be above 0": lambda: TrainingPlan(lr=0),
    "lr=inf: must be above 0": lambda: TrainingPlan(lr=float("inf")),
    "weight_decay=-1: must be at least 0": lambda: TrainingPlan(weight_decay=-1),
    "batching=sorted: must be shuffled or balanced": lambda: TrainingPlan(batching="sorted"),
    "optimiser=lion: must be adam, adamw or sgd": lambda: TrainingPlan(optimiser="lion"),
    "schedule=step: must be none, one_cycle or cosine": lambda: TrainingPlan(schedule="step"),
    "precision=half: must be full or mixed": lambda: TrainingPlan(precision="half"),
    "freeze=²: must be none, all or the number": lambda: TrainingPlan(freeze="²"),
    "finetune.again.epochs=-1: must be at least 0": lambda: plain(finetune={"again": {"epochs": -1}}),
    "holdout.group=site: must be sequence or camera": lambda: plain(holdout={"group": "site"}),
}


def plain(**values: object) -> object:
    return from_plain(Settings, values)


def test_wrong_values_are_answered_with_name_value_and_what_is_allowed() -> None:
    answers = {}
    for expected, build in WRONG.items():
        with pytest.raises(BadParams) as caught:
            build()
        answers[expected] = str(caught.value)
    assert {expected: answer for expected, answer in answers.items() if not answer.startswith(expected)} == {}


def test_values_become_settings_whatever_else_stands_beside_them() -> None:
    settings = from_plain(Settings, {"batch": 3, "classes": ["fox"], "start": {"labels": 2}, "pool": {"name": "x"}})
    assert settings == Settings(batch=3, classes=("fox",), start=Start(labels=2))


def test_every_setting_is_known_by_its_full_name() -> None:
    known = dict(setting_fields(RootSettings))
    assert {name for name, one in known.items() if not one.is_group} == dict(leaves(asdict(RootSettings()))).keys()
    assert {name for name, one in known.items() if one.is_path} == {
        *("project", "runs", "boxes.file", "sequences.clock_offsets")
    }
    assert known["finetune"].type is Finetune
