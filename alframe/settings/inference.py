"""By which engine a network is run, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass

from alframe.settings.checks import InvalidSetting, check_choice

ENGINES = ("eager", "compile", "onnxruntime", "openvino")
PRECISIONS = ("fp32", "bf16")


@dataclass(frozen=True)
class Inference:
    """`engine`: eager, compile, onnxruntime, openvino, or auto (the fastest there is); `precision`: fp32 or bf16."""

    engine: str = "eager"
    precision: str = "fp32"

    def __post_init__(self) -> None:
        check_choice(self, engine=("auto", *ENGINES), precision=PRECISIONS)
        if (self.engine, self.precision) == ("onnxruntime", "bf16"):
            raise InvalidSetting(
                "precision",
                "bf16",
                "fp32 with engine=onnxruntime, which cannot compute in bf16 on a CPU; openvino and compile can",
            )

    def __str__(self) -> str:
        return f"{self.engine} in {self.precision}"
