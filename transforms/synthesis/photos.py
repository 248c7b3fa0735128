"""A folder of photographs and videos as the far background of scenes, used where it lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from schemas.arrays import U8
from schemas.errors import ConfigError

_IMAGES = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}
_VIDEOS = {".avi", ".mkv", ".mov", ".mp4", ".webm"}


@dataclass(frozen=True, slots=True)
class PhotoFolder:
    """Draws pictures from image files and from frames of video files."""

    paths: tuple[str, ...]

    @classmethod
    def at(cls, folder: Path) -> PhotoFolder:
        """All images and videos under a folder. Raises ConfigError if there are none."""
        paths = sorted(str(p) for p in folder.rglob("*") if p.suffix.lower() in _IMAGES | _VIDEOS)
        if not paths:
            raise ConfigError(f"{folder} holds no images ({', '.join(sorted(_IMAGES))}) and no videos")
        return cls(tuple(paths))

    def __call__(self, rng: np.random.Generator, height: int, width: int) -> U8:
        """(height, width, 3) RGB: a random part of a random picture, scaled to fill.

        Raises ConfigError for a file that cannot be read.
        """
        path = self.paths[int(rng.integers(len(self.paths)))]
        picture = _frame(path, rng) if Path(path).suffix.lower() in _VIDEOS else cv2.imread(path)
        if picture is None:
            raise ConfigError(f"{path} cannot be read as a picture; remove it from the folder of textures")
        return _cover(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8), rng, height, width)


def _cover(rgb: U8, rng: np.random.Generator, height: int, width: int) -> U8:
    scale = max(height / rgb.shape[0], width / rgb.shape[1])
    shape = (max(width, round(rgb.shape[1] * scale)), max(height, round(rgb.shape[0] * scale)))
    scaled = cv2.resize(rgb, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    y, x = int(rng.integers(scaled.shape[0] - height + 1)), int(rng.integers(scaled.shape[1] - width + 1))
    return np.asarray(scaled[y : y + height, x : x + width], np.uint8)


def _frame(path: str, rng: np.random.Generator) -> U8 | None:
    """A key frame of a video as BGR; None if nothing can be decoded."""
    import av

    share = float(rng.random())
    try:
        with av.open(path, options={"protocol_whitelist": "file"}) as container:
            if container.duration:
                container.seek(int(container.duration * share))
            for frame in container.decode(video=0):
                return np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    except (av.FFmpegError, IndexError):
        return None
    return None
