"""From coded pictures to upright working pictures with square pixels and even sides."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from av.video.frame import VideoFrame


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes in px. rotation: clockwise degrees that show the picture upright.

    coded: as decoded. width, height: working picture, upright. short_side: shorter side of the source picture
    with square pixels, before it is scaled down.
    """

    coded_width: int
    coded_height: int
    rotation: int
    width: int
    height: int
    short_side: int

    @property
    def turned(self) -> bool:
        """Width and height change places."""
        return self.rotation in (90, 270)

    @property
    def lying(self) -> tuple[int, int]:
        """Working (width, height) before the turn."""
        return (self.height, self.width) if self.turned else (self.width, self.height)

    def fits(self, frame: VideoFrame) -> bool:
        """The frame is coded as these were."""
        return frame.width == self.coded_width and frame.height == self.coded_height


def geometry(width: int, height: int, rotation: int, aspect: Fraction, short_side: int) -> Geometry:
    """Working geometry: square pixels by widening one side, shorter side scaled down to `short_side`, never up."""
    wide = width * aspect if aspect > 1 else Fraction(width)
    high = height / aspect if aspect < 1 else Fraction(height)
    scale = min(Fraction(1), Fraction(short_side) / min(wide, high))
    lying = _even(wide * scale), _even(high * scale)
    upright = lying[::-1] if rotation in (90, 270) else lying
    return Geometry(width, height, rotation, *upright, short_side=int(min(wide, high)))


def clockwise(frame: VideoFrame) -> int:
    """Clockwise degrees, a multiple of 90, that show a frame upright; the display matrix turns the other way."""
    return round(-frame.rotation / 90) % 4 * 90


def _even(side: Fraction) -> int:
    # Sides that are whole but for a rounded aspect ratio keep their last two pixels.
    return max(2, int(side + Fraction(1, 100)) // 2 * 2)
