"""I3D, the network of FVD: Inception-v1 whose filters see time, too.

Carreira and Zisserman, "Quo Vadis, Action Recognition?", 2017. Parameters are named as in the conversion that
evaluations of FVD share (`i3d_pretrained_400.pt`). Shape suffixes: B batch, C channels, T frames, H rows, W columns.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 400
SIDE = 224
"""Of the pictures it sees, px."""
Size = tuple[int, int, int]
_BLOCKS: dict[str, tuple[int, ...]] = {
    "Mixed_3b": (192, 64, 96, 128, 16, 32, 32),
    "Mixed_3c": (256, 128, 128, 192, 32, 96, 64),
    "MaxPool3d_4a_3x3": (3, 2),
    "Mixed_4b": (480, 192, 96, 208, 16, 48, 64),
    "Mixed_4c": (512, 160, 112, 224, 24, 64, 64),
    "Mixed_4d": (512, 128, 128, 256, 24, 64, 64),
    "Mixed_4e": (512, 112, 144, 288, 32, 64, 64),
    "Mixed_4f": (528, 256, 160, 320, 32, 128, 128),
    "MaxPool3d_5a_2x2": (2, 2),
    "Mixed_5b": (832, 256, 160, 320, 32, 128, 128),
    "Mixed_5c": (832, 384, 192, 384, 48, 128, 128),
}
"""Of Inception blocks the channels: in, then of the branches (1, 3a, 3b, 5a, 5b, pool). Of pools size and stride,
alike in all directions."""


class I3D(nn.Sequential):
    """(B, 3, T, 224, 224) in -1..1 to logits (B, 400)."""

    def __init__(self) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            Conv3d_1a_7x7=_Unit(3, 64, 7, 2),
            MaxPool3d_2a_3x3=_Pool((1, 3, 3), (1, 2, 2)),
            Conv3d_2b_1x1=_Unit(64, 64, 1),
            Conv3d_2c_3x3=_Unit(64, 192, 3),
            MaxPool3d_3a_3x3=_Pool((1, 3, 3), (1, 2, 2)),
        )
        for name, numbers in _BLOCKS.items():
            layers[name] = _even_pool(*numbers) if name.startswith("Max") else _Block(*numbers)
        layers["average"] = nn.AdaptiveAvgPool3d(1)
        layers["logits"] = _Unit(1024, CLASSES, 1, plain=True)
        layers["flat"] = nn.Flatten()
        super().__init__(layers)


class _Unit(nn.Module):
    """Convolution, normalisation and ReLU; plain: a convolution with a bias, alone."""

    def __init__(self, inside: int, outside: int, size: int, stride: int = 1, *, plain: bool = False) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inside, outside, size, stride, bias=plain)
        self.bn = None if plain else nn.BatchNorm3d(outside, eps=0.001)

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        kernel, stride = (_size(self.conv3d.kernel_size), _size(self.conv3d.stride))
        y: Tensor = self.conv3d(_padded(x_BCTHW, kernel, stride))
        return y if self.bn is None else F.relu(self.bn(y))


class _Pool(nn.Module):
    """Largest of a neighbourhood. What is padded is 0, which after a ReLU is never larger."""

    def __init__(self, size: Size, stride: Size) -> None:
        super().__init__()
        self.size, self.stride = size, stride

    def forward(self, x_BCTHW: Tensor) -> Tensor:
        return F.max_pool3d(_padded(x_BCTHW, self.size, self.stride), self.size, self.stride)


def _even_pool(size: int, stride: int) -> _Pool:
    return _Pool((size, size, size), (stride, stride, stride))


class _Block(nn.Module):
    """Four branches side by side."""

    def __init__(self, inside: int, b0: int, b1a: int, b1b: int, b2a: int, b2b: int, b3b: int) -> None:
        super().__init__()
        self.b0 = _Unit(inside, b0, 1)
        self.b1a, self.b1b = _Unit(inside, b1a, 1), _Unit(b1a, b1b, 3)
        self.b2a, self.b2b = _Unit(inside, b2a, 1), _Unit(b2a, b2b, 3)
        self.b3a, self.b3b = _Pool((3, 3, 3), (1, 1, 1)), _Unit(inside, b3b, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), self.b3b(self.b3a(x))], 1)


def _padded(x_BCTHW: Tensor, size: Size, stride: Size) -> Tensor:
    """As TensorFlow pads for "same": the output is the input over the stride, rounded up; the odd one goes behind."""
    around: list[int] = []
    for length, k, s in zip(x_BCTHW.shape[:1:-1], size[::-1], stride[::-1], strict=True):
        total = max(0, (-(-length // s) - 1) * s + k - length)
        around += [total // 2, total - total // 2]
    return F.pad(x_BCTHW, around)


def _size(numbers: tuple[int, ...]) -> Size:
    t, h, w = numbers
    return t, h, w
