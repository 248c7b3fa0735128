"""Inputs that cannot drive the generator, each refused with what to do about it.

Shape suffixes: T frames, H W pixels.
"""

from __future__ import annotations

from torch import Tensor

from models.generator.conditions import ClipInputs
from schemas.errors import GenerationError


def check_picture(name: str, picture: Tensor, size_multiple: int) -> None:
    """A reference (3, H, W) in 0..1 of a size the network can take."""
    if picture.ndim != 3 or picture.shape[0] != 3:
        raise GenerationError(f"{name} has shape {tuple(picture.shape)}; a picture is (3, height, width)")
    height, width = picture.shape[1:]
    if height % size_multiple or width % size_multiple:
        raise GenerationError(
            f"{name} is {width} x {height} pixels; this model takes multiples of {size_multiple}: crop or resize it"
        )
    check_values(name, picture)


def check_values(name: str, values: Tensor) -> None:
    """Finite and in 0..1."""
    low, high = values.aminmax()
    if not low.isfinite() or not high.isfinite():
        raise GenerationError(f"{name} holds NaN or infinite values; check how it was made")
    if low < -1e-3 or high > 1 + 1e-3:
        raise GenerationError(f"{name} ranges from {low:.3g} to {high:.3g}; pixels are floats in 0..1")


def check_clip(name: str, clip: ClipInputs, size: tuple[int, int], longest: int) -> None:
    """Rasters of one clip: the reference's size, one length, no more frames than the motion blocks know."""
    frames = clip.frames
    if not 2 <= frames <= longest:
        raise GenerationError(f"{name} has {frames} frames; this model makes clips of 2 to {longest}")
    for kind, raster in (("pose", clip.pose_T3HW), ("points", clip.points_T3HW)):
        if raster is None:
            continue
        if raster.shape != (frames, 3, *size):
            raise GenerationError(
                f"the {kind} raster of {name} has shape {tuple(raster.shape)}; expected {(frames, 3, *size)}, "
                "the reference's size"
            )
        check_values(f"the {kind} raster of {name}", raster)


def check_driven(name: str, clip: ClipInputs) -> None:
    """The first clip of a video must show what drives it: an empty raster is a mistake upstream."""
    if clip.pose_T3HW is not None and not clip.pose_T3HW.any():
        raise GenerationError(
            f"the pose raster of {name} is empty: no joint in any frame; pass None to drive no figure"
        )
    if clip.points_T3HW is not None and not clip.points_T3HW.any():
        raise GenerationError(
            f"the points raster of {name} is empty: no point in any frame; pass None to leave the ground free"
        )
