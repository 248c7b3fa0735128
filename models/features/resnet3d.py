"""3D ResNet-50, the network of FID-VID.

Hara et al., "Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and ImageNet?", 2018; shortcut type B.
Parameters are named as in their `resnet-50-kinetics.pth`, without the classifier.
"""

from __future__ import annotations

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 112
"""Of the pictures it sees, px."""
MEAN_RGB = (114.7748, 107.7354, 99.4750)
"""Of ActivityNet, 0..255; it was trained without dividing by anything."""
CLASSIFIER = "fc."
_DEPTHS = (3, 4, 6, 3)
_GROWTH = 4


class ResNet3D(nn.Sequential):
    """(B, 3, T, H, W), mean taken away, to features (B, 2048)."""

    def __init__(self) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv1=nn.Conv3d(3, 64, 7, (1, 2, 2), 3, bias=False),
            bn1=nn.BatchNorm3d(64),
            relu=nn.ReLU(),
            maxpool=nn.MaxPool3d(3, 2, 1),
        )
        inside = 64
        for index, depth in enumerate(_DEPTHS):
            width = 64 * 2**index
            blocks = [_Bottleneck(inside, width, 2 if index else 1)]
            inside = width * _GROWTH
            blocks += [_Bottleneck(inside, width, 1) for _ in range(depth - 1)]
            layers[f"layer{index + 1}"] = nn.Sequential(*blocks)
        layers["average"] = nn.AdaptiveAvgPool3d(1)
        layers["flat"] = nn.Flatten()
        super().__init__(layers)


class _Bottleneck(nn.Module):
    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        outside = width * _GROWTH
        self.conv1, self.bn1 = nn.Conv3d(inside, width, 1, bias=False), nn.BatchNorm3d(width)
        self.conv2, self.bn2 = nn.Conv3d(width, width, 3, stride, 1, bias=False), nn.BatchNorm3d(width)
        self.conv3, self.bn3 = nn.Conv3d(width, outside, 1, bias=False), nn.BatchNorm3d(outside)
        self.downsample: nn.Module | None = None
        if stride != 1 or inside != outside:
            self.downsample = nn.Sequential(nn.Conv3d(inside, outside, 1, stride, bias=False), nn.BatchNorm3d(outside))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        kept = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn3(self.conv3(y)) + kept)
