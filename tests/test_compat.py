"""torchvision and faiss are usable beside torch as it is installed."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest
import torch  # if the platform were another one, it could not be imported
from packaging.version import Version

from alframe import compat


def test_torchvision_and_timm_in_a_fresh_process() -> None:
    code = (
        "from alframe.compat import import_timm, import_torchvision\n"
        "timm = import_timm()\n"
        "from torchvision import transforms\n"
        "assert import_torchvision() is import_torchvision()\n"
        "print(timm.is_model('resnet18'), transforms.RandomErasing.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["True", "RandomErasing"], done.stderr


def test_networks_are_built_without_the_compiler_of_torch_which_stays_usable() -> None:
    names = ("torch._dynamo", "sympy") if Version(torch.__version__) >= Version("2.5") else ("torch._dynamo",)
    code = (
        "import sys\n"
        "from alframe.backbones.efficientnet_lite import EfficientNetLite\n"
        "module = EfficientNetLite(pretrained=False).module(0)\n"
        f"imported = [name for name in {names} if name in sys.modules]\n"
        "import torch\n"
        "from torchvision.ops.roi_align import is_compile_supported\n"
        "from alframe.compat import _disable_when_called\n"
        "function = _disable_when_called(lambda x: x + torch.compiler.is_compiling())\n"
        "zero = torch.zeros(1)\n"
        "values = [float(function(zero)), float(torch.compile(lambda x: function(x) * 1, backend='eager')(zero))]\n"
        "print(imported, module(torch.zeros(1, 3, 64, 64)).shape[1], is_compile_supported('cpu'), values)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split("\n")[0] == "[] 1280 True [0.0, 0.0]", done.stderr


@pytest.mark.parametrize(("platform", "threads"), [("darwin", [1]), ("linux", [])])
def test_faiss_has_one_thread_where_two_openmps_would_abort(monkeypatch, platform, threads):
    asked = []
    fake = ModuleType("faiss")
    fake.omp_set_num_threads = asked.append
    monkeypatch.setitem(sys.modules, "faiss", fake)
    monkeypatch.setattr(sys, "platform", platform)
    assert compat.import_faiss() is fake
    assert asked == threads
    assert "torch" in sys.modules
