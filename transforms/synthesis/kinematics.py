"""Forward kinematics: from joint angles and body proportions to joints in the body's own space.

Axes as the camera's at rest: x right, y down, z away; a body at heading 0 faces the camera, so its left is at +x.
The origin is the place on the ground under the pelvis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from transforms.synthesis.motion import Angles
from transforms.synthesis.noise import F64

SIDES = (("left", 1.0), ("right", -1.0))


@dataclass(frozen=True, slots=True)
class Proportions:
    """Lengths of a body in metres; widths are half-widths."""

    height: float
    torso: float
    shoulder: float
    hip: float
    neck: float
    head: float
    upper_arm: float
    forearm: float
    hand: float
    thigh: float
    shin: float
    foot: float
    girth: float


def draw_proportions(rng: np.random.Generator) -> Proportions:
    """An adult or a child, within the usual spread."""
    height = float(rng.uniform(1.5, 1.9) if rng.random() < 0.85 else rng.uniform(1.1, 1.4))
    shares = {
        "torso": 0.29, "shoulder": 0.102, "hip": 0.052, "neck": 0.05, "head": 0.072, "upper_arm": 0.17,
        "forearm": 0.15, "hand": 0.095, "thigh": 0.238, "shin": 0.235, "foot": 0.13,
    }  # fmt: skip
    lengths = {name: share * height * float(rng.normal(1, 0.05)) for name, share in shares.items()}
    lengths["head"] *= (1.7 / height) ** 0.5
    return Proportions(height=height, girth=float(rng.uniform(0.85, 1.35)), **lengths)


@dataclass(frozen=True, slots=True)
class Body:
    """A body in N moments. joints: name -> (N, 3) metres. head_turn_N, head_tilt_N, chest_turn_N: radians."""

    joints: dict[str, F64]
    head_turn_N: F64
    head_tilt_N: F64
    chest_turn_N: F64


def pose_body(p: Proportions, a: Angles) -> Body:
    """Joints of the body, turned to its heading and standing on the ground (or hopping)."""
    zero, one = np.zeros_like(a.turn_N), np.ones_like(a.turn_N)
    joints: dict[str, F64] = {"pelvis": np.stack([zero, zero, zero], -1)}
    up = np.stack([np.sin(a.lean_N), -np.cos(a.lean_N) * np.cos(a.bend_N), -np.sin(a.bend_N)], -1)
    across = np.stack([np.cos(a.twist_N), zero, np.sin(a.twist_N)], -1)
    across = _unit(across - _dot(across, up) * up)
    forward = np.cross(across, up)
    joints["neck"] = p.torso * up
    nod = _unit(up + across * np.sin(a.head_N2[:, 1:] + a.lean_N[:, None] * -0.5))
    joints["head"] = joints["neck"] + nod * (p.neck + p.head * 0.8)
    for index, (side, sign) in enumerate(SIDES):
        joints |= _arm(
            side, p, (a.arms_N23[:, index], a.hint_N23[:, index]), joints["neck"], (sign * across, up, forward)
        )
        joints |= _leg(side, p, a.legs_N23[:, index], sign * np.stack([one, zero, zero], -1))
    lowest = np.max([joints[f"{side}_{part}"][:, 1] for side, _ in SIDES for part in ("heel", "foot_index")], axis=0)
    standing = {name: _turned(xyz - [0, 1, 0] * (lowest + a.hop_N)[:, None], a.turn_N) for name, xyz in joints.items()}
    return Body(standing, a.turn_N + a.head_N2[:, 0], a.head_N2[:, 1], a.turn_N - a.twist_N)


def _arm(side: str, p: Proportions, angles: tuple[F64, F64], neck: F64, frame: tuple[F64, F64, F64]) -> dict[str, F64]:
    """Joints of an arm. angles: (N, 3) raise, swing, elbow, and (N, 3) hint. frame: outwards, up, forward."""
    (out, up, forward), (bends, hint) = frame, angles
    raised, swing, elbow = bends.T[..., None]
    upper = np.sin(raised) * out + np.cos(raised) * (np.sin(swing) * forward - np.cos(swing) * up)
    way = hint[:, :1] * out - hint[:, 1:2] * up + hint[:, 2:] * forward
    way = _unit(way - _dot(way, upper) * upper)
    lower = np.cos(elbow) * upper + np.sin(elbow) * way
    shoulder = neck + p.shoulder * out - 0.1 * p.torso * up
    bend = shoulder + p.upper_arm * upper
    wrist = bend + p.forearm * lower
    index = wrist + p.hand * 0.8 * _unit(lower + 0.25 * way)
    return {f"{side}_shoulder": shoulder, f"{side}_elbow": bend, f"{side}_wrist": wrist, f"{side}_index": index}


def _leg(side: str, p: Proportions, angles_N3: F64, out: F64) -> dict[str, F64]:
    """Joints of a leg. angles_N3: raise, swing, knee."""
    raised, swing, knee = angles_N3.T
    down = np.stack([swing * 0, np.cos(swing), -np.sin(swing)], -1)
    back = np.stack([swing * 0, np.sin(swing), np.cos(swing)], -1)
    upper = np.sin(raised)[:, None] * out + np.cos(raised)[:, None] * down
    shin = np.cos(knee)[:, None] * upper + np.sin(knee)[:, None] * back
    shin = _unit(shin - 0.6 * _dot(shin, out) * out)
    toe = _unit(0.3 * out - np.cross(np.array([1.0, 0, 0]), shin) + 0.12 * shin)
    bend = p.hip * out + p.thigh * upper
    ankle = bend + p.shin * shin
    return {
        f"{side}_hip": p.hip * out,
        f"{side}_knee": bend,
        f"{side}_ankle": ankle,
        f"{side}_heel": ankle + p.foot * (0.28 * shin - 0.25 * toe),
        f"{side}_foot_index": ankle + p.foot * (0.3 * shin + 0.75 * toe),
    }


def _turned(xyz: F64, turn: F64) -> F64:
    """Rotate about the vertical."""
    c, s = np.cos(turn), np.sin(turn)
    x, y, z = xyz.T
    return np.stack([x * c + z * s, y, z * c - x * s], -1)


def _unit(v: F64) -> F64:
    unit: F64 = v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-6)
    return unit


def _dot(a: F64, b: F64) -> F64:
    return np.asarray((a * b).sum(-1, keepdims=True), np.float64)
