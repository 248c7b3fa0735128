"""The warped, anchored condition of the generator: what the network corrects instead of painting from nothing.

Keys of a clip's `motion`: pose (T, J, 2) and pose_confidence (T, J); points (T, N, 2), points_visible (T, N) bool and
point_ids (N,) int64. Of the first clip's also: reference_pose (J, 2), reference_confidence (J,), reference_mask
(1, H, W) of the person who is driven, and people_mask (1, H, W) of everyone. All in px of the reference.
Shape suffixes: B batch, T frames, C channels, H W pixels, h w latent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from models.generator.conditions import ClipInputs, Encode
from models.generator.state import ClipState
from models.generator.warp.saved import scene_from_tensors, scene_tensors
from models.generator.warp.scene import Drive, Reference, Warped, WarpedScene, blank_points
from schemas.errors import GenerationError

VALIDITY_CHANNELS = 2
_REFERENCE = ("reference_pose", "reference_confidence", "reference_mask", "people_mask")
_POSE = ("pose", "pose_confidence")
_POINTS = ("points", "points_visible", "point_ids")
_SURE_JOINT = 0.5
_STANDING = 0.015
"""Farthest that a joint of a figure that stands still has gone, in the picture's short side."""


class WarpedCondition:
    """Latents of the warped frames, then two channels: known ground, and figure.

    Every clip's figure comes from the first reference; the ground from a memory that takes up what was painted.
    """

    extra_channels = VALIDITY_CHANNELS
    remembers_frames = True

    def begin(self, reference_3HW: Tensor, motion: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The scene of the reference. Raises GenerationError where the first clip's motion lacks the reference's."""
        _require(motion, _REFERENCE, "the first clip")
        picture = (reference_3HW[None] + 1) / 2
        mask, people, pose, confidence = (
            motion[name][None].to(picture.device).float()
            for name in ("reference_mask", "people_mask", "reference_pose", "reference_confidence")
        )
        return scene_tensors(WarpedScene.start(Reference(picture.float(), mask, people, pose, confidence)))

    def build(self, states: Sequence[ClipState], clips: Sequence[ClipInputs], frames: int, encode: Encode) -> Tensor:
        """(B, T, C + 2, h, w). Videos are warped one by one, so each is what it would be alone."""
        warped = [_warp(state, clip, frames)[0] for state, clip in zip(states, clips, strict=True)]
        return torch.cat([condition_channels(each, encode) for each in warped])

    def remember(self, state: ClipState, clip: ClipInputs, frames_T3HW: Tensor | None) -> Mapping[str, Tensor]:
        """The scene at the clip's end, with the ground that was painted."""
        warped, scene = _warp(state, clip, clip.frames)
        if frames_T3HW is not None:
            pixels = (frames_T3HW[None].to(warped.rgb_BT3HW) + 1) / 2
            scene = scene.take_up(pixels, warped)
        return scene_tensors(scene)


class WarpedConditionWithLast4(WarpedCondition):
    """The same with the paper's condition beside it: the last latent, repeated. For autoencoders of 4 channels.

    Before the first clip that is the reference, if its figure stands as it will in the first frame, and else the warped
    first frame: of a figure that stands elsewhere the network would paint a second one where the reference has it.
    """

    extra_channels = VALIDITY_CHANNELS + 4

    def build(self, states: Sequence[ClipState], clips: Sequence[ClipInputs], frames: int, encode: Encode) -> Tensor:
        """(B, T, C + 2 + C, h, w)."""
        condition = super().build(states, clips, frames, encode)
        last = torch.stack(
            [
                state.last_latent_Chw.to(condition)
                if state.next_clip or _begins_as_reference(clip)
                else channels[: len(state.last_latent_Chw)]
                for state, clip, channels in zip(states, clips, condition[:, 0], strict=True)
            ]
        )
        return torch.cat([condition, last[:, None].expand(-1, frames, -1, -1, -1)], 2)


class WarpedConditionWithLast12(WarpedConditionWithLast4):
    """For pixels behind a 2 x 2 stem."""

    extra_channels = VALIDITY_CHANNELS + 12


def condition_channels(warped: Warped, encode: Encode) -> Tensor:
    """(B, T, C + 2, h, w): latents of the warped frames, validity of the ground, opacity of the figure."""
    shape = warped.rgb_BT3HW.shape[:2]
    latents = encode(warped.rgb_BT3HW.flatten(0, 1).clamp(0, 1) * 2 - 1)
    masks = condition_masks(warped.valid_BT1HW, warped.alpha_BT1HW, latents.shape[-2:])
    return torch.cat([latents.unflatten(0, shape), masks.to(latents)], 2)


def condition_masks(valid_BT1HW: Tensor, alpha_BT1HW: Tensor, size: Sequence[int]) -> Tensor:
    """(B, T, 2, h, w) validity of the ground and opacity of the figure at the size of the latents."""
    masks = torch.cat([valid_BT1HW, alpha_BT1HW], 2)
    return F.interpolate(masks.flatten(0, 1), list(size), mode="area").unflatten(0, masks.shape[:2])


def _warp(state: ClipState, clip: ClipInputs, frames: int) -> tuple[Warped, WarpedScene]:
    scene = scene_from_tensors(state.memory)
    return scene.warp(_drive(clip, frames, scene.figure.pose_BJ2, f"clip {state.next_clip}"))


def _drive(clip: ClipInputs, frames: int, reference_pose_BJ2: Tensor, name: str) -> Drive:
    """The motion of a clip; an undriven figure keeps the reference's pose, an undriven ground stands still."""
    device, motion = reference_pose_BJ2.device, clip.motion
    if clip.pose_T3HW is None:
        pose = reference_pose_BJ2[:, None].expand(-1, frames, -1, -1)
        confidence = torch.ones(pose.shape[:-1], device=device)
    else:
        _require(motion, _POSE, name)
        pose, confidence = (motion[key][None].to(device).float() for key in _POSE)
    points, visible, ids = blank_points(1, frames, device)
    if clip.points_T3HW is not None:
        _require(motion, _POINTS, name)
        points, visible, ids = (motion[key][None].to(device) for key in _POINTS)
    if pose.shape[1] != frames or points.shape[1] != frames:
        raise GenerationError(f"{name} has {frames} frames, its motion {pose.shape[1]} poses, {points.shape[1]} points")
    return Drive(pose, confidence, points.float(), visible, ids)


def _begins_as_reference(clip: ClipInputs) -> bool:
    """Whether the figure of a video's first clip stands in frame 0 as in the reference."""
    if clip.pose_T3HW is None:
        return True
    motion = clip.motion
    sure = torch.minimum(motion["pose_confidence"][0], motion["reference_confidence"]) > _SURE_JOINT
    moved = (motion["pose"][0] - motion["reference_pose"])[sure].norm(dim=-1)
    return len(moved) > 0 and float(moved.max()) <= _STANDING * min(clip.pose_T3HW.shape[-2:])


def _require(motion: Mapping[str, Tensor], names: Sequence[str], clip: str) -> None:
    missing = [name for name in names if name not in motion]
    if missing:
        raise GenerationError(f"the motion of {clip} lacks {', '.join(missing)}, which the warped condition needs")
