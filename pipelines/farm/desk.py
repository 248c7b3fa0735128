"""A worker's videos: inputs read and clips drawn ahead in one thread, finished clips encoded and written in another."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from torch import Tensor

from pipelines.corpus.read import Corpus
from pipelines.farm.folder import Progress, RendersFolder, Row
from pipelines.farm.stepping import Made, Stepper, Video
from pipelines.render import encode_pictures, picture, read_inputs
from pipelines.render_card import ModelCard
from schemas.errors import GenerationError
from schemas.render_jobs import RenderJob
from transforms.encoding.join import join_h264

_BEHIND = 2
"""Clips of a video that may wait to be written; each holds its frames."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A video whose inputs are read. progress: of what is on disk. whole: nothing is left to make."""

    video: Video | None
    progress: Progress
    frames: int


@dataclass(eq=False, slots=True)
class AtWork:
    """A video at a worker. alone: one clip, then it is handed back.

    drawn, following: what drives its next clip, and the one after while that is made. written: the progress after the
    last clip, when it is on disk. unwritten: clips that are made and not told as written.
    """

    job: RenderJob
    alone: bool
    prepared: Future[Prepared]
    video: Video | None = None
    drawn: Future[Any] | None = None
    following: Future[Any] | None = None
    written: Future[Progress] | None = None
    unwritten: int = 0
    leaving: bool = False

    @property
    def ready(self) -> bool:
        """Its next clip can be made at once."""
        return self.unwritten < _BEHIND and not self.leaving and self.drawn is not None and self.drawn.done()


class Desk:
    """Reads, draws, encodes and writes; the model's thread never does. ring: called when something is ready."""

    def __init__(
        self, corpus: Corpus, folder: RendersFolder, card: ModelCard, facts: Row, grid: bool, stepper: Stepper,
        ring: Callable[[], None],
    ) -> None:  # fmt: skip
        """facts: that go into every verdict."""
        self._corpus, self._folder, self._card, self._stepper = corpus, folder, card, stepper
        self._facts, self._grid, self._ring = facts, grid, ring
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._behind = ThreadPoolExecutor(1, thread_name_prefix="behind")

    def begin(self, job: RenderJob, *, alone: bool) -> AtWork:
        """Have a video's inputs read."""
        return AtWork(job, alone, self._soon(self._ahead, self._prepare, job))

    def draw(self, at_work: AtWork, clip: int) -> Future[Any] | None:
        """Have a clip drawn; None after the last."""
        assert at_work.video is not None
        return self._soon(self._ahead, at_work.video.draw, clip) if clip < at_work.video.clips else None

    def write(self, at_work: AtWork, made: Made, seconds: float) -> None:
        """Have a clip encoded and written, and the whole video after its last."""
        assert at_work.written is not None
        at_work.unwritten += 1
        at_work.written = self._soon(self._behind, self._write, at_work.job, at_work.written, made, seconds)

    def close(self) -> None:
        """Wait for what is under way."""
        self._ahead.shutdown(cancel_futures=True)
        self._behind.shutdown()

    def _soon(self, pool: ThreadPoolExecutor, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future = pool.submit(work, *arguments)
        future.add_done_callback(lambda _: self._ring())
        return future

    def _prepare(self, job: RenderJob) -> Prepared:
        inputs = read_inputs(self._corpus, job, self._card)
        progress = self._folder.progress(job.job_id)
        if progress is not None and progress.whole:
            self._finish(job, progress)
            return Prepared(None, progress, inputs.frames)
        done = len(progress.pieces) if progress else 0
        begun = self._folder.state(job.job_id, done) if progress and progress.state else nullcontext()
        with begun as state:
            video = self._stepper.prepare(inputs, done, state, grid=self._grid)
        if progress is None:
            width, height = inputs.reference.size
            progress = Progress(video.clips, inputs.fps, (width * 4 if self._grid else width, height))
        return Prepared(video, progress, inputs.frames)

    def _write(self, job: RenderJob, before: Future[Progress], made: Made, seconds: float) -> Progress:
        progress = before.result()
        piece = encode_pictures(map(_whole, made.frames()), progress.fps)
        last = len(progress.pieces) + 1 == progress.clips
        save = None if last else made.save
        progress = self._folder.add(job.job_id, progress, piece.video, piece.frames, seconds, save)
        if progress.whole:
            self._finish(job, progress)
        return progress

    def _finish(self, job: RenderJob, progress: Progress) -> None:
        video = join_h264(self._folder.pieces(job.job_id, progress.clips), progress.fps)
        verdict = {
            "path": f"videos/{job.job_id}.mp4",
            "frames": sum(piece.frames for piece in progress.pieces),
            "fps": str(progress.fps),
            "width": progress.size[0],
            "height": progress.size[1],
            "clips": progress.clips,
            "timings": {
                "render_s": round(sum(p.seconds for p in progress.pieces), 4),
                "clips_s": [p.seconds for p in progress.pieces],
            },
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "host": socket.gethostname(),
            "pid": os.getpid(),
        }
        self._folder.finish(job, video, self._facts | verdict)


def _whole(frame_3HW: Tensor) -> Any:
    if not frame_3HW.isfinite().all():
        raise GenerationError("a frame came out as NaN or infinite")
    return picture(frame_3HW)
