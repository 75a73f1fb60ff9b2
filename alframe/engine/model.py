"""The trained model as one folder, which can predict without a configuration."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from alframe.builtins import REGISTRIES, alframe_version
from alframe.contracts import Head
from alframe.engine.checked_head import CheckedHead
from alframe.engine.embedding.embed_pool import cut_batches
from alframe.engine.embedding.embedder import Embedder, embed_batches, make_embedder
from alframe.engine.model_file import MODEL_FILE, MODEL_FORMAT, ModelDescription, checksum_arrays, read_model_file
from alframe.engine.weights_files import load_arrays, load_weights, save_arrays, save_weights
from alframe.errors import AlframeError, PoolError, StoreError
from alframe.settings import Inference
from alframe.store.files import replace_atomically, write_json
from alframe.types import Floats, InputSpec, Item

BATCH_SIZE = 64
EXPORT_AGAIN = "Export the model again with `alframe export`."


@dataclass(frozen=True, slots=True)
class Model:
    """Backbone, head and class list, with the recipes from which the two parts can be built again."""

    embedder: Embedder
    head: Head
    classes: tuple[str, ...]
    backbone_recipe: Mapping[str, Any]
    head_recipe: Mapping[str, Any]

    @property
    def input_spec(self) -> InputSpec:
        """The preparation of images for the network."""
        return self.embedder.input_spec

    @property
    def fingerprint(self) -> str:
        """The digest of the network's weights, structure and input."""
        return self.embedder.network_digest

    def copy_backbone_network(self) -> nn.Module:
        """Return a copy of the network on the CPU, in evaluation mode."""
        network = copy.deepcopy(self.embedder.module).eval().cpu()
        network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # not in torch's types
        return network

    def save(self, folder: Path) -> None:
        """Replace `folder` by this model, after checking that the written model gives the same probabilities.

        Files: model.json (classes, preprocessing, recipes, versions), backbone.safetensors, head.safetensors.
        """
        with replace_atomically(folder) as temporary:
            temporary.mkdir(parents=True)
            # The pretrained weights are in the file, so nothing is to be fetched when it is loaded.
            save_weights(self.embedder.module.state_dict(), temporary / "backbone.safetensors")
            arrays = {name: np.ascontiguousarray(array) for name, array in self.head.state().items()}
            save_arrays(arrays, temporary / "head.safetensors")
            write_json(
                temporary / MODEL_FILE,
                {
                    "format": MODEL_FORMAT,
                    "alframe": alframe_version(),
                    "classes": list(self.classes),
                    "preprocessing": dataclasses.asdict(self.embedder.input_spec),
                    "backbone": dict(self.backbone_recipe),
                    "head": dict(self.head_recipe),
                    "fingerprint": self.embedder.network_digest,
                    "head_checksum": checksum_arrays(arrays),
                },
            )
            self._require_same_model(load_model(temporary, self.embedder.device))

    def predict_probs(self, paths: Sequence[str | Path], workers: int = 0) -> Floats:
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
        """Yield batches: positions (b,), probabilities (b, C) with NaN for unreadable images, and the reasons."""
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

    def _require_same_model(self, other: Model) -> None:
        if other.embedder.network_digest != self.embedder.network_digest:
            raise StoreError(
                "The saved backbone differs from the one in memory, so the model was not written. Export it again."
            )
        trial = _trial_features(self.embedder.dim)
        if not np.allclose(self.head.probs(trial), other.head.probs(trial), atol=1e-6):
            raise StoreError(
                "The probabilities of the saved head differ from those in memory, so the model was not written. Export "
                "it again."
            )


def load_model(folder: str | Path, device: str = "cpu", inference: Inference = Inference()) -> Model:
    """Load the model in `folder`. `inference` sets the engine, which may differ from the engine of the project.

    Raises StoreError if a file is missing or does not fit, and EngineError if the engine is not installed.
    """
    folder = Path(folder)
    model = read_model_file(folder)
    weights = load_weights(folder / "backbone.safetensors", EXPORT_AGAIN)
    arrays = load_arrays(folder / "head.safetensors", EXPORT_AGAIN)
    if model.head_checksum not in (None, checksum_arrays(arrays)):
        raise _damaged_error(folder, "head.safetensors is not the exported file")
    embedder = _load_embedder(folder, model, weights, device, inference)
    _require_same_input(embedder.input_spec, model.preprocessing, folder / MODEL_FILE)
    if embedder.network_digest != model.fingerprint:
        raise _damaged_error(folder, "backbone.safetensors, or the backbone's settings, were changed after the export")
    head = _load_head(folder, model, arrays, embedder.dim)
    return Model(embedder, head, model.classes, model.backbone, model.head)


def _load_embedder(
    folder: Path, model: ModelDescription, weights: Mapping[str, Any], device: str, inference: Inference
) -> Embedder:
    backbone = REGISTRIES["backbone"].build(model.backbone)
    try:
        return make_embedder(backbone, model.backbone, seed=0, device=device, weights=weights, inference=inference)
    except AlframeError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise _damaged_error(
            folder, f"the weights do not fit the backbone that {MODEL_FILE} describes: {reason}"
        ) from error


def _load_head(folder: Path, model: ModelDescription, arrays: dict[str, Any], dim: int) -> Head:
    head = CheckedHead(REGISTRIES["head"].build(model.head), model.head)
    try:
        head.load(arrays)
        classes = head.probs(_trial_features(dim)).shape[1]
    except Exception as error:
        raise _damaged_error(
            folder, f"head.safetensors does not fit the head that {MODEL_FILE} describes: {error}"
        ) from error
    if classes != len(model.classes):
        raise _damaged_error(folder, f"the head knows {classes} classes, but {MODEL_FILE} names {len(model.classes)}")
    return head


def _trial_features(dim: int) -> Floats:
    return np.random.default_rng(0).normal(size=(32, dim)).astype(np.float32)


def _damaged_error(folder: Path, reason: str) -> StoreError:
    return StoreError(f"The model in {folder} is damaged: {reason}. {EXPORT_AGAIN}")


def _require_same_input(spec: InputSpec, stored: Mapping[str, Any], file: Path) -> None:
    current = json.loads(json.dumps(dataclasses.asdict(spec)))
    if current != {"value_range": None, **stored}:  # models that are older than the setting do not name it
        raise StoreError(
            f"{file} was saved with images prepared as {stored}, but this version uses {current}. {EXPORT_AGAIN}"
        )
