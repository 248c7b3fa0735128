"""The stage that encodes what survived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from schemas.config import Config
from schemas.outcomes import Kept, Outcome
from schemas.records import Clip
from transforms.encoding.h264 import encode_h264
from transforms.stage import Stage


class Encode(Stage[Clip, Clip]):
    """Clip with frames to clip with media; the frames are let go."""

    name = "encode"
    accepts = Clip

    def __init__(self, config: Config) -> None:
        self._config = config.media

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        """One kept clip. Raises ValueError if the clip has no frames."""
        if item.frames is None:
            raise ValueError(f"clip {item.clip_id} came to be encoded without frames")
        media = encode_h264(item.frames, self._config)
        pts_T = tuple(int(pts) for pts in item.frames.pts_T)
        yield Kept(replace(item, media=media, frames=None, pts_T=pts_T, time_base=item.frames.time_base))
