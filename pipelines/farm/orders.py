"""What goes between the driver of a farm and its workers. All of it is small and picklable."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.render_jobs import RenderJob


@dataclass(frozen=True, slots=True)
class Take:
    """Make a video. alone: one clip of it, then hand it back."""

    job: RenderJob
    alone: bool = False


@dataclass(frozen=True, slots=True)
class HandBack:
    """Stop with a video after the clip under way."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Stop with everything after the clips under way."""


@dataclass(frozen=True, slots=True)
class Began:
    """A video's inputs are read. clip: it goes on with, of so many clips and frames."""

    job_id: str
    clip: int
    clips: int
    frames: int


@dataclass(frozen=True, slots=True)
class ClipMade:
    """A clip is on disk. seconds: that it took, its share where several videos were stepped together."""

    job_id: str
    frames: int
    seconds: float


@dataclass(frozen=True, slots=True)
class VideoDone:
    """A video and its verdict are on disk."""

    job_id: str


@dataclass(frozen=True, slots=True)
class VideoFailed:
    """A video cannot be made. reason: inputs, not_finite, out_of_memory or error; detail: in words."""

    job_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Returned:
    """A video was handed back."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Shrunk:
    """There was no memory for as many videos at a time; from now on there are so many."""

    videos: int


@dataclass(frozen=True, slots=True)
class Trace:
    """A worker's time since it last said. stepping_s: in the model. waiting_s: for inputs, drawing or the disk."""

    stepping_s: float
    waiting_s: float


@dataclass(frozen=True, slots=True)
class Alive:
    """A step of the sampler was made."""


Order = Take | HandBack | Leave
News = Began | ClipMade | VideoDone | VideoFailed | Returned | Shrunk | Trace | Alive
