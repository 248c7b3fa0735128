"""Scores of a clip from its annotation."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from schemas.arrays import F32
from schemas.records import Mask, Pose, Tracks
from schemas.scores import Scores
from schemas.skeletons import SKELETONS
from transforms.annotation.face import face_seen
from transforms.screening.camera import CameraMotion, PointRun, camera_motion

_LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_SMALLEST_PERCENTILE = 5
SURE_JOINT = 0.5
_MOTION_STEP_S = 0.2
"""Joints are compared over this time, in which motion outgrows their jitter."""


def with_person(scores: Scores, pose: Pose, mask: Mask, fps: Fraction) -> Scores:
    """Scores of the main person. An area counts in frames with the person only."""
    area_K = np.array(mask.area_px, np.float64)[pose.present_T] / (mask.width * mask.height)
    found = len(area_K) > 0
    return replace(
        scores,
        person_share=float(pose.present_T.mean()),
        person_area_mean=float(area_K.mean()) if found else None,
        person_area_min=float(np.percentile(area_K, _SMALLEST_PERCENTILE)) if found else None,
        person_cut_off=_cut_off(pose, mask.width, mask.height),
        face_visible=float(face_seen(pose, mask.width, mask.height, float(fps)).mean()),
        person_motion=person_motion(pose, float(fps)),
    )


def with_camera(scores: Scores, camera: CameraMotion) -> Scores:
    """Scores of the background."""
    return replace(
        scores,
        background_motion=camera.motion,
        background_parallax=camera.parallax,
        background_tracked=camera.tracked,
    )


def camera_of_tracks(tracks: Tracks, width: int, height: int, fps: Fraction) -> CameraMotion:
    """Motion of the background by the tracks of a whole clip."""
    run = PointRun(tracks.xy_NT2, tracks.visible_NT & ~tracks.on_person_NT, 0)
    return camera_motion([run], width, height, fps)


def person_motion(pose: Pose, fps: float) -> float | None:
    """Median over time of the mean speed of the sure limb joints relative to the hips, torso lengths/s.

    None if the person is never in the picture for a fifth of a second.
    """
    xy_TL2, confidence_TL = limbs(pose)
    hips_T2 = middle(pose, "hip")
    torso_T = np.linalg.norm(middle(pose, "shoulder") - hips_T2, axis=1)
    torso = torso_T[np.isfinite(torso_T)]
    step = max(1, round(_MOTION_STEP_S * fps))
    relative_TL2 = xy_TL2 - hips_T2[:, None]
    moved_SL = np.linalg.norm(relative_TL2[step:] - relative_TL2[:-step], axis=2)
    sure_TL = (confidence_TL >= SURE_JOINT) & pose.present_T[:, None]
    both_SL = sure_TL[step:] & sure_TL[:-step] & np.isfinite(moved_SL)
    measured_S = both_SL.any(axis=1)
    if not measured_S.any():
        return None
    mean_S = np.where(both_SL, moved_SL, 0).sum(axis=1)[measured_S] / both_SL.sum(axis=1)[measured_S]
    return float(np.median(mean_S) * fps / step / max(1.0, np.median(torso)))


def _cut_off(pose: Pose, width: int, height: int) -> float | None:
    """Share of the limb joints that lie outside the picture, over the frames with the person.

    A joint that was not found counts as outside: networks that leave joints out do so where they see none.
    """
    if not pose.present_T.any():
        return None
    xy_KL2 = limbs(pose)[0][pose.present_T]
    inside_KL = ((xy_KL2 >= 0) & (xy_KL2 < (width, height))).all(axis=2)
    return float((~inside_KL).mean())


def limbs(pose: Pose) -> tuple[F32, F32]:
    """Places (T, L, 2) and confidences (T, L) of the joints from shoulders to ankles."""
    skeleton = SKELETONS[pose.skeleton]
    chosen = [skeleton.index(f"{side}_{joint}") for joint in _LIMBS for side in ("left", "right")]
    return pose.xy_TJ2[:, chosen], pose.confidence_TJ[:, chosen]


def middle(pose: Pose, joint: str) -> F32:
    """(T, 2) middle between a left and a right joint."""
    skeleton = SKELETONS[pose.skeleton]
    left, right = (pose.xy_TJ2[:, skeleton.index(f"{side}_{joint}")] for side in ("left", "right"))
    return np.asarray((left + right) / 2, np.float32)
