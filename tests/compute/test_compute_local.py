"""This machine as a place to compute."""

from __future__ import annotations

import pytest
import torch

from alframe.compute.local import Local
from alframe.errors import BadParams
from alframe.testing import ComputeSuite


class TestLocal(ComputeSuite):
    def make(self) -> Local:
        return Local()


def test_values_that_cannot_be_are_refused() -> None:
    for params in ({"workers": -1}, {"workers": "many"}, {"batch_size": 0}):
        with pytest.raises(BadParams):
            Local(**params)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(BadParams, match=r"compute.device=cuda: this machine has cpu\. Choose one of them, or auto"):
        Local(device="cuda").device()
