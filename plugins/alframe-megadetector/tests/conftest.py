"""Detectors that are small and know one thing: how bright a picture is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

NAMES = "{0: 'animal', 1: 'person', 2: 'vehicle'}"
Toy = Callable[..., Path]


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """Write a detector of 64 x 64 pixels that sees one object in the middle, 16 x 8 pixels, as sure as it is bright."""

    def write(later: bool = False, names: str = NAMES, side: Any = 64, batch: Any = "batch") -> Path:
        onnx = pytest.importorskip("onnx")
        helper, numpy_helper = onnx.helper, onnx.numpy_helper
        box = np.array([[[32, 32, 16, 8]]], np.float32)
        classes = np.array([[[0.9, 0.2, 0.1]]], np.float32)
        constants = {"box": box, "classes": classes, "zero": np.zeros(1, np.float32), "shape": np.array([-1, 1, 1])}
        nodes = [
            helper.make_node("ReduceMean", ["images"], ["mean4"], axes=[1, 2, 3], keepdims=1),
            helper.make_node("Reshape", ["mean4", "shape"], ["bright"]),
            helper.make_node("Mul", ["bright", "zero"], ["nothing"]),
            helper.make_node("Add", ["box", "nothing"], ["boxes"]),
            helper.make_node("Add", ["classes", "nothing"], ["scores"]),
        ]
        if later:
            nodes += [
                helper.make_node("Mul", ["scores", "bright"], ["sure"]),
                helper.make_node("Concat", ["boxes", "sure"], ["rows"], axis=2),
                helper.make_node("Transpose", ["rows"], ["output0"], perm=[0, 2, 1]),
            ]
        else:
            nodes.append(helper.make_node("Concat", ["boxes", "bright", "scores"], ["output0"], axis=2))
        float_type = onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            nodes,
            "toy",
            [helper.make_tensor_value_info("images", float_type, [batch, 3, side, side])],
            [helper.make_tensor_value_info("output0", float_type, None)],
            [numpy_helper.from_array(array, name) for name, array in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        if names:
            helper.set_model_props(model, {"names": names, "stride": "32", **({"task": "detect"} if later else {})})
        file = tmp_path / f"toy{'-later' if later else ''}.onnx"
        onnx.save(model, file)
        return file

    return write
