"""Whether a job can be rendered, told from facts alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from pipelines.farm.facts import ClipFacts, Facts, PersonFacts
from pipelines.render_terms import frame_count, output_size, preset_of
from schemas.errors import GenerationError
from schemas.render_jobs import RenderJob
from transforms.track_presets.tracks import PRESETS, retime

SMALLEST, LARGEST = 16, 4096
"""Short sides that make sense, px."""
LONGEST_S = 3 * 3600.0
_FEWEST_FRAMES = 2
_SEEDS, _PRIORITIES = range(2**63), range(-(2**63), 2**63)

Mistake = tuple[str, str]
"""The job's field, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image file as a reference. size: width and height, px. person: None if nobody is found; then `error` says."""

    size: tuple[int, int] = (0, 0)
    person: PersonFacts | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class JobChecks:
    """What a batch is checked against.

    images: by path. size_multiple, default_size: of the model, px. loop_poses: a pose that is shorter than asked for
    may be played to and fro.
    """

    facts: Facts
    images: Mapping[str, ImageFacts]
    size_multiple: int
    default_size: int
    loop_poses: bool = False

    def mistakes(self, job: RenderJob) -> list[Mistake]:
        """Everything that is wrong with a job."""
        pieces = (self.of_numbers(job), self.of_reference(job), self.of_pose(job), self.of_background(job))
        return [mistake for piece in pieces for mistake in piece]

    def of_numbers(self, job: RenderJob) -> Iterator[Mistake]:
        """Size, length, seed and priority."""
        if job.size is not None and not SMALLEST <= job.size <= LARGEST:
            yield "size", f"{job.size} px is absurd; the short side is {SMALLEST} to {LARGEST} px"
        elif job.size is not None and job.size % self.size_multiple:
            yield (
                "size",
                f"the model makes pictures whose sides are multiples of {self.size_multiple} px, not {job.size}",
            )
        if not _sensible(job.seconds):
            yield "seconds", f"{job.seconds:g} s is absurd; a video lasts more than 0 and at most {LONGEST_S:g} s"
        if job.seed not in _SEEDS:
            yield "seed", f"{job.seed} is not in 0..{_SEEDS[-1]}"
        if job.priority not in _PRIORITIES:
            yield "priority", f"{job.priority} does not fit into 64 bits"

    def of_reference(self, job: RenderJob) -> Iterator[Mistake]:
        """Somebody is seen in the reference."""
        clip, frame = self.facts.clips.get(job.reference), job.reference_frame
        if clip is None:
            yield from self._picture(job)
            return
        if not 0 <= frame < clip.frames:
            yield "reference_frame", f"clip {job.reference} has frames 0 to {clip.frames - 1}, no frame {frame}"
        elif clip.person is None:
            yield "reference", f"clip {job.reference} shows no person"
        elif not clip.person.seen_T[frame]:
            best = clip.person.best_frame
            others = "nor whole enough in another" if best is None else f"but in frame {best}"
            yield "reference_frame", f"nobody is found in frame {frame} of clip {job.reference}, {others}"
        elif job.pose != job.reference and not clip.person.measured_T[frame]:
            yield "reference_frame", f"no hips are seen in frame {frame} of clip {job.reference}: no pose can drive it"

    def _picture(self, job: RenderJob) -> Iterator[Mistake]:
        image = self.images.get(job.reference)
        if image is None:
            yield "reference", self._missing(job.reference, "and there is no image file of this name")
        elif image.person is None:
            yield "reference", image.error
        elif image.person.best_frame is None:
            yield "reference", f"{job.reference} shows nobody whom a pose could drive: mask or hips are missing"
        elif job.reference_frame:
            yield "reference_frame", f"{job.reference} is an image, it has no frame {job.reference_frame}"

    def of_pose(self, job: RenderJob) -> Iterator[Mistake]:
        """Somebody drives the figure, for long enough."""
        clip = self.facts.clips.get(job.pose)
        if clip is None:
            yield "pose", self._missing(job.pose)
        elif clip.person is None:
            yield "pose", f"clip {job.pose} shows no person"
        elif _sensible(job.seconds):
            yield from self._driving(job, clip, clip.person)

    def _driving(self, job: RenderJob, clip: ClipFacts, person: PersonFacts) -> Iterator[Mistake]:
        count = frame_count(job.seconds, clip.fps)
        useful_T = person.found_T if job.pose == job.reference else person.measured_T
        if count < _FEWEST_FRAMES:
            yield "seconds", f"{job.seconds:g} s at {float(clip.fps):g} frames per second are fewer than two frames"
        elif count > clip.frames and not self.loop_poses:
            lasts, asked = float(clip.frames / clip.fps), f"{job.seconds:g} s are asked for"
            yield "pose", f"clip {job.pose} lasts {lasts:.4g} s, {asked}; --loop-poses plays poses to and fro"
        elif not useful_T[:count].any():
            yield "pose", f"clip {job.pose} shows nobody who could drive a figure in its first {count} frames"

    def of_background(self, job: RenderJob) -> Iterator[Mistake]:
        """The ground has points, or is a preset."""
        try:
            preset = preset_of(job.background)
        except GenerationError as error:
            yield "background", str(error)
            return
        if preset is not None:
            return
        clip = self.facts.clips.get(job.background)
        if clip is None:
            yield "background", self._missing(job.background, f"and the presets are {', '.join(PRESETS)}")
        elif clip.innermost_T2 is None or not np.isfinite(clip.innermost_T2).any():
            yield "background", f"clip {job.background} has no point on its ground"
        elif not self._grounded(job, clip):
            yield "background", f"clip {job.background} has no point on its ground where and when this video shows it"

    def _grounded(self, job: RenderJob, clip: ClipFacts) -> bool:
        """The points reach what is seen of them; True also where other mistakes hide that."""
        pose, source = (
            self.facts.clips.get(job.pose),
            self.facts.clips.get(job.reference) or self.images.get(job.reference),
        )
        size = job.size or self.default_size
        if pose is None or source is None or not min(source.size) or not _sensible(job.seconds) or size < SMALLEST:
            return True
        shown = retime(clip.frames, clip.fps, frame_count(job.seconds, pose.fps), pose.fps)
        return clip.grounded(output_size(source.size, size, self.size_multiple), shown)

    def _missing(self, clip_id: str, also: str = "") -> str:
        if clip_id in self.facts.rejected:
            return f"clip {clip_id} was not kept, so it has no video to render from"
        return ", ".join(filter(None, (f"the corpus has no clip {clip_id!r}", also)))


def _sensible(seconds: float) -> bool:
    return math.isfinite(seconds) and 0 < seconds <= LONGEST_S
