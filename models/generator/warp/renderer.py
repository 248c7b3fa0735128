"""The renderer without weights: figure and ground warped out of one picture, clip by clip.

Shape suffixes: B batch, T frames, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields

import torch
from torch import Tensor

from models.generator.warp.scene import Drive, Reference, Warped, WarpedScene


class WarpRenderer:
    """Renders videos of one size together. Ground that the reference does not show is filled from around it, once,
    on the canvas of the memory, so a place looks the same whenever it is seen."""

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self._device = torch.device(device)

    @torch.no_grad()
    def render(self, reference: Reference, clips: Iterable[Drive]) -> Iterator[Tensor]:
        """(B, T, 3, H, W) frames in 0..1 of one clip after the other; the frame two clips share appears once."""
        for index, warped in enumerate(self.warp(reference, clips)):
            yield warped.rgb_BT3HW[:, min(index, 1) :].clamp(0, 1)

    @torch.no_grad()
    def begin(self, reference: Reference, before: Iterable[Drive] = ()) -> WarpedScene:
        """The scene after some clips, as it is when they are rendered, without their pictures being made."""
        scene = WarpedScene.start(_reference_on(reference, self._device))
        for drive in before:
            scene = scene.move(_drive_on(drive, self._device))[1]
        return scene

    @torch.no_grad()
    def warp(self, reference: Reference, clips: Iterable[Drive]) -> Iterator[Warped]:
        """The clips whole, with figure and validity."""
        scene = self.begin(reference)
        for drive in clips:
            warped, scene = scene.warp(_drive_on(drive, self._device))
            yield warped


def _reference_on(reference: Reference, device: torch.device) -> Reference:
    return Reference(*(getattr(reference, field.name).to(device) for field in fields(reference)))


def _drive_on(drive: Drive, device: torch.device) -> Drive:
    return Drive(*(getattr(drive, field.name).to(device) for field in fields(drive)))
