"""Some frames of a stored video: from the key frame before each one, and no further than needed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from fractions import Fraction
from typing import BinaryIO

import av
import numpy as np
from av.video.frame import VideoFrame

from schemas.arrays import U8
from schemas.errors import CorpusError
from transforms.decode.planes import matrix_of

_HEADERS_ONLY = {"skip_frame": "all", "probesize": "32", "analyzeduration": "0"}
"""For the look that FFmpeg takes at a stream when it is opened, not for what is decoded afterwards: the headers say all
that it is after, and without this it costs as much as several frames."""
Use = Callable[[int, U8, U8, U8, str], object]
"""Given a frame's index, its three planes, which are not valid any longer afterwards, and its YUV matrix."""
Take = Callable[[U8, U8, U8, str], U8]
"""What to keep of a frame, given the same without the index."""


def decode_some(video: BinaryIO, fps: Fraction, wanted: Collection[int], take: Take) -> dict[int, U8]:
    """What `take` makes of each wanted frame, by index. The rest as in `decode_each`."""
    taken: dict[int, U8] = {}
    decode_each(video, fps, wanted, lambda index, *frame: taken.update({index: take(*frame)}))
    return taken


def decode_each(video: BinaryIO, fps: Fraction, wanted: Collection[int], use: Use) -> None:
    """Call `use` with each wanted frame once, in order; frame i is the one shown at i / fps. video: an MP4 file, open.

    Raises CorpusError where a frame does not decode.
    """
    left = set(wanted)
    try:
        with av.open(video, "r", format="mp4", options=_HEADERS_ONLY) as container:
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            assert stream.time_base is not None
            ticks = float(1 / fps / stream.time_base)  # from one frame to the next
            keys = [round(entry.timestamp / ticks) for entry in stream.index_entries if entry.is_keyframe]
            at = 0  # index of the frame that the decoder gives next
            frames = container.decode(stream)
            for index in sorted(left):
                key = max((k for k in keys if k <= index), default=0)
                if key > at:
                    container.seek(round(key * ticks), stream=stream)
                    frames = container.decode(stream)
                for frame in frames:
                    assert frame.pts is not None
                    at = round(frame.pts / ticks) + 1
                    if at > index:
                        use(index, *_planes(frame), matrix_of(frame))
                        left.remove(index)
                        break
    except av.FFmpegError as error:
        raise CorpusError(f"a stored video does not decode: {error}; run `figureground check`") from error
    if left:
        raise CorpusError(f"frames {sorted(left)} of a stored video do not decode; run `figureground check`")


def _planes(frame: VideoFrame) -> tuple[U8, U8, U8]:
    """Views of Y, U and V."""
    y, u, v = (
        np.ndarray((plane.height, plane.width), np.uint8, memoryview(plane), strides=(plane.line_size, 1))
        for plane in frame.planes
    )
    return y, u, v
