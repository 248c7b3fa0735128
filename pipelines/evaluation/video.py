"""A subject's video and, once they are asked for, its truth and what drove it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd
from typing import TYPE_CHECKING

from pipelines.corpus.layout import as_file
from pipelines.corpus.read import Corpus
from pipelines.evaluation.footage import Footage, read_clip, read_video
from pipelines.evaluation.subjects import Subject
from schemas.errors import MediaError
from schemas.reasons import SourceReason
from transforms.measures.pictures import DISCO_SIDE
from transforms.track_presets.tracks import retime

if TYPE_CHECKING:
    from pipelines.render_inputs import Inputs


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What a video's renderer must have been like. A side's nearest multiple of their greatest common divisor is it."""

    size: int
    size_multiple: int
    clip_frames: int


class SubjectVideo:
    """corpus: None where there is no job. Raises MediaError for a video that cannot be read."""

    def __init__(self, subject: Subject, corpus: Corpus | None) -> None:
        self.subject, self._corpus = subject, corpus
        try:
            with as_file(subject.video) as path:
                self.made = read_video(path)
        except OSError as error:
            raise MediaError(SourceReason.UNREADABLE, f"{subject.video}: {error.strerror}") from error

    @cached_property
    def pair(self) -> tuple[Footage, Footage]:
        """The video and the true one, at the video's size, as long as both are there. Raises as the readers do."""
        frames = min(len(self.made), len(self._truth))
        return self.made.at(self.made.size, frames), self._truth.at(self.made.size, frames)

    def squares(self, disco: bool) -> tuple[Footage, Footage]:
        """The pair; for DisCo's figures as squares of its size."""
        if not disco:
            return self.pair
        made, true = (film.at((DISCO_SIDE, DISCO_SIDE), len(film)) for film in self.pair)
        return made, true

    @cached_property
    def _truth(self) -> Footage:
        if self.subject.true_clip is None:
            assert self.subject.truth is not None
            return read_video(self.subject.truth)
        assert self._corpus is not None
        whole = read_clip(self._corpus, self.subject.true_clip)
        fps = whole.frames.fps
        return Footage(whole.frames, None, retime(len(whole), fps, len(self.made), fps))

    @cached_property
    def inputs(self) -> Inputs:
        """What drove the video, in its own px. Raises CorpusError or GenerationError where that is gone."""
        from pipelines.render import read_inputs

        assert self.subject.job is not None and self._corpus is not None
        width, height = self.made.size
        sizes = _Sizes(min(width, height), gcd(width, height), self.subject.clip_frames)
        return read_inputs(self._corpus, replace(self.subject.job, size=sizes.size), sizes)
