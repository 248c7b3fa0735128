"""How far a driver has come, summed up from what its pool tells; written into a file for whoever watches."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field

from pipelines.farm.orders import Began, ClipMade, News, Returned, Trace, VideoDone, VideoFailed

_LEAST_CLIPS = 3


@dataclass(slots=True)
class Tally:
    """jobs: in the list. earlier: done by drivers before. clips_left: at the start.

    reasons: of failures. running: clips made and to make of videos at workers. stepping_s, waiting_s: of all workers.
    """

    jobs: int
    earlier: int
    clips_left: int
    workers: int = 0
    done: int = 0
    failed: int = 0
    clips: int = 0
    frames: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    running: dict[str, tuple[int, int]] = field(default_factory=dict)
    stepping_s: float = 0.0
    waiting_s: float = 0.0
    started_at: float = field(default_factory=time.time)
    _began: float = field(default_factory=time.monotonic)

    def add(self, news: News) -> None:
        """Take news into account."""
        if isinstance(news, Began):
            self.running[news.job_id] = news.clip, news.clips
        elif isinstance(news, ClipMade):
            made, clips = self.running[news.job_id]
            self.running[news.job_id] = made + 1, clips
            self.clips += 1
            self.frames += news.frames
        elif isinstance(news, Trace):
            self.stepping_s += news.stepping_s
            self.waiting_s += news.waiting_s
        elif isinstance(news, VideoDone | VideoFailed | Returned):
            self._settle(news)

    def _settle(self, news: VideoDone | VideoFailed | Returned) -> None:
        made, clips = self.running.pop(news.job_id, (0, 0))
        self.done += isinstance(news, VideoDone)
        if isinstance(news, VideoFailed):
            self.failed += 1
            self.reasons[news.reason] = self.reasons.get(news.reason, 0) + 1
            self.clips_left -= clips - made

    @property
    def left(self) -> int:
        """Jobs without a verdict."""
        return self.jobs - self.earlier - self.done - self.failed

    @property
    def elapsed_s(self) -> float:
        """Since the start; never 0."""
        return max(time.monotonic() - self._began, 1e-3)

    @property
    def busy(self) -> float | None:
        """Share of the time in which workers with videos were in the model."""
        told = self.stepping_s + self.waiting_s
        return self.stepping_s / told if told else None

    @property
    def left_s(self) -> float | None:
        """Seconds to go at the pace so far; None while that would be a guess."""
        if not self.left:
            return 0.0
        return (
            self.elapsed_s * max(0, self.clips_left - self.clips) / self.clips if self.clips >= _LEAST_CLIPS else None
        )

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        told = asdict(self)
        del told["_began"]
        return told | {
            "left": self.left,
            "elapsed_s": round(self.elapsed_s, 2),
            "clips_per_s": round(self.clips / self.elapsed_s, 3),
            "frames_per_s": round(self.frames / self.elapsed_s, 2),
            "busy": self.busy,
            "time_left_s": self.left_s,
        }
