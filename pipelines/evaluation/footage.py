"""Videos as they are measured: read once, turned into RGB a piece at a time.

Shape suffixes: T frames, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.corpus.read import Corpus
from schemas.arrays import U8
from schemas.config import LimitsConfig
from schemas.errors import MediaError
from schemas.reasons import SourceReason
from schemas.records import Frames
from transforms.decode.opening import open_video
from transforms.decode.planes import PlaneReader, matrix_of
from transforms.encoding.h264 import decode_frames
from transforms.measures.pictures import scaled
from transforms.pixels import MATRIX_OF_RGB, rgb, yuv_of_rgb
from transforms.words import in_words

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif")
_INSIDE = "images"
"""Where the TikTok data set has the pictures of a video, beside its masks."""
_RATE = Fraction(30)
"""Of pictures in a folder, which have none of their own; TikTok's."""


class Footage:
    """A video. size: width and height, px; None: its own. index_T: frames to show, in order; None: all.

    A slice is (t, H, W, 3) uint8 RGB.
    """

    def __init__(
        self, frames: Frames, size: tuple[int, int] | None = None, index_T: NDArray[np.int64] | None = None
    ) -> None:
        self.frames = frames
        self.size = size or (frames.width, frames.height)
        self._index_T = np.arange(len(frames)) if index_T is None else index_T

    def __len__(self) -> int:
        return len(self._index_T)

    def __getitem__(self, span: slice) -> U8:
        shown = [scaled(rgb(self.frames, t), *self.size) for t in self._index_T[span].tolist()]
        return np.stack(shown) if shown else np.zeros((0, *self.size[::-1], 3), np.uint8)

    def at(self, size: tuple[int, int], frames: int) -> Footage:
        """The beginning, at another size."""
        return Footage(self.frames, size, self._index_T[:frames])

    def luma(self) -> U8:
        """(T, H, W) of the frames shown, at their own size."""
        return np.asarray(self.frames.luma_THW[self._index_T], np.uint8)


def read_clip(corpus: Corpus, clip_id: str, index_T: NDArray[np.int64] | None = None) -> Footage:
    """A kept clip's video. index_T: frames to show. Raises CorpusError if it has none."""
    media = corpus.media(clip_id)
    return Footage(decode_frames(media.video, media.fps), None, index_T)


def read_video(path: Path) -> Footage:
    """A video file, or a folder of pictures (itself, or its `images`). Raises MediaError for what is neither."""
    if path.is_dir():
        return Footage(_read_pictures(path / _INSIDE if (path / _INSIDE).is_dir() else path))
    return Footage(_read(path))


def _read(path: Path) -> Frames:
    try:
        opened = open_video(path, LimitsConfig())
    except MediaError as error:
        raise MediaError(error.reason, f"{path.name}: {error}") from error
    fps = opened.fps  # while the container is open
    yuv: list[U8] = []
    matrix, reader = MATRIX_OF_RGB, PlaneReader()
    with opened.container as container:
        try:
            for frame in container.decode(opened.stream):
                yuv.append(_even(*reader.read(frame)))
                matrix = matrix_of(frame)
        except av.FFmpegError as error:
            raise MediaError(SourceReason.DAMAGED, f"{path.name}: cannot be decoded: {in_words(error)}") from error
    return _frames(yuv, fps, path, matrix)


def _even(y_HW: U8, u_HW: U8, v_HW: U8) -> U8:
    """I420 without an odd last row or column."""
    height, width = (side // 2 for side in y_HW.shape)
    chroma = np.stack([plane[:height, :width] for plane in (u_HW, v_HW)])
    return np.concatenate([y_HW[: 2 * height, : 2 * width], chroma.reshape(height, 2 * width)])


def _read_pictures(folder: Path) -> Frames:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    return _frames(list(_pictures(paths)), _RATE, folder)


def _pictures(paths: list[Path]) -> Iterator[U8]:
    for path in paths:
        bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if bgr is None:
            raise MediaError(SourceReason.DAMAGED, f"{path} cannot be read as a picture")
        yield yuv_of_rgb(np.asarray(bgr[: bgr.shape[0] // 2 * 2, : bgr.shape[1] // 2 * 2, ::-1], np.uint8))


def _frames(yuv: list[U8], fps: Fraction, path: Path, matrix: str = MATRIX_OF_RGB) -> Frames:
    if not yuv:
        raise MediaError(SourceReason.EMPTY, f"{path.name}: there is no frame in it")
    if len({picture.shape for picture in yuv}) > 1:
        raise MediaError(SourceReason.DAMAGED, f"{path.name}: its frames differ in size")
    ticks = np.arange(len(yuv), dtype=np.int64)
    return Frames(np.stack(yuv), ticks, ticks, 1 / fps, fps, matrix)
