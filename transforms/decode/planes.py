"""The planes of a decoded frame as 8-bit 4:2:0 limited range, copied only where they are something else."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from schemas.arrays import U8

Planes = tuple[U8, U8, U8]
"""Y (h, w), U and V (ceil(h / 2), ceil(w / 2))."""

_BT709, _RGB, _UNSPECIFIED = 1, 0, 2
_SMPTE170M = frozenset({4, 5, 6, 7})
"""FCC, BT.470BG, SMPTE 170M and 240M (ITU-T H.273 table 4): one matrix, or nearly."""


def matrix_of(frame: VideoFrame) -> str:
    """YUV matrix of the working frames made of this one: `bt709` or `smpte170m`.

    Where the stream says nothing: BT.709 from 720 lines on, as players guess.
    """
    if frame.colorspace in _SMPTE170M:
        return "smpte170m"
    if frame.colorspace == _UNSPECIFIED and "rgb" not in frame.format.name and "bgr" not in frame.format.name:
        return "bt709" if min(frame.width, frame.height) >= 720 else "smpte170m"
    return "bt709"


class PlaneReader:
    """Gives the planes of frames; keeps FFmpeg's converter between frames."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def read(self, frame: VideoFrame) -> Planes:
        """Views into the frame's own memory, or into a converted copy; good while the frame's planes are."""
        if frame.format.name != "yuv420p" or frame.color_range == ColorRange.JPEG:
            frame = self._converted(frame)
        y, u, v = (_view(plane) for plane in frame.planes)
        return y, u, v

    def _converted(self, frame: VideoFrame) -> VideoFrame:
        full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
        known = frame.colorspace not in (_RGB, _UNSPECIFIED)
        target = Colorspace.ITU709 if matrix_of(frame) == "bt709" else Colorspace.ITU601
        return self._reformatter.reformat(
            frame,
            format="yuv420p",
            src_colorspace=frame.colorspace if known else target,
            dst_colorspace=target,
            src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
        )


def _view(plane: object) -> U8:
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload, attr-defined]
    view: U8 = rows[: plane.height, : plane.width]  # type: ignore[attr-defined]
    return view
