"""The model as a folder that timm loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from alframe.contracts import ExportableModel, TimmNetwork
from alframe.errors import AlframeError, BadParams
from alframe.kit.exporting import explain_write_errors
from alframe.kit.files import replace_atomically
from alframe.kit.libraries import import_timm
from alframe.types import Floats, InputSpec, Predictions
from alframe_onnx.comparison import Comparison, Predictor
from alframe_onnx.description import describe_model
from alframe_onnx.quiet import quiet
from alframe_onnx.standalone import head_module, require_pictures


class Timm:
    """Exporter of a folder with which ``timm.create_model("local-dir:FOLDER", pretrained=True)`` makes the classifier.

    The head becomes the network's own classifier, so it must be linear in the embedding (`linear`, `laplace`, or
    `calibrated` of these), and the backbone one of timm without normalisation at its end. What timm gives is compared
    with the run's own predictions; a folder that differs is not written.

    `folder`: its name.
    `license`: licence of the model, as an SPDX identifier.
    `images`: images of the pool to compare on, at least 1.
    `tolerance`: largest difference of a probability there, above 0 and below 1.
    """

    def __init__(
        self, folder: str = "timm", license: str | None = None, images: int = 32, tolerance: float = 0.1
    ) -> None:
        if Path(folder).name != folder or folder in ("", ".."):
            raise BadParams(f"exporter.timm.folder={folder}: must be a name, without another folder.")
        self.folder, self.license = folder, license
        self.comparison = Comparison("timm", images, tolerance)

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Replace the folder. Raises AlframeError for a model that timm cannot hold, or that differs afterwards."""
        network = _classifying_network(model)
        network.pretrained_cfg = _preprocessing(network, model.input_spec, self.license)
        description = describe_model(model, predictions, self.license)
        target = folder / self.folder
        with explain_write_errors(target), replace_atomically(target) as temporary:
            pictures = self.comparison.pictures(predictions)
            _save(network, temporary, model.classes, description)
            predict = _timm_predictor(temporary)
            compared = self.comparison.require_same(predict, model, pictures)
            _save(network, temporary, model.classes, {**description, "compared_on": str(compared or "no image")})
        return [target]


def _classifying_network(model: ExportableModel) -> Any:
    """Return the timm model with the head as its classifier."""
    require_pictures(model.input_spec, "timm")
    network, head = model.copy_backbone_network(), head_module(model, "timm")
    if not isinstance(network, TimmNetwork) or network.normalize:
        reason = "scales its embedding to length 1" if isinstance(network, TimmNetwork) else "is no model of timm"
        raise AlframeError(
            f"exporter 'timm': backbone {json.dumps(dict(model.backbone_recipe))} {reason}, which timm's layout cannot "
            "hold. Use exporter=onnx or exporter=torch_export."
        )
    if not isinstance(head, nn.Linear):
        raise AlframeError(
            f"exporter 'timm': head {json.dumps(dict(model.head_recipe))} is not linear in the embedding, so that it "
            "cannot become timm's classifier. Use exporter=onnx or exporter=torch_export, or head=linear."
        )
    trunk: Any = network.trunk
    with torch.random.fork_rng(devices=[]):  # a new classifier is drawn at random
        trunk.reset_classifier(len(model.classes))
    classifier = trunk.get_classifier()
    folded = _fold(network.projection, head)
    if not isinstance(classifier, nn.Linear) or classifier.weight.shape != folded.weight.shape:
        raise AlframeError(
            f"exporter 'timm': backbone {json.dumps(dict(model.backbone_recipe))} has the classifier {classifier}, "
            f"which a head of {folded.in_features} numbers cannot replace. Use exporter=onnx or exporter=torch_export."
        )
    classifier.load_state_dict(folded.state_dict())
    return trunk.eval().requires_grad_(False)


def _fold(projection: nn.Module, head: nn.Linear) -> nn.Linear:
    """Return the head on the projected embedding as one layer on what is projected."""
    if not isinstance(projection, nn.Linear):
        return head
    weight = head.weight.double() @ projection.weight.double()
    bias = head.weight.double() @ projection.bias.double() + head.bias
    layer = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    layer.weight, layer.bias = (nn.Parameter(values.float(), requires_grad=False) for values in (weight, bias))
    return layer


def _preprocessing(network: Any, spec: InputSpec, license: str | None) -> dict[str, Any]:
    """Return timm's configuration of the network, with how this run prepares images."""
    kept = {key: value for key, value in network.pretrained_cfg.items() if not key.startswith(("test_", "license"))}
    return kept | {
        "input_size": (spec.channels, spec.size, spec.size),
        "mean": spec.mean,
        "std": spec.std,
        "interpolation": spec.interpolation,
        "crop_pct": 1.0,
        "crop_mode": "squash",
        "license": license or "not stated",
    }


def _save(network: Any, folder: Path, classes: tuple[str, ...], description: dict[str, str]) -> None:
    config = {"label_names": list(classes), "alframe": description}
    import_timm().models.save_for_hf(network, folder, model_config=config, safe_serialization=True)


def _timm_predictor(folder: Path) -> Predictor:
    """Load the folder as timm's users do, and return the predictor of one picture by timm's own preprocessing."""
    timm = import_timm()
    with quiet(), torch.random.fork_rng(devices=[]):
        network = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    data = timm.data.resolve_model_data_config(network)
    transform = timm.data.create_transform(**data, is_training=False)
    mode = "L" if data["input_size"][0] == 1 else "RGB"

    def predict(picture: Image.Image) -> Floats:
        with torch.inference_mode():
            probs: Floats = network(transform(picture.convert(mode))[None]).softmax(dim=1)[0].numpy()
            return probs

    return predict
