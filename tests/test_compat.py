"""torchvision and faiss are usable beside torch as it is installed."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

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
