"""What can render: the warp, which needs no weights, and trained generators, by name or by folder. Needs torch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from models.generator.warp.renderer import WarpRenderer
from models.generator.warp.scene import Reference
from pipelines.render_card import POCKET, WARP, ModelCard, Sizes, read_card
from pipelines.render_clips import Rasters, VideoClips, clip_drives, reference_tensors
from pipelines.render_inputs import Inputs
from schemas.errors import GenerationError
from schemas.sampling import Precision
from schemas.skeletons import SKELETONS

if TYPE_CHECKING:
    from models.generator.pipeline import HumanVideoPipeline

__all__ = ["POCKET", "WARP", "Renderer", "open_renderer"]


class Renderer(Sizes, Protocol):
    """What makes videos."""

    def frames(self, inputs: Inputs, *, grid: bool) -> Iterator[Tensor]:
        """(3, H, W) frames in 0..1, made clip by clip; a grid is four pictures wide."""
        ...


class _OfCard:
    """card: what the renderer is."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card

    @property
    def size(self) -> int:
        """Short side it is at home with, px."""
        return self.card.size

    @property
    def size_multiple(self) -> int:
        """What width and height must be multiples of, px."""
        return self.card.size_multiple

    @property
    def clip_frames(self) -> int:
        """Frames made at once; neighbouring clips share one."""
        return self.card.clip_frames


class WarpVideo(_OfCard):
    """The renderer without weights."""

    def __init__(self, card: ModelCard | None = None) -> None:
        super().__init__(card or read_card(WARP))

    def frames(self, inputs: Inputs, *, grid: bool) -> Iterator[Tensor]:
        """(3, H, W) frames in 0..1; grid: reference, pose, points and result side by side."""
        reference = reference_tensors(inputs.reference)
        rasters = Rasters(reference, SKELETONS[inputs.pose.skeleton]) if grid else None
        drives = list(clip_drives(inputs, self.clip_frames))
        for drive, frames in zip(drives, WarpRenderer().render(reference, drives), strict=True):
            yield from beside(reference, rasters.draw(drive) if rasters else None, frames[0])


class ModelVideo(_OfCard):
    """A trained generator."""

    def __init__(self, card: ModelCard) -> None:
        from models.generator.pipeline import Sampling

        super().__init__(card)
        self._pipeline = load_pipeline(card)
        self._sampling = Sampling(card.steps, card.options.guidance)

    def frames(self, inputs: Inputs, *, grid: bool) -> Iterator[Tensor]:
        """(3, H, W) frames in 0..1; grid: reference, pose, points and result side by side."""
        from models.generator.pipeline import VideoInputs

        if inputs.frames < 2:
            raise GenerationError("a generator makes videos of at least 2 frames; ask for more seconds")
        reference = reference_tensors(inputs.reference)
        clips = VideoClips(inputs, reference, self.clip_frames)
        video = VideoInputs(reference.picture_B3HW[0], inputs.seed, clips)
        for result in self._pipeline.stream([video], self._sampling):
            conditions = clips.rasters.draw(clips.drives[result.clip]) if grid else None
            yield from beside(reference, conditions, result.frames_T3HW)


def open_renderer(model: str, steps: int | None = None) -> Renderer:
    """A renderer by name (`warp`, `pocket`) or a generator by the folder it was saved in.

    Raises GenerationError for a name that is none, WeightsError for a folder that doesn't load whole.
    """
    return renderer_of(read_card(model, steps))


def renderer_of(card: ModelCard) -> Renderer:
    """The renderer of a card. Raises WeightsError for a folder that doesn't load whole."""
    return WarpVideo(card) if card.folder is None else ModelVideo(card)


def load_pipeline(card: ModelCard) -> HumanVideoPipeline:
    """A card's generator, with its sampler, on the GPU of this process if there is one.

    Raises WeightsError for a folder that doesn't load whole.
    """
    from models.generator.pipeline import HumanVideoPipeline
    from models.generator.schedulers import sampler

    dtype: torch.dtype = getattr(torch, card.options.precision or best_precision())
    pipeline = HumanVideoPipeline.from_pretrained(card.folder or "", dtype)
    if card.options.sampler is not None:
        pipeline.scheduler = sampler(card.options.sampler, residual=pipeline.unet.config.residual)
    pipeline.to("cuda" if torch.cuda.is_available() else "cpu")
    return pipeline


def best_precision() -> Precision:
    """bfloat16, which overflows no sooner than float32, on a GPU that computes in it; float32 elsewhere."""
    if torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False):
        return Precision.BFLOAT16
    return Precision.FLOAT32


def beside(reference: Reference, conditions: tuple[Tensor, Tensor] | None, frames_T3HW: Tensor) -> Iterator[Tensor]:
    """The last frames of a clip, beside the reference and the clip's conditions where there are any."""
    if conditions is None:
        yield from frames_T3HW
        return
    pose, points = (raster[0, -len(frames_T3HW) :] for raster in conditions)
    yield from torch.cat([reference.picture_B3HW.expand_as(pose), pose, points, frames_T3HW], -1)
