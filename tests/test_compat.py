"""torchvision is usable whether or not its compiled part fits the installed torch."""

from __future__ import annotations

import subprocess
import sys


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
