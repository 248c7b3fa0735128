"""A worker's loop: orders in, the next clip of as many videos at once as fit, news out."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from multiprocessing.connection import Connection

import torch

from pipelines.farm.desk import AtWork, Desk
from pipelines.farm.folder import Progress
from pipelines.farm.orders import (
    Alive,
    Began,
    ClipMade,
    HandBack,
    Leave,
    News,
    Order,
    Returned,
    Shrunk,
    Take,
    Trace,
    VideoDone,
    VideoFailed,
)
from pipelines.farm.stepping import Made, Stepper
from schemas.errors import CorpusError, FiguregroundError, GenerationError

_ALIVE_EVERY_S = 1.0


class Bench:
    """Only its own thread steps videos and sends news; other threads ring."""

    def __init__(self, pipe: Connection, stepper: Stepper, batch: int) -> None:
        self._pipe, self._stepper, self._batch = pipe, stepper, batch
        self._inbox: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._videos: dict[str, AtWork] = {}
        self._turns = 0
        self._stepped: Counter[tuple[int, ...]] = Counter()  # when each kind was, last
        self._leaving = False
        self._stepping_s = self._waiting_s = self._said_at = 0.0

    def ring(self) -> None:
        """A thread has finished something. Called from any."""
        self._inbox.put(None)

    def work(self, desk: Desk) -> None:
        """Until told to leave, and what is under way is written. Raises CorpusError where nothing can be written."""
        threading.Thread(target=self._listen, name="orders", daemon=True).start()
        while True:
            self._settle(desk)
            if self._leaving and not self._videos:
                return
            batch = self._next_batch()
            if batch:
                self._step(desk, batch)
            else:
                self._wait(desk)
            with contextlib.suppress(queue.Empty):
                while True:
                    self._obey(desk, self._inbox.get_nowait())

    def _wait(self, desk: Desk) -> None:
        began = time.monotonic()
        self._obey(desk, self._inbox.get())
        self._waiting_s += time.monotonic() - began if self._videos else 0.0

    def _listen(self) -> None:
        """Orders, until the last one, which stands for a driver that is gone, too."""
        order: Order = HandBack("")
        while not isinstance(order, Leave):
            try:
                order = self._pipe.recv()
            except (EOFError, OSError):
                order = Leave()
            self._inbox.put(order)

    def _obey(self, desk: Desk, order: Order | None) -> None:
        if isinstance(order, Take):
            self._videos[order.job.job_id] = desk.begin(order.job, alone=order.alone)
        elif isinstance(order, HandBack) and order.job_id in self._videos:
            self._videos[order.job_id].leaving = True
        elif isinstance(order, Leave):
            self._leaving = True
            for at_work in self._videos.values():
                at_work.leaving = True

    def _settle(self, desk: Desk) -> None:
        """Tell what the threads have finished, and do what follows from it."""
        for job_id, at_work in list(self._videos.items()):
            if at_work.video is None and at_work.prepared.done():
                self._prepared(desk, at_work)
            elif at_work.unwritten and at_work.written is not None and at_work.written.done():
                self._written(at_work)
            if job_id in self._videos and at_work.leaving and not at_work.unwritten and at_work.prepared.done():
                self._drop(job_id, Returned(job_id))

    def _prepared(self, desk: Desk, at_work: AtWork) -> None:
        job_id = at_work.job.job_id
        try:
            prepared = at_work.prepared.result()
        except Exception as error:  # whatever is wrong with a job's inputs, it is that job's
            self._drop(job_id, VideoFailed(job_id, "inputs", _in_words(error)))
            return
        progress = prepared.progress
        self._tell(Began(job_id, len(progress.pieces), progress.clips, prepared.frames))
        if prepared.video is None:
            self._drop(job_id, VideoDone(job_id))
            return
        at_work.video, at_work.written = prepared.video, Future()
        at_work.written.set_result(progress)
        if not at_work.leaving:
            at_work.drawn = desk.draw(at_work, at_work.video.next_clip)

    def _written(self, at_work: AtWork) -> None:
        job_id, written = at_work.job.job_id, at_work.written
        assert written is not None
        try:
            progress: Progress = written.result()
        except (CorpusError, OSError):
            raise  # the disk: whatever is written next would fail, too
        except Exception as error:
            reason = "not_finite" if isinstance(error, GenerationError) else "error"
            self._drop(job_id, VideoFailed(job_id, reason, _in_words(error)))
            return
        made, at_work.unwritten = progress.pieces[-at_work.unwritten :], 0
        self._tell(*(ClipMade(job_id, piece.frames, piece.seconds) for piece in made))
        self._tell(Trace(self._stepping_s, self._waiting_s))
        self._stepping_s = self._waiting_s = 0.0
        at_work.leaving |= at_work.alone
        if progress.whole:
            self._drop(job_id, VideoDone(job_id))

    def _next_batch(self) -> list[AtWork]:
        """The first that came, so that one ends after the other; of several kinds, one after the other.

        A worker that steps one video at a time makes no difference between kinds.
        """
        ready = [
            (kind, at_work)
            for at_work in list(self._videos.values())
            if at_work.ready and (kind := self._kind(at_work)) is not None
        ]
        if not ready:
            return []
        chosen = ready[0][0] if self._batch == 1 else min((kind for kind, _ in ready), key=self._stepped.__getitem__)
        self._turns += 1
        self._stepped[chosen] = self._turns
        return [at_work for kind, at_work in ready if kind == chosen][: self._batch]

    def _kind(self, at_work: AtWork) -> tuple[int, ...] | None:
        """None where the clip could not be drawn, which ends the video."""
        assert at_work.video is not None and at_work.drawn is not None
        try:
            return at_work.video.kind(at_work.drawn.result())
        except Exception as error:
            self._drop(at_work.job.job_id, VideoFailed(at_work.job.job_id, "inputs", _in_words(error)))
            return None

    def _step(self, desk: Desk, batch: Sequence[AtWork]) -> None:
        began = time.monotonic()
        for at_work in batch:
            assert at_work.video is not None
            if at_work.following is None and not at_work.alone:
                at_work.following = desk.draw(at_work, at_work.video.next_clip + 1)
        made = self._made(batch)
        if isinstance(made, Exception):
            self._did_not_fit(batch, made) if _is_memory(made) else self._went_wrong(desk, batch, made)
            return
        seconds = time.monotonic() - began
        self._stepping_s += seconds
        for at_work, clip in zip(batch, made, strict=True):
            at_work.drawn, at_work.following = at_work.following, None
            desk.write(at_work, clip, seconds / len(batch))

    def _made(self, batch: Sequence[AtWork]) -> list[Made] | Exception:
        """The clips; or the error without the stack, which would hold on to the memory."""
        drawn = [at_work.drawn.result() for at_work in batch if at_work.drawn is not None]
        try:
            return self._stepper.step([at_work.video for at_work in batch], drawn, self._alive)
        except Exception as error:  # whatever a model raises, it is this batch's
            return error.with_traceback(None)

    def _did_not_fit(self, batch: Sequence[AtWork], error: Exception) -> None:
        """Go on with fewer videos at a time."""
        job_id = batch[0].job.job_id
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if len(batch) == 1:
            self._drop(job_id, VideoFailed(job_id, "out_of_memory", _in_words(error)))
            return
        self._batch = len(batch) // 2
        self._tell(Shrunk(self._batch))

    def _went_wrong(self, desk: Desk, batch: Sequence[AtWork], error: Exception) -> None:
        """One of them is to blame: each is tried alone."""
        if len(batch) > 1:
            for at_work in batch:
                self._step(desk, [at_work])
            return
        reason = "not_finite" if isinstance(error, GenerationError) else "error"
        self._drop(batch[0].job.job_id, VideoFailed(batch[0].job.job_id, reason, _in_words(error)))

    def _drop(self, job_id: str, news: News) -> None:
        del self._videos[job_id]
        self._tell(news)

    def _tell(self, *news: News) -> None:
        self._pipe.send(list(news))
        self._said_at = time.monotonic()

    def _alive(self) -> None:
        if time.monotonic() - self._said_at > _ALIVE_EVERY_S:
            self._tell(Alive())


def _is_memory(error: Exception) -> bool:
    """There was not enough, on the device or in the machine; for the latter torch has no class of its own."""
    return isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)) or "allocate memory" in str(error)


def _in_words(error: Exception) -> str:
    if isinstance(error, FiguregroundError):
        return str(error)
    return f"{type(error).__name__}: {(str(error).strip() or 'no more is known').splitlines()[0]}"
