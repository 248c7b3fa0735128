"""What is known of the ground: a canvas larger than the frame, in the pixels of the first reference ("world px").

Shape suffixes: B batch, T frames, L landmarks, H W frame, h w canvas.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models.generator.warp.fill import extend, fill_holes
from models.generator.warp.geometry import grow, inside, pixel_grid, sample_picture
from models.generator.warp.ground import GroundMotion, fit_ground_motion
from models.generator.warp.registration import register

MARGIN = 1.0
"""Frames of room on each side of the reference."""
_SEEN_WHOLE = 0.9
"""Validity from which a pixel counts as ground that is known."""


@dataclass(frozen=True, slots=True)
class GroundMemory:
    """The canvas and where the next clip begins on it. Immutable; every change is a new memory.

    rgb_B3hw: 0..1, plausible where not known. known_B1hw: 1 where ground was seen or painted. origin_B2: world
    px of the canvas' first pixel. view: the ground's map at the next clip's first frame (T = 1), to world px.
    landmark_ids_BL: identity of points met, -1 where none. landmarks_BL2: their places, world px.
    """

    rgb_B3hw: Tensor
    known_B1hw: Tensor
    origin_B2: Tensor
    view: GroundMotion
    landmark_ids_BL: Tensor
    landmarks_BL2: Tensor

    @classmethod
    def start(cls, reference_B3HW: Tensor, people_B1HW: Tensor) -> GroundMemory:
        """A memory that holds the reference, without the people in it. people: 1 where a person is."""
        batch, _, height, width = reference_B3HW.shape
        device = reference_B3HW.device
        free = 1 - grow((people_B1HW > 0.5).float(), max(1, round(min(height, width) / 100)))
        top, left = round(MARGIN * height), round(MARGIN * width)
        shape = (batch, 1, height + 2 * top, width + 2 * left)
        known = torch.zeros(shape, device=device)
        known[..., top : top + height, left : left + width] = free
        identity = torch.eye(3, device=device).expand(batch, 1, 3, 3)
        view = GroundMotion(identity, torch.zeros((batch, 1, 2, 2, 2), device=device), height, width)
        return cls(
            extend(fill_holes(reference_B3HW, free), top, left),
            known,
            torch.tensor([-left, -top], device=device).expand(batch, 2).float(),
            view,
            torch.zeros((batch, 0), dtype=torch.int64, device=device),
            torch.zeros((batch, 0, 2), device=device),
        )

    def locate(self, xy_BTN2: Tensor, visible_BTN: Tensor, ids_BN: Tensor) -> tuple[GroundMotion, GroundMemory]:
        """The ground's motion over a clip, and the memory with the clip's new points as landmarks.

        Points met before are matched with the places they had then, so nothing adds up while they live; new ones are
        placed by where the clip begins. The memory's view moves to the clip's last frame.
        """
        same_BNL = (ids_BN[..., None] == self.landmark_ids_BL[:, None]) & (ids_BN[..., None] >= 0)
        placed_BN2 = self.view.places(xy_BTN2[:, :1].nan_to_num())[:, 0]
        met_BN = same_BNL.any(-1)
        if self.landmarks_BL2.shape[1]:
            index = same_BNL.int().argmax(-1)[..., None].expand_as(placed_BN2)
            placed_BN2 = torch.where(met_BN[..., None], self.landmarks_BL2.gather(1, index), placed_BN2)
        usable_BTN = visible_BTN & (met_BN | visible_BTN[:, 0])[:, None]
        start = self.view.homography_BT33[:, 0]
        motion = fit_ground_motion(xy_BTN2, placed_BN2, usable_BTN, start, self.view.height, self.view.width)
        new_BN = visible_BTN[:, 0] & ~met_BN & (ids_BN >= 0)
        memory = replace(
            self,
            view=motion.at(slice(-1, None)),
            landmark_ids_BL=torch.cat([self.landmark_ids_BL, torch.where(new_BN, ids_BN, -1)], 1),
            landmarks_BL2=torch.cat([self.landmarks_BL2, placed_BN2], 1),
        )
        return motion, memory

    def show(self, motion: GroundMotion) -> tuple[Tensor, Tensor]:
        """(B, T, 3, H, W) ground as the frames of a motion see it, and (B, T, 1, H, W) validity."""
        canvas = torch.cat([self.rgb_B3hw, self.known_B1hw], 1)
        seen = [self._look(canvas, motion.at(slice(t, t + 1))) for t in range(motion.homography_BT33.shape[1])]
        whole = torch.stack(seen, 1)
        return whole[:, :, :3], whole[:, :, 3:]

    def take_up(self, frame_B3HW: Tensor, people_B1HW: Tensor, motion: GroundMotion) -> GroundMemory:
        """The memory with the ground of a finished frame where nothing was known. motion: of that frame, T = 1.

        The frame is first registered against what the memory shows at its place.
        """
        free_B1HW = 1 - grow((people_B1HW > 0.5).float(), max(1, round(min(motion.height, motion.width) / 64)))
        expected, valid = self.show(motion)
        shift_B23 = register(frame_B3HW, expected[:, 0], free_B1HW * (valid[:, 0] > _SEEN_WHOLE))
        height, width = self.known_B1hw.shape[-2:]
        world = pixel_grid(height, width, frame_B3HW.device).flatten(0, 1) + self.origin_B2[:, None]
        xy = motion.inverse(world[:, None])[:, 0]
        xy = xy @ shift_B23[..., :2].transpose(-1, -2) + shift_B23[:, None, :, 2]
        grid = xy.unflatten(1, (height, width))
        found = sample_picture(torch.cat([frame_B3HW, free_B1HW], 1), grid)
        on_frame = inside(grid, motion.height, motion.width)[:, None]
        new = (found[:, 3:] > _SEEN_WHOLE) & on_frame & (self.known_B1hw < _SEEN_WHOLE)
        known = torch.where(new, 1.0, self.known_B1hw)
        return replace(self, rgb_B3hw=torch.where(new, found[:, :3], self.rgb_B3hw), known_B1hw=known)

    def scrolled(self) -> GroundMemory:
        """The memory with the canvas moved so that the next clip begins near its middle.

        What falls off on the far side is forgotten: memory does not grow with the way the camera goes.
        """
        height, width = self.view.height, self.view.width
        frame, canvas = (
            torch.tensor(size, device=self.origin_B2.device, dtype=torch.float32)
            for size in ((width, height), (self.known_B1hw.shape[-1], self.known_B1hw.shape[-2]))
        )
        seen = self.view.places(((frame - 1) / 2).expand(len(self.origin_B2), 1, 1, 2))[:, 0, 0]
        off = (seen - self.origin_B2 - (canvas - 1) / 2).round()
        off = torch.where((off.abs() > MARGIN / 2 * frame).any(-1, keepdim=True), off, 0.0)
        off = torch.minimum(torch.maximum(off, -canvas), canvas)
        rgb, known = self.rgb_B3hw.clone(), self.known_B1hw.clone()
        for index, (x, y) in enumerate(off.int().tolist()):
            rgb[index] = rgb[index].roll((-y, -x), (-2, -1))
            known[index] = _shifted(known[index], x, y)
        return replace(self, rgb_B3hw=rgb, known_B1hw=known, origin_B2=self.origin_B2 + off)

    def _look(self, canvas_B4hw: Tensor, motion: GroundMotion) -> Tensor:
        place = motion.dense()[:, 0] - self.origin_B2[:, None, None]
        seen = sample_picture(canvas_B4hw, place, "reflection")
        on_canvas = inside(place, *canvas_B4hw.shape[-2:])[:, None]
        return torch.cat([seen[:, :3], seen[:, 3:] * on_canvas], 1)


def _shifted(picture_1hw: Tensor, x: int, y: int) -> Tensor:
    """The picture moved left by x and up by y px, zeros coming in."""
    height, width = picture_1hw.shape[-2:]
    moved = torch.zeros_like(picture_1hw)
    rows, columns = slice(max(y, 0), min(height + y, height)), slice(max(x, 0), min(width + x, width))
    into_rows, into_columns = slice(max(-y, 0), min(height - y, height)), slice(max(-x, 0), min(width - x, width))
    moved[:, into_rows, into_columns] = picture_1hw[:, rows, columns]
    return moved
