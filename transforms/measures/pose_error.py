"""How far the figure of a video is from the pose that drove it, by looking for the person again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from schemas.records import Pose
from schemas.skeletons import COCO_17
from schemas.skeletons.conversion import converted
from transforms.accuracy.poses import pck, torso_lengths

_SEEN = 0.5
NEAR, WIDE = 0.1, 0.2
"""Shares of the torso within which a joint is right."""


@dataclass(frozen=True, slots=True)
class PoseError:
    """error: mean distance of the joints found, over the torso's length; None where none was. found: share of the
    driven frames in which the person is found. pck_10, pck_20: share of the driven joints within 0.1 and 0.2 of the
    torso; a person that is not found misses all.
    """

    error: float | None
    found: float
    pck_10: float
    pck_20: float


def pose_error(found: Sequence[Pose], driving: Pose) -> PoseError | None:
    """Of the person that comes nearest to the driving pose; None where the pose drives no joint. Places in px.

    found: persons of the video, on the clock of the driving pose.
    """
    if pck(driving, driving, NEAR) is None:
        return None
    errors = [_error(pose, driving) for pose in found]
    return max(errors, key=lambda e: (e.pck_20, e.found), default=PoseError(None, 0.0, 0.0, 0.0))


def _error(found: Pose, driving: Pose) -> PoseError:
    made, true = converted(found, COCO_17.name), converted(driving, COCO_17.name)
    driven_TJ = (true.confidence_TJ >= _SEEN) & np.isfinite(true.xy_TJ2).all(-1)
    apart_TJ = np.linalg.norm(made.xy_TJ2 - true.xy_TJ2, axis=-1) / torso_lengths(true)[:, None]
    counted_TJ = driven_TJ & made.present_T[:, None] & np.isfinite(apart_TJ)
    driven_T = driven_TJ.any(1)
    return PoseError(
        error=float(apart_TJ[counted_TJ].mean()) if counted_TJ.any() else None,
        found=float(made.present_T[driven_T].mean()),
        pck_10=pck(made, true, NEAR) or 0.0,
        pck_20=pck(made, true, WIDE) or 0.0,
    )
