"""The grain of a scene: luma noise that moves from frame to frame, alike for every renderer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transforms.synthesis.scene import Scene

_MARGIN = 64


def grain_of(scene: Scene) -> NDArray[np.int16]:
    """Noise for a picture and a margin, in 0..255 of luma; frames take it from different places."""
    side = scene.size + _MARGIN
    noise = np.random.default_rng([*scene.seed, 1]).standard_normal((side, side), np.float32) * scene.grain
    return np.round(noise).astype(np.int16)


def grain_place(frame: int) -> tuple[int, int]:
    """Column and row of the noise where a frame's begins."""
    return frame * 29 % _MARGIN, frame * 53 % _MARGIN
