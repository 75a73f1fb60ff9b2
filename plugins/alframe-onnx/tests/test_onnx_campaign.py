"""What a campaign exports gives the same classes in other programs."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from packaging.requirements import Requirement
from PIL import Image

from alframe.kit.libraries import import_timm

CONSUMER = Path(__file__).parents[1] / "examples" / "predict.py"
CLASSES = ["class_0", "class_1", "class_2"]


@pytest.fixture(scope="module")
def expected(exported: Path) -> dict[str, tuple[str, float]]:
    """The class and its probability of each file, as the run itself wrote them."""
    with (exported / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    return {row["file"]: (row["prediction"], float(row["confidence"])) for row in rows}


def pixels(*files: str) -> np.ndarray:
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])


def names_with_requirements(*names: str) -> Iterator[str]:
    """Yield distributions and all that they require."""
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        for text in distribution(name).requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                waiting.append(needed.name)


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python in an environment with onnxruntime, numpy and Pillow, what these require, and nothing else."""
    root = tmp_path_factory.mktemp("bare")
    venv.create(root, with_pip=False, symlinks=sys.platform != "win32")
    python = root / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    where = subprocess.check_output([python, "-I", "-c", "import site; print(site.getsitepackages()[-1])"], text=True)
    for name in names_with_requirements("onnxruntime", "numpy", "pillow"):
        found = distribution(name)
        for top in {file.parts[0] for file in found.files or [] if ".." not in file.parts}:
            link = Path(where.strip()) / top
            if top != "__pycache__" and not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))).resolve())
    return python


def test_the_consumer_predicts_the_same_classes_with_nothing_else_installed(
    exported: Path, expected: dict[str, tuple[str, float]], bare_python: Path
) -> None:
    for absent in ("torch", "alframe", "timm"):
        tried = subprocess.run([bare_python, "-I", "-c", f"import {absent}"], capture_output=True)
        assert tried.returncode == 1, f"{absent} is there"
    command = [bare_python, "-I", CONSUMER, exported / "model.onnx", *expected]
    lines = subprocess.check_output(command, text=True, encoding="utf-8").splitlines()
    found = {path: (name, float(prob)) for path, name, prob in (line.split("\t") for line in lines)}
    assert {path: name for path, (name, _) in found.items()} == {path: name for path, (name, _) in expected.items()}
    for path, (_, prob) in expected.items():
        assert abs(found[path][1] - prob) < 0.01


def test_the_example_is_twenty_lines() -> None:
    lines = CONSUMER.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 22 and len([line for line in lines if line]) <= 20


def test_the_onnx_file_takes_any_size_and_any_batch(exported: Path, expected: dict[str, tuple[str, float]]) -> None:
    session = onnxruntime.InferenceSession(exported / "model.onnx")
    files = list(expected)[:5]
    together, embedding = session.run(None, {"pixels": pixels(*files)})
    assert together.shape == (5, 3) and embedding.shape == (5, 12)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    alone = np.concatenate([session.run(None, {"pixels": pixels(file)})[0] for file in files])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    for size in ((1, 1), (32, 32), (300, 40), (40, 300)):
        picture = Image.open(files[0]).convert("RGB").resize(size)
        assert session.run(None, {"pixels": np.asarray(picture)[None]})[0].shape == (1, 3)


def test_the_onnx_file_is_one_file_that_says_what_it_is(exported: Path) -> None:
    assert [file.name for file in exported.glob("*onnx*")] == ["model.onnx"]
    said = onnxruntime.InferenceSession(exported / "model.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(said["classes"]) == CLASSES
    assert said["license"] == "CC-BY-4.0"
    assert json.loads(said["head"])["name"] == "calibrated"
    assert {"alframe", "torch", "onnx"} <= json.loads(said["versions"]).keys()
    assert int(said["labelled_images"]) > 0 and len(said["labels_digest"]) == 32
    assert said["compared_on"].startswith("30 images of the pool: the same class on 30")


def test_the_folder_for_timm_is_loaded_by_timm(exported: Path, expected: dict[str, tuple[str, float]]) -> None:
    timm = import_timm()
    network = timm.create_model(f"local-dir:{exported / 'timm'}", pretrained=True).eval()
    assert network.pretrained_cfg["label_names"] == CLASSES
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(network))
    with torch.inference_mode():
        batch = torch.stack([transform(Image.open(file).convert("RGB")) for file in expected])
        probs = network(batch).softmax(dim=1)
    assert [CLASSES[best] for best in probs.argmax(dim=1)] == [name for name, _ in expected.values()]
    np.testing.assert_allclose(probs.max(dim=1).values, [prob for _, prob in expected.values()], atol=1e-4)
    config = json.loads((exported / "timm" / "config.json").read_text(encoding="utf-8"))
    assert config["alframe"]["compared_on"].startswith("30 images")
    assert config["pretrained_cfg"]["license"] == "not stated"


LOAD_PT2 = """
import json, sys, torch
extra = {"description.json": ""}
program = torch.export.load(sys.argv[1], extra_files=extra).module()
probabilities, embedding = program(torch.load(sys.argv[2], weights_only=True))
assert not {"alframe", "timm"} & sys.modules.keys()
print(json.dumps([json.loads(extra["description.json"])["classes"], probabilities.argmax(dim=1).tolist()]))
"""


def test_the_pt2_file_is_loaded_by_pytorch_alone(
    exported: Path, expected: dict[str, tuple[str, float]], tmp_path: Path
) -> None:
    torch.save(torch.from_numpy(pixels(*expected)), tmp_path / "pixels.pt")
    command = [sys.executable, "-W", "ignore", "-c", LOAD_PT2, exported / "model.pt2", tmp_path / "pixels.pt"]
    classes, best = json.loads(subprocess.check_output(command, text=True))
    assert [json.loads(classes)[number] for number in best] == [name for name, _ in expected.values()]
