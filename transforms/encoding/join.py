"""Pieces of H.264 made into one video without encoding anything again.

Every piece begins with a picture that needs no other, has no B-frames and the clock of `encode_h264`, so its packets
are put behind those of the piece before. Equal pieces give equal bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction

import av

from schemas.errors import GenerationError


def join_h264(pieces: Sequence[bytes], fps: Fraction) -> bytes:
    """An MP4 file of pieces as `encode_h264` makes them, frame i shown at i / fps.

    Raises ValueError without pieces, GenerationError for pieces of other sizes or settings than the first.
    """
    if not pieces:
        raise ValueError("a video without pieces cannot be joined")
    whole = io.BytesIO()
    with av.open(io.BytesIO(pieces[0]), "r", format="mp4") as first, av.open(whole, "w", format="mp4") as container:
        stream = container.add_stream_from_template(first.streams.video[0])
        stream.time_base = 1 / fps
        header, frames = first.streams.video[0].codec_context.extradata, 0
        for piece in pieces:
            with av.open(io.BytesIO(piece), "r", format="mp4") as source:
                if source.streams.video[0].codec_context.extradata != header:
                    raise GenerationError("the pieces of a video were encoded differently; render it again")
                for packet in source.demux(source.streams.video[0]):
                    if packet.size:
                        packet.stream, packet.time_base = stream, 1 / fps
                        packet.pts = packet.dts = frames
                        packet.duration = 1
                        container.mux(packet)
                        frames += 1
    return whole.getvalue()
