"""Steps videos of a trained generator. Needs torch and diffusers.

Shape suffixes: B videos, T frames, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import torch
from torch import Tensor

from models.generator.clip_caches import VideoCache
from models.generator.conditions import ClipInputs
from models.generator.decoding import ClipDecoder
from models.generator.pipeline import Sampling, VideoInputs
from models.generator.state import ClipState
from models.generator.stream import new_frames, step
from pipelines.farm.stepping import Made
from pipelines.render_card import ModelCard
from pipelines.render_clips import VideoClips, reference_tensors
from pipelines.render_inputs import Inputs
from pipelines.render_models import beside, load_pipeline
from schemas.errors import GenerationError


class ModelVideo:
    """A video of a generator. state: None until its first step."""

    def __init__(self, inputs: Inputs, clip_frames: int, clip: int, state: ClipState | None, grid: bool) -> None:
        self.reference, self.seed, self.grid = reference_tensors(inputs.reference), inputs.seed, grid
        self.all = VideoClips(inputs, self.reference, clip_frames)
        self.clips, self.next_clip = len(self.all), clip
        self.state = state
        self.cache: VideoCache | None = None

    def draw(self, clip: int) -> ClipInputs:
        """Rasters and motion of a clip."""
        return self.all[clip]

    def kind(self, drawn: ClipInputs) -> tuple[int, ...]:
        """Frames, height and width."""
        return drawn.frames, *self.reference.picture_B3HW.shape[-2:]


class ModelStepper:
    """Steps videos of a trained generator."""

    def __init__(self, card: ModelCard) -> None:
        self._pipeline = load_pipeline(card)
        self.precision: str | None = str(self._pipeline.dtype).removeprefix("torch.")
        self._sampling, self._clip_frames = Sampling(card.steps, card.options.guidance), card.clip_frames
        self._decoder = ClipDecoder(self._pipeline.vae)

    def prepare(self, inputs: Inputs, clip: int, state: Path | None, *, grid: bool) -> ModelVideo:
        """See `Stepper`."""
        if inputs.frames < 2:
            raise GenerationError("a generator makes videos of at least 2 frames; ask for more seconds")
        loaded = ClipState.load(state) if state else None
        return ModelVideo(inputs, self._clip_frames, clip, loaded, grid)

    def step(self, videos: Sequence[ModelVideo], drawn: Sequence[ClipInputs], alive: Callable[[], None]) -> list[Made]:
        """See `Stepper`."""
        begun = [self._begun(video, given) for video, given in zip(videos, drawn, strict=True)]
        states, caches = [state for state, _ in begun], [cache for _, cache in begun]
        pixels, after = step(self._pipeline, self._decoder, states, caches, drawn, self._sampling, lambda *_: alive())
        for video, state in zip(videos, after, strict=True):
            video.state, video.next_clip = state, state.next_clip
        return [_made(*each, pixels, index) for index, each in enumerate(zip(videos, drawn, after, strict=True))]

    def close(self) -> None:
        """See `Stepper`."""
        self._decoder.__exit__(None, None, None)

    def _begun(self, video: ModelVideo, first: ClipInputs) -> tuple[ClipState, VideoCache]:
        state = video.state or self._pipeline.begin(VideoInputs(video.reference.picture_B3HW[0], video.seed, [first]))
        state = state.to(self._pipeline.device)
        if video.cache is None:
            video.cache = self._pipeline.cache(state)
        return state, video.cache


def _made(video: ModelVideo, drawn: ClipInputs, state: ClipState, pixels: Future[Tensor], index: int) -> Made:
    def frames() -> Iterator[Tensor]:
        new = new_frames(pixels.result()[index], state)
        return beside(video.reference, _conditions(drawn) if video.grid else None, new)

    return Made(frames, state.save)


def _conditions(drawn: ClipInputs) -> tuple[Tensor, Tensor]:
    """Both rasters with a batch of one; black where nothing drives."""
    given = [raster for raster in (drawn.pose_T3HW, drawn.points_T3HW) if raster is not None]
    pose, points = (
        torch.zeros_like(given[0]) if raster is None else raster for raster in (drawn.pose_T3HW, drawn.points_T3HW)
    )
    return pose[None], points[None]
