"""What an exported file says of itself."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from importlib.metadata import version

from alframe.contracts import ExportableModel
from alframe.types import Predictions

PACKAGES = ("alframe", "alframe-onnx", "torch", "timm", "onnx", "onnxscript", "onnxruntime")


def describe_model(model: ExportableModel, predictions: Predictions, license: str | None) -> dict[str, str]:
    """Return the description of a model, every value as text; lists and tables are JSON.

    `labels_digest` tells apart models by the labels that they learned from: it is the digest of all ids with their
    classes.
    """
    spec = model.input_spec
    pairs = zip(predictions.items, predictions.labels, strict=True)
    labelled = [(item.id, label.class_name) for item, label in pairs if label is not None]
    digest = hashlib.blake2b(json.dumps(sorted(labelled)).encode(), digest_size=16)
    return {
        "classes": json.dumps(list(model.classes), ensure_ascii=False),
        "input": f"pixels: uint8 (batch, height, width, 3), RGB, upright; resized inside to {spec.size} x {spec.size}",
        "outputs": "probabilities: float32 (batch, classes); embedding: float32 (batch, width)",
        "size": str(spec.size),
        "mean": json.dumps(spec.mean),
        "std": json.dumps(spec.std),
        "interpolation": spec.interpolation,
        "backbone": json.dumps(dict(model.backbone_recipe), default=str),
        "head": json.dumps(dict(model.head_recipe), default=str),
        "fingerprint": model.fingerprint,
        "round": str(predictions.round),
        "labelled_images": str(len(labelled)),
        "labels_digest": digest.hexdigest(),
        "versions": json.dumps({name: version(name) for name in PACKAGES}),
        "license": license or "not stated",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
