"""A driving pose in the proportions and at the place of the reference person.

Shape suffixes: T frames, J joints.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from schemas.arrays import F32, Bool
from schemas.records import Pose
from schemas.skeletons import BLAZEPOSE_33

_J = BLAZEPOSE_33.index
_SURE = 0.3
_WIDEST_RATIO = 1.35
"""A bone's own ratio differs from the whole figure's by at most this factor: more is foreshortening, not build."""
_LIMBS = (
    ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"),
)  # fmt: skip
_ENDS = {
    "wrist": ("pinky", "index", "thumb"),
    "ankle": ("heel", "foot_index"),
}
_MEASURED = (("left_shoulder", "right_shoulder"), ("left_hip", "left_knee"), ("right_hip", "right_knee"))


def retarget(driving: Pose, reference_J2: F32, confidence_J: F32) -> Pose:
    """The driving pose as the reference person would strike it; at its first frame it stands where the reference does.

    Bone lengths change by the ratio of the two persons' (left and right taken together, the longest of the driving
    frames against foreshortening); directions, and changes of size over time, stay the driver's. reference_J2: px,
    NaN where missing. Joints that the driver lacks stay missing. Skeleton: blazepose_33.
    Raises ValueError if either has no torso to measure.
    """
    xy_TJ2 = driving.xy_TJ2.astype(np.float64)
    ratio = _Ratios(xy_TJ2, reference_J2.astype(np.float64), confidence_J)
    whole = ratio.whole
    present_T = driving.present_T & np.isfinite(_pelvis(xy_TJ2)).all(-1)
    if not np.isfinite(whole) or whole <= 0 or not present_T.any():
        raise ValueError("a pose without shoulders and hips cannot be retargeted")
    moved = np.full_like(xy_TJ2, np.nan)
    first = int(np.argmax(present_T))
    pelvis_T2 = _pelvis(reference_J2[None])[0] + whole * (_pelvis(xy_TJ2) - _pelvis(xy_TJ2)[first])
    neck_T2 = pelvis_T2 + ratio.of("torso") * (_neck(xy_TJ2) - _pelvis(xy_TJ2))
    _hang(moved, xy_TJ2, pelvis_T2, _pelvis(xy_TJ2), ("left_hip", "right_hip"), ratio.of("hips"))
    _hang(moved, xy_TJ2, neck_T2, _neck(xy_TJ2), ("left_shoulder", "right_shoulder"), ratio.of("shoulders"))
    face = tuple(BLAZEPOSE_33.joints[j] for j in BLAZEPOSE_33.face)
    _hang(moved, xy_TJ2, neck_T2, _neck(xy_TJ2), face, whole)
    for side in ("left", "right"):
        for start, end in _LIMBS:
            _follow(moved, xy_TJ2, f"{side}_{start}", f"{side}_{end}", ratio.of(f"{start}-{end}"))
        for joint, ends in _ENDS.items():
            for end in ends:
                _follow(moved, xy_TJ2, f"{side}_{joint}", f"{side}_{end}", whole)
    return replace(driving, xy_TJ2=moved.astype(np.float32), present_T=present_T)


def measurable(xy_TJ2: F32) -> Bool:
    """(T,) bool: the frame alone shows enough of a person to retarget from or to: hips, and a length above nothing."""
    lengths = [_torso(xy_TJ2), *(_between(xy_TJ2, a, b) for a, b in _MEASURED)]
    return np.asarray(np.isfinite(_pelvis(xy_TJ2)).all(-1) & np.any([length > 0 for length in lengths], axis=0))


class _Ratios:
    """Ratios of bone lengths, reference over driver. whole: of the figures; NaN where one has no torso."""

    def __init__(self, driving_TJ2: np.ndarray, reference_J2: np.ndarray, confidence_J: F32) -> None:
        self._driving = driving_TJ2
        self._reference = np.where((confidence_J >= _SURE)[:, None], reference_J2, np.nan)[None]
        own, guessed, other = (_size(xy) for xy in (self._reference, reference_J2[None], driving_TJ2))
        self.whole = (own if np.isfinite(own) else guessed) / other if other > 0 else float("nan")

    def of(self, bone: str) -> float:
        """Ratio of one bone, near the whole figure's; that where either person does not show the bone."""
        own, other = _length(self._reference, bone), _length(self._driving, bone)
        if not np.isfinite(own) or not np.isfinite(other) or other <= 0:
            return self.whole
        return float(np.clip(own / other, self.whole / _WIDEST_RATIO, self.whole * _WIDEST_RATIO))


def _length(xy_TJ2: np.ndarray, bone: str) -> float:
    """Length, px: the longer side's 90th percentile over the frames."""
    if bone == "torso":
        lengths = [_torso(xy_TJ2)]
    elif bone in ("shoulders", "hips"):
        joint = bone[:-1]
        lengths = [_between(xy_TJ2, f"left_{joint}", f"right_{joint}")]
    else:
        start, end = bone.split("-")
        lengths = [_between(xy_TJ2, f"{side}_{start}", f"{side}_{end}") for side in ("left", "right")]
    known = [np.percentile(length[np.isfinite(length)], 90) for length in lengths if np.isfinite(length).any()]
    return float(max(known)) if known else float("nan")


def _torso(xy_TJ2: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(_neck(xy_TJ2) - _pelvis(xy_TJ2), axis=-1))


def _size(xy_TJ2: np.ndarray) -> float:
    """How large a person is, px: torso, or shoulders and thighs where the torso is foreshortened."""
    known = [_length(xy_TJ2, "torso"), 1.2 * _length(xy_TJ2, "shoulders"), _length(xy_TJ2, "hip-knee")]
    return float(np.nanmax(known)) if np.isfinite(known).any() else float("nan")


def _between(xy_TJ2: np.ndarray, a: str, b: str) -> np.ndarray:
    return np.asarray(np.linalg.norm(xy_TJ2[:, _J(a)] - xy_TJ2[:, _J(b)], axis=-1))


def _neck(xy_TJ2: np.ndarray) -> np.ndarray:
    return np.asarray((xy_TJ2[:, _J("left_shoulder")] + xy_TJ2[:, _J("right_shoulder")]) / 2)


def _pelvis(xy_TJ2: np.ndarray) -> np.ndarray:
    return np.asarray((xy_TJ2[:, _J("left_hip")] + xy_TJ2[:, _J("right_hip")]) / 2)


def _hang(
    moved: np.ndarray, xy: np.ndarray, root: np.ndarray, own_root: np.ndarray, names: tuple[str, ...], ratio: float
) -> None:
    for name in names:
        moved[:, _J(name)] = root + ratio * (xy[:, _J(name)] - own_root)


def _follow(moved: np.ndarray, xy: np.ndarray, start: str, end: str, ratio: float) -> None:
    moved[:, _J(end)] = moved[:, _J(start)] + ratio * (xy[:, _J(end)] - xy[:, _J(start)])
