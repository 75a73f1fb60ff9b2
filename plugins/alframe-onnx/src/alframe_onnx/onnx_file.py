"""The whole model as one ONNX file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from alframe.contracts import ExportableModel
from alframe.errors import BadParams
from alframe.kit.exporting import explain_write_errors
from alframe.kit.files import replace_atomically
from alframe.types import Floats, Predictions
from alframe_onnx.comparison import Comparison, torch_predictor
from alframe_onnx.description import describe_model
from alframe_onnx.quiet import quiet
from alframe_onnx.standalone import StandaloneNetwork, example_pixels, free_sizes, standalone_network

OPSET = 18  # the first whose Resize has an antialiased filter


class Onnx:
    """Exporter of one ONNX file, from RGB pictures of any size to probabilities and the embedding.

    What the file gives is compared with the run's own predictions; a file that differs is not written.

    `file`: its name, without a folder.
    `license`: licence of the model, as an SPDX identifier, for the file's metadata.
    `images`: images of the pool to compare on, at least 1.
    `tolerance`: largest difference of a probability there, above 0 and below 1.
    """

    def __init__(
        self, file: str = "model.onnx", license: str | None = None, images: int = 32, tolerance: float = 0.1
    ) -> None:
        if Path(file).name != file or not file.endswith(".onnx"):
            raise BadParams(f"exporter.onnx.file={file}: must be the name of a file that ends with .onnx.")
        self.file, self.license = file, license
        self.comparison = Comparison("onnx", images, tolerance)

    def export(self, predictions: Predictions, model: ExportableModel, folder: Path) -> list[Path]:
        """Replace the file. Raises AlframeError for a model that cannot be exported, or that differs afterwards."""
        network = standalone_network(model, "onnx")
        description = describe_model(model, predictions, self.license)
        target = folder / self.file
        with explain_write_errors(target), replace_atomically(target) as temporary:
            program = _convert(network)
            pictures = self.comparison.pictures(predictions)
            predict = _Session(program.model_proto.SerializeToString())
            self.comparison.require_converted(predict, torch_predictor(network), network.size, pictures)
            compared = self.comparison.require_same(predict, model, pictures)
            program.model.metadata_props.update({**description, "compared_on": str(compared or "no image")})
            program.save(temporary, external_data=False)
            _Session(temporary.read_bytes())  # it can be read back
        return [target]


def _convert(network: StandaloneNetwork) -> Any:
    """Return the ONNX program of the network."""
    with quiet(), torch.random.fork_rng(devices=[]):
        return torch.onnx.export(
            network,
            (example_pixels(),),
            dynamo=True,
            dynamic_shapes=free_sizes(),
            input_names=["pixels"],
            output_names=["probabilities", "embedding"],
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )


class _Session:
    """An ONNX file in ONNX Runtime, on the CPU, as the predictor of one picture."""

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        self._session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])

    def __call__(self, picture: Image.Image) -> Floats:
        inputs: Mapping[str, Any] = {"pixels": np.array(picture)[None]}
        probs: Floats = self._session.run(["probabilities"], inputs)[0][0]
        return probs
