"""Frames and pieces of video as the features that metrics compare. Import only where torch is installed.

Frames are (T, H, W, 3) uint8 RGB. Shape suffixes: T frames, N windows, D features.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from models.features import i3d, resnet3d
from models.features.loading import device, load
from models.features.needs import I3D, INCEPTION, RESNET_3D, VGG
from models.weights.states import read_state
from schemas.arrays import F32, U8
from schemas.errors import WeightsError

_FRAMES_AT_ONCE, _WINDOWS_AT_ONCE = 16, 4
_SLICES = (4, 9, 16, 23, 30)
"""Where the parts of VGG-16 end that LPIPS compares."""


class Inception:
    """Inception-v3 as FID has it (torch-fidelity): TensorFlow's weights and resizing, the pool of 2048."""

    def __init__(self) -> None:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

        state = read_state(INCEPTION)
        with tempfile.TemporaryDirectory() as folder:  # the class reads a file: one of verified tensors alone
            path = Path(folder) / "inception.pth"
            torch.save(state, path)
            try:
                network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(path))
            except RuntimeError as error:
                raise WeightsError(f"{INCEPTION} are weights of another network: {error}") from None
        self._network: Any = network.to(device())

    @torch.inference_mode()
    def __call__(self, frames_THW3: U8) -> F32:
        """(T, 2048)."""
        found = [self._network(batch.to(device()))[0] for batch in _batches(frames_THW3)]
        return np.asarray(torch.cat(found).cpu().numpy(), np.float32)


class Lpips:
    """Perceptual distance of frames (Zhang et al. 2018): VGG-16, torchmetrics' code and its linear layers (v0.1).

    disco: pictures in 0..1 are given where the network expects -1..1, as DisCo's code has it.
    """

    def __init__(self) -> None:
        from torchmetrics.functional.image.lpips import _LPIPS

        network = _LPIPS(pretrained=True, net="vgg", pnet_rand=True)
        parts: dict[str, str] = {}
        start = 0
        for number, end in enumerate(_SLICES, 1):
            parts |= {f"features.{layer}.": f"slice{number}.{layer}." for layer in range(start, end)}
            start = end
        load(network.net, VGG, parts, drop="classifier.")
        self._network: Any = network.eval().to(device())

    @torch.inference_mode()
    def __call__(self, made_THW3: U8, true_THW3: U8, *, disco: bool = False) -> F32:
        """(T,), 0 for equal frames."""
        found = []
        for made, true in zip(_batches(made_THW3), _batches(true_THW3), strict=True):
            pair = [batch.to(device()).float() / 255 for batch in (made, true)]
            found.append(self._network(*pair, normalize=not disco).flatten())
        return np.asarray(torch.cat(found).cpu().numpy(), np.float32)


class VideoNetwork:
    """Features of pieces of video. metric: `fvd` (I3D's logits, 400) or `fid_vid` (3D ResNet-50's pool, 2048)."""

    def __init__(self, metric: str) -> None:
        self._network: nn.Module
        if metric == "fvd":
            self._network, self._side = load(i3d.I3D(), I3D), i3d.SIDE
            self._mean, self._scale = torch.full((3,), 127.5), 127.5
        else:
            self._network = load(resnet3d.ResNet3D(), RESNET_3D, drop=resnet3d.CLASSIFIER)
            self._side, self._mean, self._scale = resnet3d.SIDE, torch.tensor(resnet3d.MEAN_RGB), 1.0

    @torch.inference_mode()
    def __call__(self, windows: Iterable[U8]) -> F32:
        """(N, D) of windows of equal length."""
        found, incoming = [], iter(windows)
        while pieces := [self._seen(window) for window in islice(incoming, _WINDOWS_AT_ONCE)]:
            found.append(self._network(torch.stack(pieces).to(device())))
        return np.asarray(torch.cat(found).cpu().numpy(), np.float32)

    def _seen(self, window_THW3: U8) -> Tensor:
        """(3, T, side, side): squeezed into the square, as these networks are evaluated."""
        size = (self._side, self._side)
        shrinks = min(window_THW3.shape[1:3]) >= self._side
        way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        small = np.stack([cv2.resize(frame, size, interpolation=way) for frame in window_THW3])
        return ((torch.from_numpy(small).float() - self._mean) / self._scale).permute(3, 0, 1, 2)


def _batches(frames_THW3: U8) -> Iterator[Tensor]:
    """(n, 3, H, W) uint8."""
    for start in range(0, len(frames_THW3), _FRAMES_AT_ONCE):
        piece = np.ascontiguousarray(frames_THW3[start : start + _FRAMES_AT_ONCE])
        yield torch.from_numpy(piece).permute(0, 3, 1, 2)
