"""Pictures and videos of the site, made once: a clip that was drawn is not drawn again while its rows are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

import av
import cv2
import numpy as np

from pipelines.corpus.clips import StoredClip
from pipelines.corpus.layout import write_atomically
from pipelines.corpus.rows import Row
from pipelines.view import draw_clip
from schemas.arrays import U8
from schemas.config import LimitsConfig, MediaConfig
from schemas.errors import MediaError
from transforms.decode.opening import open_video
from transforms.encoding.h264 import encode_h264
from transforms.pixels import rgb, sample_indices

_VIDEO = MediaConfig(crf=26)
_POSTER_WIDTH = 320
_JPEG_QUALITY = 78
_STRIP_FRAMES = 5
_STRIP_HEIGHT = 180
_OF_A_CLIP = ("video/{}.mp4", "poster/{}.jpg", "strip/{}.jpg", "rejected/{}.jpg", "clip/{}.html")
_FOLDERS = ("video", "poster", "strip", "rejected", "clip", "reason", ".made")


def make_folders(out: Path) -> None:
    """The folders of a site."""
    for folder in _FOLDERS:
        (out / folder).mkdir(parents=True, exist_ok=True)


def draw(clip: StoredClip, out: Path) -> bool:
    """Write the overlay video, poster and strip of a clip; False if they were there already."""
    mark, made = _mark(clip), out / ".made" / clip.clip_id
    if made.exists() and made.read_text() == mark:
        return False
    drawn = draw_clip(clip)
    middle = rgb(drawn, len(drawn) // 2)
    strip = [_scaled(rgb(drawn, i), height=_STRIP_HEIGHT) for i in sample_indices(len(drawn), _STRIP_FRAMES)]
    write_atomically(out / "video" / f"{clip.clip_id}.mp4", encode_h264(drawn, _VIDEO).video)
    write_atomically(out / "poster" / f"{clip.clip_id}.jpg", jpeg(_scaled(middle, width=_POSTER_WIDTH)))
    write_atomically(out / "strip" / f"{clip.clip_id}.jpg", jpeg(np.hstack(strip)))
    made.write_text(mark)
    return True


def picture_rejected(row: Row, uri: str, out: Path) -> bool:
    """Write a frame out of the middle of a rejected clip, if its source is a file that is still there."""
    path, source = out / "rejected" / f"{row['clip_id']}.jpg", Path(uri)
    if path.exists():
        return True
    if "://" in uri or not source.is_file() or row["start_s"] is None:
        return False
    try:
        picture = _frame_at(source, (row["start_s"] + row["end_s"]) / 2)
    except (MediaError, av.FFmpegError, ValueError):
        return False
    if picture is None:
        return False
    (out / ".made" / row["clip_id"]).write_text("rejected")
    write_atomically(path, jpeg(_scaled(picture, width=_POSTER_WIDTH)))
    return True


def remove_others(out: Path, clip_ids: Collection[str], reasons: Collection[str]) -> None:
    """Remove what was made of clips and reasons that the corpus no longer has: a forgotten source leaves nothing."""
    for mark in list((out / ".made").iterdir()):
        if mark.name not in clip_ids:
            for name in _OF_A_CLIP:
                (out / name.format(mark.name)).unlink(missing_ok=True)
            mark.unlink()
    for path in list((out / "reason").glob("*.html")):
        if path.stem not in reasons:
            path.unlink()


def jpeg(rgb_HW3: U8) -> bytes:
    """As JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    return cv2.imencode(".jpg", cv2.cvtColor(rgb_HW3, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def _mark(clip: StoredClip) -> str:
    return hashlib.sha256("\n".join(clip.origin).encode()).hexdigest()


def _frame_at(path: Path, seconds: float) -> U8 | None:
    opened = open_video(path, LimitsConfig())
    with opened.container as container:
        stream = opened.stream
        assert stream.time_base is not None
        start = stream.start_time or 0
        container.seek(start + int(seconds / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if frame.pts is None or (frame.pts - start) * stream.time_base >= seconds:
                return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    return None


def _scaled(rgb_HW3: U8, *, width: int | None = None, height: int | None = None) -> U8:
    scale = (width or 0) / rgb_HW3.shape[1] or (height or 0) / rgb_HW3.shape[0]
    size = (max(1, round(rgb_HW3.shape[1] * scale)), max(1, round(rgb_HW3.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb_HW3, size, interpolation=cv2.INTER_AREA), np.uint8)
