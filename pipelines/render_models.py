"""What can render: the warp, which needs no weights, and trained generators, by name or by folder. Needs torch."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from models.generator.warp.renderer import WarpRenderer
from models.generator.warp.scene import Reference
from pipelines.render_clips import Rasters, VideoClips, clip_drives, reference_tensors
from pipelines.render_inputs import Inputs
from schemas.errors import GenerationError, WeightsError
from schemas.skeletons import SKELETONS

WARP, POCKET = "warp", "pocket"
_CHECKPOINTS = "models.generator.checkpoints"
_WARP_SIZE, _WARP_CLIP = 512, 16
_MODEL_SIZE, _MODEL_CLIP = 512, 16
"""Of a generator that doesn't say what it was trained with."""
_RESIDUAL_STEPS, _STEPS = 4, 25


class Renderer(Protocol):
    """size: short side it is at home with, px. size_multiple: what width and height must be multiples of, px."""

    @property
    def size(self) -> int:
        """Short side, px."""
        ...

    @property
    def size_multiple(self) -> int:
        """Px."""
        ...

    def frames(self, inputs: Inputs, *, grid: bool) -> Iterator[Tensor]:
        """(3, H, W) frames in 0..1, made clip by clip; a grid is four pictures wide."""
        ...


class WarpVideo:
    """The renderer without weights."""

    size = _WARP_SIZE
    size_multiple = 2

    def frames(self, inputs: Inputs, *, grid: bool) -> Iterator[Tensor]:
        """(3, H, W) frames in 0..1; grid: reference, pose, points and result side by side."""
        reference = reference_tensors(inputs.reference)
        rasters = Rasters(reference, SKELETONS[inputs.pose.skeleton]) if grid else None
        drives = list(clip_drives(inputs, _WARP_CLIP))
        for drive, frames in zip(drives, WarpRenderer().render(reference, drives), strict=True):
            yield from _beside(reference, rasters.draw(drive) if rasters else None, frames[0])


class ModelVideo:
    """A trained generator. steps: of the sampler; None: few for one that corrects its condition, more for others."""

    def __init__(self, folder: Path, steps: int | None) -> None:
        from models.generator.pipeline import HumanVideoPipeline, Sampling

        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._pipeline = HumanVideoPipeline.from_pretrained(folder).to(device)
        self._sampling = Sampling(steps or (_RESIDUAL_STEPS if self._pipeline.unet.config.residual else _STEPS))
        self._clip_frames: int = self._pipeline.config.clip_frames or _MODEL_CLIP

    @property
    def size(self) -> int:
        """What it was trained with."""
        return int(self._pipeline.config.size or _MODEL_SIZE)

    @property
    def size_multiple(self) -> int:
        """By its halvings."""
        return int(self._pipeline.unet.size_multiple)

    def frames(self, inputs: Inputs, *, grid: bool) -> Iterator[Tensor]:
        """(3, H, W) frames in 0..1; grid: reference, pose, points and result side by side."""
        from models.generator.pipeline import VideoInputs

        if inputs.frames < 2:
            raise GenerationError("a generator makes videos of at least 2 frames; ask for more seconds")
        reference = reference_tensors(inputs.reference)
        clips = VideoClips(inputs, reference, self._clip_frames)
        video = VideoInputs(reference.picture_B3HW[0], inputs.seed, clips)
        for result in self._pipeline.stream([video], self._sampling):
            conditions = clips.rasters.draw(clips.drives[result.clip]) if grid else None
            yield from _beside(reference, conditions, result.frames_T3HW)


def open_renderer(model: str, steps: int | None = None) -> Renderer:
    """A renderer by name (`warp`, `pocket`) or a generator by the folder it was saved in.

    Raises GenerationError for a name that is none, WeightsError for a folder that doesn't load whole.
    """
    if model == WARP:
        return WarpVideo()
    if model == POCKET:
        return ModelVideo(pocket_folder(), steps)
    if not Path(model).is_dir():
        raise GenerationError(f"unknown model {model!r}: choose {WARP}, {POCKET}, or the folder of a saved generator")
    return ModelVideo(Path(model), steps)


def pocket_folder() -> Path:
    """The checkpoint that comes with this package. Raises WeightsError where it is not installed."""
    try:
        with as_file(files(_CHECKPOINTS) / POCKET) as folder:
            if (folder / "model_index.json").is_file():
                return folder
    except ModuleNotFoundError:
        pass
    raise WeightsError("the pocket checkpoint is not in this installation; train one with: figureground train")


def _beside(reference: Reference, conditions: tuple[Tensor, Tensor] | None, frames_T3HW: Tensor) -> Iterator[Tensor]:
    """The last frames of a clip, beside the reference and the clip's conditions where there are any."""
    if conditions is None:
        yield from frames_T3HW
        return
    pose, points = (raster[0, -len(frames_T3HW) :] for raster in conditions)
    yield from torch.cat([reference.picture_B3HW.expand_as(pose), pose, points, frames_T3HW], -1)
