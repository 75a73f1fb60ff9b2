"""The trained model as one folder that needs no alframe configuration to predict."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import load_file, save_file

from alframe.builtins import REGISTRIES, alframe_version
from alframe.contracts import Head
from alframe.engine.checked_head import checked_head
from alframe.engine.embedding.embed_pool import cut_batches
from alframe.engine.embedding.embedder import Embedder, embed_batches, make_embedder
from alframe.errors import PoolError, StoreError
from alframe.settings import Inference
from alframe.store.files import replace_atomically, write_json
from alframe.types import Floats, InputSpec, Item

MODEL_FORMAT = 1
BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class Model:
    """Backbone, head and class list; the recipes say how to build the two parts again."""

    embedder: Embedder
    head: Head
    classes: tuple[str, ...]
    backbone_recipe: Mapping[str, Any]
    head_recipe: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Replace `folder` by this model, after reading it back to see that it gives the same probabilities.

        Files: model.json (classes, preprocessing, recipes, versions), backbone.safetensors, head.safetensors.
        """
        with replace_atomically(folder) as temporary:
            temporary.mkdir(parents=True)
            # The pretrained weights are in the file, so nothing is to be fetched when it is loaded.
            weights = {name: tensor.cpu().contiguous() for name, tensor in self.embedder.module.state_dict().items()}
            save_file(weights, temporary / "backbone.safetensors")
            arrays = {name: np.ascontiguousarray(array) for name, array in self.head.state().items()}
            save_arrays(arrays, temporary / "head.safetensors")
            write_json(
                temporary / "model.json",
                {
                    "format": MODEL_FORMAT,
                    "alframe": alframe_version(),
                    "classes": list(self.classes),
                    "preprocessing": dataclasses.asdict(self.embedder.spec),
                    "backbone": dict(self.backbone_recipe),
                    "head": dict(self.head_recipe),
                    "fingerprint": self.embedder.network_digest,
                },
            )
            self._require_equal(load_model(temporary, self.embedder.device))

    def predict(self, paths: Sequence[str | Path], workers: int = 0) -> Floats:
        """Return (n, C) probabilities of these images, in the order of `classes`.

        Raises PoolError for an image that cannot be read.
        """
        items = [Item(id=str(path), path=Path(path)) for path in paths]
        all_probs = [np.empty((0, len(self.classes)), np.float32)]
        for rows, probs, reasons in self.predict_batches(items, workers):
            for row, reason in zip(rows, reasons, strict=True):
                if reason is not None:
                    raise PoolError(f"{paths[row]}: {reason}")
            all_probs.append(probs)
        return np.concatenate(all_probs)

    def predict_batches(
        self, items: Sequence[Item], workers: int
    ) -> Iterator[tuple[list[int], Floats, list[str | None]]]:
        """Yield batches: positions (b,), probabilities (b, C), NaN where unreadable, and why an image is unreadable."""
        batches, _ = cut_batches([len(items)], BATCH_SIZE)
        for batch, features in embed_batches(self.embedder, items, batches, workers):
            probs = np.full((len(batch.rows), len(self.classes)), np.nan, np.float32)
            finite = np.isfinite(features).all(axis=1)
            readable = np.array(batch.readable_rows, np.int64) - batch.rows[0]
            if finite.any():
                probs[readable[finite]] = self.head.probs(features[finite])
            reasons = [result.reason for result in batch.results]
            for position in readable[~finite].tolist():
                reasons[position] = self.embedder.not_finite_reason
            yield batch.rows, probs, reasons

    def _require_equal(self, other: Model) -> None:
        if other.embedder.network_digest != self.embedder.network_digest:
            raise StoreError("The saved backbone is not the one in memory; the model was not written.")
        trial = np.random.default_rng(0).normal(size=(32, self.embedder.dim)).astype(np.float32)
        if not np.allclose(self.head.probs(trial), other.head.probs(trial), atol=1e-6):
            raise StoreError(
                "The probabilities of the saved head differ from those in memory; the model was not written."
            )


def load_model(folder: str | Path, device: str = "cpu", inference: Inference = Inference()) -> Model:
    """Load the model in `folder`, to be run with `inference`, whatever its features were computed with.

    Raises StoreError naming what is missing or does not fit, EngineError if the engine is not installed.
    """
    folder = Path(folder)
    file = folder / "model.json"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"There is no model in {folder}: no model.json. `alframe export` writes one.") from None
    except json.JSONDecodeError as error:
        raise StoreError(f"{file} is damaged: {error}. Export the model again with `alframe export`.") from None
    if data["format"] > MODEL_FORMAT:
        raise StoreError(f"{file} was written by a newer alframe ({data['alframe']}). Update alframe to use it.")
    try:
        weights = load_file(folder / "backbone.safetensors")
        arrays = load_arrays(folder / "head.safetensors")
    except (OSError, SafetensorError) as error:
        raise StoreError(f"The weights in {folder} cannot be read: {error}. Export the model again.") from error
    backbone = REGISTRIES["backbone"].build(data["backbone"])
    embedder = make_embedder(backbone, data["backbone"], seed=0, device=device, weights=weights, inference=inference)
    _require_same_input(embedder.spec, data["preprocessing"], file)
    head = checked_head(REGISTRIES["head"].build(data["head"]), data["head"])
    head.load(arrays)
    return Model(embedder, head, tuple(data["classes"]), data["backbone"], data["head"])


def _require_same_input(spec: InputSpec, stored: Mapping[str, Any], file: Path) -> None:
    current = json.loads(json.dumps(dataclasses.asdict(spec)))
    if current != {"value_range": None, **stored}:  # models that are older than the setting do not name it
        raise StoreError(f"{file} was saved with images prepared as {stored}, but this version uses {current}.")
