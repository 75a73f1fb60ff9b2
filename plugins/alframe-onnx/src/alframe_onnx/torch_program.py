"""The whole model as a program of torch.export."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch

from alframe.contracts import ExportableModel
from alframe.errors import BadParams
from alframe.kit.exporting import explain_write_errors
from alframe.kit.files import replace_atomically
from alframe.types import Predictions
from alframe_onnx.comparison import Comparison, torch_predictor
from alframe_onnx.description import describe_model
from alframe_onnx.quiet import quiet
from alframe_onnx.standalone import example_pixels, free_sizes, standalone_network

DESCRIPTION = "description.json"


class TorchExport:
    """Exporter of one .pt2 file: PyTorch loads it without alframe, timm or any class of ours.

    What the file gives is compared with the run's own predictions; a file that differs is not written.

    `file`: its name, without a folder.
    `license`: licence of the model, as an SPDX identifier, for the description inside.
    `images`: images of the pool to compare on, at least 1.
    `tolerance`: largest difference of a probability there, above 0 and below 1.
    """

    def __init__(
        self, file: str = "model.pt2", license: str | None = None, images: int = 32, tolerance: float = 0.1
    ) -> None:
        if Path(file).name != file or not file.endswith(".pt2"):
            raise BadParams(f"exporter.torch_export.file={file}: must be the name of a file that ends with .pt2.")
        self.file, self.license = file, license
        self.comparison = Comparison("torch_export", images, tolerance)

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Replace the file. Raises AlframeError for a model that cannot be exported, or that differs afterwards."""
        network = standalone_network(model, "torch_export")
        description = describe_model(model, predictions, self.license)
        target = folder / self.file
        with explain_write_errors(target), replace_atomically(target) as temporary, quiet():
            program = torch.export.export(network, (example_pixels(),), dynamic_shapes=free_sizes())
            _save(program, temporary, {})
            pictures = self.comparison.pictures(predictions)
            with temporary.open("rb") as file:
                predict = torch_predictor(torch.export.load(file).module())
            self.comparison.require_converted(predict, torch_predictor(network), network.size, pictures)
            compared = self.comparison.require_same(predict, model, pictures)
            description["compared_on"] = str(compared or "no image")
            _save(program, temporary, description)
        return [target]


def _save(program: torch.export.ExportedProgram, path: Path, description: Mapping[str, str]) -> None:
    with path.open("wb") as file:  # a path would have to end with .pt2
        torch.export.save(program, file, extra_files={DESCRIPTION: json.dumps(description)})
