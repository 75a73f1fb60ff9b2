"""YOLOX-tiny (Ge et al. 2021, "YOLOX: Exceeding YOLO series in 2021"), as far as prediction needs it.

The names of the modules are those of the published weights, so that a state dict loads with `strict=True`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

STRIDES = (8, 16, 32)


class Conv(nn.Module):
    """Convolution without bias, batch normalisation, SiLU."""

    def __init__(self, inputs: int, outputs: int, size: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H / stride, W / stride)."""
        y: Tensor = nn.functional.silu(self.bn(self.conv(x)))
        return y


class Bottleneck(nn.Module):
    """Two convolutions, with a shortcut or without."""

    def __init__(self, channels: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1, self.conv2 = Conv(channels, channels), Conv(channels, channels, 3)
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return the shape of `x`."""
        y: Tensor = self.conv2(self.conv1(x))
        return y + x if self.shortcut else y


class Csp(nn.Module):
    """A cross-stage partial block: half of the channels pass through bottlenecks."""

    def __init__(self, inputs: int, outputs: int, count: int = 1, shortcut: bool = False) -> None:
        super().__init__()
        half = outputs // 2
        self.conv1, self.conv2, self.conv3 = Conv(inputs, half), Conv(inputs, half), Conv(2 * half, outputs)
        self.m = nn.Sequential(*(Bottleneck(half, shortcut) for _ in range(count)))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H, W)."""
        y: Tensor = self.conv3(torch.cat([self.m(self.conv1(x)), self.conv2(x)], dim=1))
        return y


class Spp(nn.Module):
    """Spatial pyramid pooling over windows of 5, 9 and 13."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = Conv(channels, channels // 2), Conv(2 * channels, channels)
        self.m = nn.ModuleList(nn.MaxPool2d(size, stride=1, padding=size // 2) for size in (5, 9, 13))

    def forward(self, x: Tensor) -> Tensor:
        """Return the shape of `x`."""
        x = self.conv1(x)
        y: Tensor = self.conv2(torch.cat([x, *(pool(x) for pool in self.m)], dim=1))
        return y


class Focus(nn.Module):
    """Every second pixel as a channel of its own, then a convolution."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv = Conv(12, outputs, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H / 2, W / 2)."""
        parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
        y: Tensor = self.conv(torch.cat(parts, dim=1))
        return y


class Darknet(nn.Module):
    """CSPDarknet of width 0.375 and depth 0.33."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Focus(24)
        self.dark2 = nn.Sequential(Conv(24, 48, 3, 2), Csp(48, 48, 1, shortcut=True))
        self.dark3 = nn.Sequential(Conv(48, 96, 3, 2), Csp(96, 96, 3, shortcut=True))
        self.dark4 = nn.Sequential(Conv(96, 192, 3, 2), Csp(192, 192, 3, shortcut=True))
        self.dark5 = nn.Sequential(Conv(192, 384, 3, 2), Spp(384), Csp(384, 384))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the features at strides 8, 16 and 32."""
        small = self.dark3(self.dark2(self.stem(x)))
        middle = self.dark4(small)
        return small, middle, self.dark5(middle)


class Pyramid(nn.Module):
    """The feature pyramid of YOLOX: down to the coarsest features, and up again."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Darknet()
        self.lateral_conv0, self.C3_p4 = Conv(384, 192), Csp(384, 192)
        self.reduce_conv1, self.C3_p3 = Conv(192, 96), Csp(192, 96)
        self.bu_conv2, self.C3_n3 = Conv(96, 96, 3, 2), Csp(192, 192)
        self.bu_conv1, self.C3_n4 = Conv(192, 192, 3, 2), Csp(384, 384)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features of 96, 192 and 384 channels at strides 8, 16 and 32."""
        small, middle, large = self.backbone(x)
        top = self.lateral_conv0(large)
        low = self.reduce_conv1(self.C3_p4(torch.cat([_double(top), middle], dim=1)))
        fine = self.C3_p3(torch.cat([_double(low), small], dim=1))
        medium = self.C3_n3(torch.cat([self.bu_conv2(fine), low], dim=1))
        return fine, medium, self.C3_n4(torch.cat([self.bu_conv1(medium), top], dim=1))


class Head(nn.Module):
    """The decoupled head: class, box and objectness at each place of each stride."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stems = nn.ModuleList(Conv(channels, 96) for channels in (96, 192, 384))
        self.cls_convs = nn.ModuleList(nn.Sequential(Conv(96, 96, 3), Conv(96, 96, 3)) for _ in STRIDES)
        self.reg_convs = nn.ModuleList(nn.Sequential(Conv(96, 96, 3), Conv(96, 96, 3)) for _ in STRIDES)
        self.cls_preds = nn.ModuleList(nn.Conv2d(96, classes, 1) for _ in STRIDES)
        self.reg_preds = nn.ModuleList(nn.Conv2d(96, 4, 1) for _ in STRIDES)
        self.obj_preds = nn.ModuleList(nn.Conv2d(96, 1, 1) for _ in STRIDES)

    def forward(self, features: tuple[Tensor, ...]) -> Tensor:
        """Return (B, places, 4 + classes): centre and size in pixels, and objectness times class."""
        found = []
        for level, (x, stride) in enumerate(zip(features, STRIDES, strict=True)):
            x = self.stems[level](x)
            kinds = self.cls_preds[level](self.cls_convs[level](x)).sigmoid()
            x = self.reg_convs[level](x)
            boxes, objects = self.reg_preds[level](x), self.obj_preds[level](x).sigmoid()
            rows, columns = torch.arange(x.shape[2], device=x.device), torch.arange(x.shape[3], device=x.device)
            grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"))
            place = torch.cat([(boxes[:, :2] + grid) * stride, boxes[:, 2:].exp() * stride, objects * kinds], dim=1)
            found.append(place.flatten(2))
        return torch.cat(found, dim=2).transpose(1, 2)


class YoloxTiny(nn.Module):
    """From RGB pixels (B, 3, H, W) in 0 to 255, H and W multiples of 32, to the boxes of the head."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone, self.head = Pyramid(), Head(classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, places, 4 + classes)."""
        found: Tensor = self.head(self.backbone(x))
        return found


def _double(x: Tensor) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
