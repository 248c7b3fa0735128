"""What the words of a rendering mean: names of backgrounds, sizes and lengths."""

from __future__ import annotations

from fractions import Fraction

from schemas.errors import GenerationError
from transforms.track_presets.tracks import PRESETS

_STRONGEST = 10


def preset_of(background: str) -> tuple[str, float] | None:
    """Name and strength of PRESET or PRESET:STRENGTH; None for what may be a clip.

    strength: factor on the camera's motion. Raises GenerationError for one that is no number in 0..10.
    """
    preset, _, text = background.partition(":")
    if preset not in PRESETS:
        return None
    try:
        strength = float(text or 1)
    except ValueError:
        strength = float("nan")
    if not 0 <= strength <= _STRONGEST:
        raise GenerationError(f"the background {background!r} should read PRESET:STRENGTH, strength in 0..{_STRONGEST}")
    return preset, strength


def output_size(size: tuple[int, int], short_side: int, multiple: int) -> tuple[int, int]:
    """Width and height, px, at which a picture of a size is rendered: multiples, the short side as asked for.

    The long side comes out as the nearest multiple, which stretches the picture a little.
    """
    factor = short_side / min(size)
    width, height = (multiple * max(1, round(side * factor / multiple)) for side in size)
    return width, height


def frame_count(seconds: float, fps: Fraction) -> int:
    """Frames of so many seconds."""
    return round(seconds * fps)


def clip_count(frames: int, clip_frames: int) -> int:
    """Clips of so many frames that make up a video; neighbouring ones share a frame."""
    return max(1, -(-(frames - 1) // (clip_frames - 1)))
