"""Nearness of a frame to the true one without a network: L1, PSNR, SSIM; clean, and as DisCo's code has them.

Pictures are (H, W, 3) uint8 RGB of one size. What DisCo's evaluation (github.com/Wangt-CN/DisCo, `tool/metrics`), and
with it most papers on human video, does otherwise is kept under `disco_`: comparable with their tables, and wrong.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.arrays import U8

F64 = NDArray[np.float64]
MOST_DB = 100.0
"""PSNR of equal pictures."""
DISCO_SIDE = 256
"""DisCo compares squares of this side, px."""
_PEAK = 255.0
_C1, _C2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2
_GAUSSIAN, _SIGMA = 11, 1.5
_UNIFORM = 7


def l1(made: U8, true: U8) -> float:
    """Mean absolute difference, 0..1."""
    return float(np.abs(_apart(made, true)).mean() / _PEAK)


def psnr(made: U8, true: U8) -> float:
    """Peak signal over noise, dB, at most `MOST_DB`."""
    return _decibel(float(np.square(_apart(made, true)).mean()))


def ssim(made: U8, true: U8) -> float:
    """Structural similarity of the grey pictures, up to 1, as Wang et al. (2004) have it: Gaussian window, 11 px."""

    def blur(picture: F64) -> F64:
        soft = cv2.GaussianBlur(picture, (_GAUSSIAN, _GAUSSIAN), _SIGMA, borderType=cv2.BORDER_REFLECT_101)
        return np.asarray(soft, np.float64)

    return _similarity(made, true, blur, _GAUSSIAN // 2, 1.0)


def disco_l1(made: U8, true: U8) -> float:
    """Mean absolute difference in 0..255, over the number of pixels once more: depends on the size of the picture."""
    return float(np.abs(_apart(made, true)).mean() / (made.shape[0] * made.shape[1]))


def disco_psnr(made: U8, true: U8) -> float:
    """PSNR whose differences and squares run over the end of 8 bits, dB: 10 too many, about."""
    squares = (made - true) ** np.uint8(2)
    return _decibel(float(squares.mean()))


def disco_ssim(made: U8, true: U8) -> float:
    """Structural similarity of the grey pictures with scikit-image's defaults: uniform window, 7 px."""

    def blur(picture: F64) -> F64:
        soft = cv2.blur(picture, (_UNIFORM, _UNIFORM), borderType=cv2.BORDER_REFLECT)
        return np.asarray(soft, np.float64)

    return _similarity(made, true, blur, _UNIFORM // 2, _UNIFORM**2 / (_UNIFORM**2 - 1))


CLEAN: dict[str, Callable[[U8, U8], float]] = {"l1": l1, "psnr": psnr, "ssim": ssim}
DISCO: dict[str, Callable[[U8, U8], float]] = {
    "disco_l1": disco_l1,
    "disco_psnr": disco_psnr,
    "disco_ssim": disco_ssim,
}


def scaled(picture: U8, width: int, height: int) -> U8:
    """The picture at another size: averaged where it shrinks, cubic where it grows."""
    if picture.shape[1::-1] == (width, height):
        return picture
    way = cv2.INTER_AREA if height * width < picture.shape[0] * picture.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)


def _apart(made: U8, true: U8) -> F64:
    if made.shape != true.shape:
        raise ValueError(f"pictures of {made.shape} and {true.shape} cannot be compared")
    return made.astype(np.float64) - true


def _decibel(squared_error: float) -> float:
    return min(MOST_DB, float(10 * np.log10(_PEAK**2 / squared_error))) if squared_error else MOST_DB


def _similarity(made: U8, true: U8, blur: Callable[[F64], F64], margin: int, unbiased: float) -> float:
    """Mean of the map where the window lies within the picture. unbiased: factor from moments to sample covariances."""
    x, y = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64) for picture in (made, true))
    if min(x.shape) <= 2 * margin:
        raise ValueError(f"SSIM needs pictures of more than {2 * margin} px, not {x.shape[1]} x {x.shape[0]}")
    mean_x, mean_y = blur(x), blur(y)
    var_x = unbiased * (blur(x * x) - mean_x**2)
    var_y = unbiased * (blur(y * y) - mean_y**2)
    both = unbiased * (blur(x * y) - mean_x * mean_y)
    alike = (2 * mean_x * mean_y + _C1) * (2 * both + _C2)
    whole = alike / ((mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2))
    return float(whole[margin:-margin, margin:-margin].mean())
