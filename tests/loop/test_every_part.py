"""Every built-in part of every kind composes, binds and takes part in a campaign of two rounds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alframe.app.api import open_session
from alframe.builtins import BUILTIN_PARTS
from alframe.loop.answers import make_request
from alframe.loop.parts import list_part_owners
from alframe.loop.session import Session
from alframe.store.ledger import Ledger
from alframe.testing.tiny import tiny_overrides, tiny_pool
from alframe.types import Need, Outcome, OutcomeState, Request
from tests.label_sources.test_label_source_csv import fill
from tests.label_sources.test_label_source_folder import Suite as ByDragging
from tests.label_sources.test_label_source_timelapse import answer as in_timelapse
from tests.timelapse.simulator import Timelapse as Program
from tests.timelapse.template import TemplateEditor
from tools.tables import default_part

SPECIES = ("class_0", "class_1", "class_2")
# web waits for people while it runs: tests/loop/test_serving.py.
PARTS = [(kind, name) for kind, (_, names) in BUILTIN_PARTS.items() for name in names if name != "web"]


@dataclass
class Place:
    """One pool as class folders, the folder of all campaigns on it, and where this one may write what it needs."""

    images: Path
    runs: Path
    own: Path

    @property
    def files(self) -> list[Path]:
        return sorted(self.images.rglob("*.png"))

    def words(self, kind: str, name: str) -> list[str]:
        """The tiny campaign, less what it says of this kind: that is for the part's own recipe to say."""
        start = [*tiny_overrides(self.images, self.runs), "stopping.labels=8", "sequences.gap=null"]
        start += ["exporter=model", "tracker=jsonl"]
        kept = [word for word in start if word.replace("=", ".").split(".")[0] != kind]
        return [*kept, f"project={(self.runs / f'{kind}-{name}').as_posix()}"]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images, and beside them all campaigns with the cache that they share."""
    folder = tmp_path_factory.mktemp("campaigns")
    tiny_pool(folder / "images", each=8)
    return folder


@pytest.fixture
def place(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    return Place(shared / "images", shared / "runs", tmp_path)


# What a part needs beside its name. A part of these kinds that has no recipe here fails its test.


def head_for(sampler: str) -> list[str]:
    """A head that gives what the sampler needs."""
    needs = default_part("sampler", sampler).needs
    head = "mlp" if Need.HIDDEN_ACTIVATIONS in needs else "laplace" if Need.PROB_SAMPLES in needs else "linear"
    return [f"head={head}"]


def one_epoch(loss: str, place: Place) -> list[str]:
    """Training before each round that has labels, with batches from which any loss can learn."""
    plans = [f"finetune.{which}" for which in ("first", "again")]
    plan = ("epochs=1", "batching=balanced", "classes=3", "samples=2")
    return ["finetune.start=0", "finetune.every=1", *(f"{which}.{word}" for which in plans for word in plan)]


def csv_pool(place: Place) -> list[str]:
    rows = [f"{file.as_posix()},{file.parent.name}\n" for file in place.files]
    (place.own / "list.csv").write_text("path,label\n" + "".join(rows), encoding="utf-8")
    return ["pool.file=list.csv", f"pool.root={place.images.as_posix()}", "pool.label_column=label"]


def coco_pool(place: Place) -> list[str]:
    images = [
        {"id": number, "file_name": file.relative_to(place.images).as_posix()}
        for number, file in enumerate(place.files)
    ]
    annotations = [
        {"id": number, "image_id": number, "category_id": SPECIES.index(file.parent.name)}
        for number, file in enumerate(place.files)
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(SPECIES)]
    data = {"images": images, "annotations": annotations, "categories": categories}
    (place.own / "set.json").write_text(json.dumps(data), encoding="utf-8")
    return ["pool.file=set.json", f"pool.root={place.images.as_posix()}"]


def camtrap_dp_pool(place: Place) -> list[str]:
    media = [
        f"m{number},d1,2024-05-31T{number:02}:00:00Z,{file.relative_to(place.images).as_posix()},image/png\n"
        for number, file in enumerate(place.files)
    ]
    observations = [
        f"d1,m{number},,,,media,animal,{file.parent.name},human\n" for number, file in enumerate(place.files)
    ]
    tables = {
        "deployments": "deploymentID,locationID\nd1,hill\n",
        "media": "mediaID,deploymentID,timestamp,filePath,fileMediatype\n" + "".join(media),
        "observations": "deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,"
        "scientificName,classificationMethod\n" + "".join(observations),
    }
    for name, text in tables.items():
        (place.own / f"{name}.csv").write_text(text, encoding="utf-8")
    return ["pool.folder=.", f"pool.root={place.images.as_posix()}"]


def arrays_pool(place: Place) -> list[str]:
    x = np.stack([np.asarray(Image.open(file)) for file in place.files])
    y = np.array([SPECIES.index(file.parent.name) for file in place.files])
    np.savez(place.own / "set.npz", x_train=x, y_train=y)
    return ["pool.file=set.npz", "pool.root=written", "pool.test_x=null", "pool.test_y=null"]


def timelapse_images(place: Place) -> Path:
    """The images as a Timelapse set that nobody has labelled yet; their names tell the class."""
    folder = place.own / "set"
    for file in place.files:
        copy = folder / file.parent.name / f"{file.stem}.jpg"
        copy.parent.mkdir(parents=True, exist_ok=True)
        Image.open(file).save(copy, quality=95)
    editor = TemplateEditor.new(folder / "TimelapseTemplate.tdb")
    editor.add("FixedChoice", "Species", SPECIES).add("Flag", "Selected")
    editor.add("IntegerPositive", "ALRound").add("Note", "ALPrediction").add("DecimalPositive", "ALConfidence")
    Program.open(folder / "TimelapseTemplate.tdb").close()
    return folder


def label_set(folder: Path, keys: list[str]) -> None:
    program = Program.open(folder / "TimelapseTemplate.tdb")
    for id in keys:
        program.label(id, id.split("/")[0])
    program.close()


def timelapse_pool(place: Place) -> list[str]:
    folder = timelapse_images(place)
    label_set(folder, [file.relative_to(folder).as_posix() for file in folder.rglob("*.jpg")])
    return ["pool.file=set/TimelapseData.ddb", "pool.label_field=Species"]


POOLS: dict[str, Callable[[Place], list[str]]] = {
    "folder": lambda place: [f"pool.root={place.images.as_posix()}", "pool.classes=true"],
    "csv": csv_pool,
    "coco": coco_pool,
    "camtrap_dp": camtrap_dp_pool,
    "arrays": arrays_pool,
    "timelapse": timelapse_pool,
    "digits": lambda place: ["pool.root=digits"],
    "camera_trap_scenes": lambda place: [
        "pool.root=scenes",
        "pool.sites=3",
        "pool.test_sites=1",
        "pool.bursts=12",
        "pool.size=[160,120]",
        "batch=2",
        "start.labels=6",
    ],
}


BACKBONES = {"timm": ["backbone.model=test_resnet"], "efficientnet_lite": []}


def set_of_ones_own(place: Place) -> list[str]:
    folder = timelapse_images(place).as_posix()
    return [f"label_source.set={folder}", f"pool.root={folder}"]


# People label what the pool does not know, and nothing but what the sampler chooses.
PEOPLE = ["pool.classes=false", "audit=0"]

SOURCES: dict[str, Callable[[Place], list[str]]] = {
    "simulated": lambda place: [],
    "csv": lambda place: PEOPLE,
    "folder": lambda place: PEOPLE,
    "timelapse": lambda place: PEOPLE,
    "timelapse_set": lambda place: [*PEOPLE, *set_of_ones_own(place)],
}

# How they answer, in the way of each source.
ANSWERS: dict[str, Callable[[Request], None]] = {
    "csv": lambda asked: fill(asked.folder / f"round-{asked.round:03d}" / "to_label.csv", truth(asked)),
    "folder": lambda asked: ByDragging().answer(asked, truth(asked)),
    "timelapse": lambda asked: in_timelapse(asked, truth(asked)),
    "timelapse_set": lambda asked: label_set(asked.items[0].path.parents[1], list(truth(asked))),
}


def truth(asked: Request) -> dict[str, str]:
    return {item.id: item.id.split("/")[0] for item in asked.items}


STOPPING = {
    "budget": [],
    "target": ["stopping.metric=low", "stopping.at_least=0.999"],
    "target_accuracy": ["stopping.at_least=0.999", "audit=0.5"],
    "no_gain": ["stopping.rounds=2"],
}

# With a third batch open, which is what these are about.
OPEN = ["label_source=csv", *PEOPLE, "stopping.labels=12"]

TASKS: dict[str, Callable[[Place], list[str]]] = {
    "run": lambda place: [],
    "label": lambda place: OPEN,
    "withdraw": lambda place: OPEN,
    "status": lambda place: OPEN,
    "report": lambda place: OPEN,
    "export": lambda place: [],
    "predict": lambda place: [],
    "new_plugin": lambda place: [],
    "compare": lambda place: [],
    "recheck_labels": lambda place: [],
}

# What comes of a part that writes files, in the project.
WRITES = {
    "predictions": "export/predictions.parquet",
    "model": "export/model/model.json",
    "recognition_json": "export/**/*.json",
    "timelapse_csv": "export/**/*.csv",
    "camtrap_dp": "export/**/datapackage.json",
    "folders": "export/**/class_0",
    "jsonl": "*.jsonl",
    "console": "ledger.sqlite",  # it only speaks
}


def recipe(kind: str, name: str, place: Place) -> list[str]:
    """The words that this part needs beside its name, for a campaign of two rounds."""
    match kind:
        case "backbone":
            return ["backbone.pretrained=false", "backbone.size=32", *BACKBONES[name]]
        case "loss":
            return one_epoch(name, place)
        case "sampler":
            return head_for(name)
        case "pool":
            return POOLS[name](place)
        case "label_source":
            return SOURCES[name](place)
        case "stopping":
            return ["stopping.labels=8", *STOPPING[name]]
        case "compute":
            return ["compute.workers=0"]
        case "exporter":
            return ["exporter.camtrap_dp.draft=true"] if name == "camtrap_dp" else []
        case "task":
            return TASKS[name](place)
        case "head" | "tracker":
            return []
    raise NotImplementedError(f"Say here what parts of the kind {kind} need.")


def run(words: list[str]) -> tuple[Outcome, Session]:
    """Run it, and answer like a person what it asks for, two batches in all."""
    for batch in range(3):
        with open_session(*words) as session:
            outcome = session.task_to_run.run(session)
            if outcome.state is OutcomeState.WAITING and batch < 2:
                asked = make_request(session, session.ledger.stored_rounds()[-1], session.items())
                ANSWERS[session.parts.name_of("label_source")](asked)
                continue
            return outcome, session
    raise AssertionError


@pytest.mark.parametrize(("kind", "name"), PARTS)
def test_a_campaign_of_two_rounds(kind: str, name: str, place: Place) -> None:
    chosen = [] if kind == "task" else [f"{kind}={name}"]
    words = [*place.words(kind, name), *chosen, *recipe(kind, name, place)]
    outcome, session = run(words)
    assert outcome.state is (OutcomeState.WAITING if "stopping.labels=12" in words else OutcomeState.DONE)
    with Ledger.open(session.folder, read_only=True) as ledger:
        history, items = ledger.history(), ledger.items()
        asked = [key for one in ledger.stored_rounds() for key in one.keys]
    assert len(history) == 2
    assert len(asked) == len(set(asked)) >= 8
    assert all(items[key].split == "pool" for key in asked), "held-out images were asked for"
    assert history[-1].evaluation is not None or not session.parts.label_source.answers_now
    if kind == "loss":
        assert history[0].fingerprint != history[1].fingerprint, "nothing was trained with it"
    if kind in ("exporter", "tracker"):
        assert list(session.folder.glob(WRITES[name])), f"{name} has written nothing"
    if kind == "task":
        more = {
            "predict": [f"task.images={place.images.as_posix()}", "task.out=out"],
            "new_plugin": ["task.part=mine"],
            "compare": [f"task.sweep=[{session.folder.as_posix()}]", "task.out=comparison"],
        }.get(name, [])
        with open_session(*words, f"task={name}", *more) as session:
            assert session.task_to_run.run(session).message
    assert f"{kind}:{name}" in list_part_owners(session.recipes), "another part took its place"
