"""A render job: who is seen, what moves the figure, what moves the ground, and for how long."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One video to render.

    reference: clip id, or an image file. reference_frame: of the reference's clip. pose: clip id.
    background: clip id, or a preset's name, or PRESET:STRENGTH. seconds: length. seed: equal seeds give equal videos.
    size: short side, px; None: what the model is at home with. priority: higher ones are rendered first; it does not
    change the video.
    """

    reference: str
    pose: str
    background: str = "static"
    reference_frame: int = 0
    seconds: float = 4.0
    seed: int = 0
    size: int | None = None
    priority: int = 0

    @property
    def job_id(self) -> str:
        """16 hex digits of the content: equal jobs have equal ids, whatever their priority."""
        content = asdict(self) | {"seconds": float(self.seconds)}
        del content["priority"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
