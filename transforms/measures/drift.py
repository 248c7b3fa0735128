"""How colours wander from clip to clip of a long video: of the whole picture, and of the person alone.

Shape suffixes: T frames, K clips, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.arrays import Bool
from transforms.measures.film import Film
from transforms.measures.slope import slope

F64 = NDArray[np.float64]
_RANGES = ((0.0, 100.0), (-110.0, 110.0), (-110.0, 110.0))
_BINS = (4, 16, 16)
"""Of lightness few: light may change, the colour of clothes and skin should not."""
_LEAST_PX = 16


@dataclass(frozen=True, slots=True)
class Drift:
    """Distance of each clip from the first, and how fast it grows. Clips in which there is nothing to see are left out.

    per_clip: change per clip by a straight line; None for fewer than two clips.
    """

    distances: tuple[float, ...]
    per_clip: float | None

    @classmethod
    def along(cls, distances: Sequence[float]) -> Drift:
        """From the distances in order."""
        return cls(tuple(distances), slope(distances) if len(distances) > 1 else None)


def colour_drift(film: Film, clip_frames: int, mask_THW: Bool | None = None) -> Drift:
    """Of the mean colour, in CIE Lab (ΔE of 1976: about 2 can just be seen). mask: the person; None: whole pictures."""
    means = [lab.mean(0) for lab in _clips(film, clip_frames, mask_THW)]
    return Drift.along([float(np.linalg.norm(mean - means[0])) for mean in means])


def identity_drift(film: Film, clip_frames: int, mask_THW: Bool) -> Drift:
    """Of the person's histogram of colours: Hellinger distance, 0 alike to 1 nothing in common."""
    roots = [np.sqrt(_histogram(lab)) for lab in _clips(film, clip_frames, mask_THW)]
    return Drift.along([float(np.sqrt(max(0.0, 1 - (root * roots[0]).sum()))) for root in roots])


def _clips(film: Film, clip_frames: int, mask_THW: Bool | None) -> Iterator[F64]:
    """(pixels, 3) CIE Lab of each clip. A rest shorter than half a clip belongs to the clip before it."""
    count = max(1, round(len(film) / clip_frames))
    for k in range(count):
        span = slice(k * clip_frames, None if k + 1 == count else (k + 1) * clip_frames)
        frames = film[span]
        pixels = frames.reshape(-1, 3) if mask_THW is None else frames[mask_THW[span]]
        if len(pixels) >= _LEAST_PX:
            unit = pixels[None].astype(np.float32) / np.float32(255)
            yield np.asarray(cv2.cvtColor(unit, cv2.COLOR_RGB2Lab)[0], np.float64)


def _histogram(lab_N3: F64) -> F64:
    counts, _ = np.histogramdd(lab_N3, _BINS, _RANGES)
    return np.asarray(counts / counts.sum())
