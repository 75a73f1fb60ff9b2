"""By which engine a network is run, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.errors import BadParams

ENGINES = ("eager", "compile", "onnxruntime", "openvino")
PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True, slots=True)
class Inference:
    """`engine`: eager, compile, onnxruntime, openvino, or auto (the fastest there is); `precision`: fp32 or bf16."""

    engine: str = "eager"
    precision: str = "fp32"

    def __post_init__(self) -> None:
        if self.engine not in ("auto", *ENGINES):
            raise BadParams(f"inference.engine is '{self.engine}'; it can be auto, {', '.join(ENGINES)}.")
        if self.precision not in PRECISIONS:
            raise BadParams(f"inference.precision is '{self.precision}'; it can be {' or '.join(PRECISIONS)}.")
        if (self.engine, self.precision) == ("onnxruntime", "bf16"):
            raise BadParams("inference.engine=onnxruntime cannot compute in bf16 on a CPU; openvino and compile can.")

    def __str__(self) -> str:
        return f"{self.engine} in {self.precision}"
