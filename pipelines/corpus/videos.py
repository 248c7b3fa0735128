"""Stored videos, decoded."""

from __future__ import annotations

import io

from schemas.errors import CorpusError
from schemas.extras import needs


def count_frames(video: bytes) -> int:
    """Frames that really decode; those before the damage if the bytes are damaged.

    Raises CorpusError if PyAV is not installed.
    """
    try:
        import av
    except ModuleNotFoundError as error:
        raise CorpusError(needs("decoding stored videos", error.name)) from None
    frames = 0
    try:
        with av.open(io.BytesIO(video), mode="r") as container:
            for _ in container.decode(video=0):
                frames += 1
    except (av.FFmpegError, IndexError):
        return frames
    return frames
