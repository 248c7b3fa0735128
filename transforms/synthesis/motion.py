"""How a puppet moves: joint angles as smooth functions of time, from plausible gestures.

Arrays hold N moments and two sides, left then right. Angles are radians; zero is standing upright, arms hanging.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from transforms.synthesis.noise import F64, wander


@dataclass(frozen=True, slots=True)
class Angles:
    """Joint angles of a clip.

    arms_N23: raise sideways, swing forward, bend of the elbow. hint_N23: the way the elbow bends, in the chest's
    frame (outwards, down, forward). legs_N23: raise sideways, swing forward, bend of the knee.
    turn_N: heading, 0 facing the camera. lean_N: to its left; bend_N: forward; twist_N: chest against hips.
    head_N2: turn and tilt of the head. hop_N: metres above the ground.
    """

    arms_N23: F64
    hint_N23: F64
    legs_N23: F64
    turn_N: F64
    lean_N: F64
    bend_N: F64
    twist_N: F64
    head_N2: F64
    hop_N: F64


def idle(rng: np.random.Generator, t: F64) -> Angles:
    """Standing about: small movements of everything."""
    arms = np.empty((len(t), 2, 3))
    for side in range(2):
        arms[:, side, 0] = rng.uniform(0.1, 0.35) + wander(rng, t, 0.12)
        arms[:, side, 1] = rng.uniform(-0.1, 0.4) + wander(rng, t, 0.25)
        arms[:, side, 2] = rng.uniform(0.2, 1.1) + wander(rng, t, 0.2)
    legs = np.empty((len(t), 2, 3))
    sway = wander(rng, t, 0.08)
    legs[:, :, 0] = rng.uniform(0.04, 0.16)
    legs[:, :, 1] = np.stack([sway, -sway], -1)
    legs[:, :, 2] = 0.08 + np.abs(wander(rng, t, 0.15))[:, None]
    return Angles(
        arms_N23=arms,
        hint_N23=np.broadcast_to(np.array([-0.5, -0.3, 1.0]), (len(t), 2, 3)).copy(),
        legs_N23=legs,
        turn_N=_heading(rng) + wander(rng, t, 0.35),
        lean_N=wander(rng, t, 0.07),
        bend_N=0.03 + wander(rng, t, 0.06),
        twist_N=wander(rng, t, 0.15),
        head_N2=np.stack([wander(rng, t, 0.5), wander(rng, t, 0.15)], -1),
        hop_N=np.zeros_like(t),
    )


def walk(rng: np.random.Generator, t: F64) -> Angles:
    """Walking or jogging, mostly seen from the side."""
    a = idle(rng, t)
    pace, effort = rng.uniform(0.8, 1.5), rng.uniform(0.7, 1.3)
    phase = 2 * np.pi * pace * t + rng.uniform(0, 6)
    for side, sign in enumerate((1, -1)):
        step = phase + (side * np.pi)
        a.legs_N23[:, side, 1] = 0.05 + 0.5 * effort * np.sin(step)
        a.legs_N23[:, side, 2] = 0.12 + 0.85 * effort * np.clip(np.sin(step + 1.9), 0, None) ** 1.5
        a.arms_N23[:, side, 1] = -0.55 * effort * np.sin(step)
        a.arms_N23[:, side, 2] = 0.25 + 0.5 * effort + 0.25 * np.sin(step + np.pi)
        a.hint_N23[:, side] = (0.0, 0.0, 1.0)
        a.twist_N[:] += sign * 0.06 * np.sin(step)
    a.turn_N[:] = rng.choice([-1, 1]) * rng.uniform(0.7, 1.6) + wander(rng, t, 0.25)
    a.bend_N[:] += 0.06 * effort
    return a


def wave(rng: np.random.Generator, t: F64) -> Angles:
    """Waving with one arm or both."""
    a = idle(rng, t)
    sides = [0, 1] if rng.random() < 0.3 else [int(rng.integers(2))]
    for side in sides:
        beat = 2 * np.pi * rng.uniform(0.8, 2.0) * t + rng.uniform(0, 6)
        a.arms_N23[:, side, 0] = rng.uniform(1.3, 2.3) + wander(rng, t, 0.2)
        a.arms_N23[:, side, 1] = wander(rng, t, 0.2)
        a.arms_N23[:, side, 2] = rng.uniform(0.7, 1.2) + 0.5 * np.sin(beat)
        a.hint_N23[:, side] = (-0.2, -1.0, 0.1)
    return a


def dance(rng: np.random.Generator, t: F64) -> Angles:
    """Moving to a beat with the whole body, sometimes turning round."""
    a = idle(rng, t)
    beat = 2 * np.pi * rng.uniform(0.5, 1.1) * t + rng.uniform(0, 6)
    for side in range(2):
        harmonic, shift = rng.choice([0.5, 1.0, 1.0, 2.0]), rng.uniform(0, 6, 4)
        a.arms_N23[:, side, 0] = rng.uniform(0.5, 1.5) + rng.uniform(0.3, 0.9) * np.sin(harmonic * beat + shift[0])
        a.arms_N23[:, side, 1] = 0.3 + rng.uniform(0.2, 0.7) * np.sin(beat + shift[1])
        a.arms_N23[:, side, 2] = 1.1 + rng.uniform(0.3, 0.9) * np.sin(harmonic * beat + shift[2])
        a.hint_N23[:, side] = rng.normal((-0.3, -0.5, 0.5), 0.4)
        a.legs_N23[:, side, 0] = 0.16 + 0.1 * np.sin(beat + shift[3])
        a.legs_N23[:, side, 1] = 0.25 + 0.28 * np.sin(beat + side * np.pi)
        a.legs_N23[:, side, 2] = 0.5 + 0.42 * np.sin(beat + side * np.pi)
    a.lean_N[:] = rng.uniform(0.1, 0.28) * np.sin(beat)
    a.twist_N[:] = rng.uniform(0.1, 0.4) * np.sin(beat + rng.uniform(0, 6))
    if rng.random() < 0.35:
        a.turn_N[:] += rng.choice([-1, 1]) * rng.uniform(0.8, 2.0) * t
    return a


def squat(rng: np.random.Generator, t: F64) -> Angles:
    """Going down and up, arms forward."""
    a = idle(rng, t)
    down = 0.5 - 0.5 * np.cos(2 * np.pi * rng.uniform(0.3, 0.7) * t + rng.uniform(0, 6))
    a.legs_N23[:, :, 0] = 0.3
    a.legs_N23[:, :, 1] = (1.35 * down)[:, None]
    a.legs_N23[:, :, 2] = (2.1 * down)[:, None] + 0.05
    a.arms_N23[:, :, 1] = (1.4 * down)[:, None]
    a.arms_N23[:, :, 2] = 0.3
    a.bend_N[:] = 0.55 * down
    return a


def jacks(rng: np.random.Generator, t: F64) -> Angles:
    """Jumping jacks."""
    a = idle(rng, t)
    beat = 2 * np.pi * rng.uniform(0.6, 1.2) * t + rng.uniform(0, 6)
    up = 0.5 - 0.5 * np.cos(beat)
    a.arms_N23[:, :, 0] = (0.15 + 2.6 * up)[:, None]
    a.arms_N23[:, :, 1] = 0.1
    a.arms_N23[:, :, 2] = 0.25
    a.hint_N23[:] = (-1.0, 0.0, 0.2)
    a.legs_N23[:, :, 0] = (0.06 + 0.42 * up)[:, None]
    a.hop_N[:] = 0.1 * np.sin(beat) ** 2
    return a


def talk(rng: np.random.Generator, t: F64) -> Angles:
    """Talking with the hands, or reaching about."""
    a = idle(rng, t)
    for side in range(2):
        a.arms_N23[:, side, 0] = rng.uniform(0.2, 0.8) + wander(rng, t, 0.4, (0.3, 1.2))
        a.arms_N23[:, side, 1] = rng.uniform(0.2, 0.9) + wander(rng, t, 0.6, (0.3, 1.2))
        a.arms_N23[:, side, 2] = rng.uniform(0.8, 1.6) + wander(rng, t, 0.7, (0.3, 1.2))
        a.hint_N23[:, side] = rng.normal((-0.3, -0.6, 0.6), 0.3)
    return a


GESTURES: dict[str, Callable[[np.random.Generator, F64], Angles]] = {
    "idle": idle, "walk": walk, "wave": wave, "dance": dance, "squat": squat, "jacks": jacks, "talk": talk,
}  # fmt: skip


def _heading(rng: np.random.Generator) -> float:
    """Mostly towards the camera, sometimes aside or away."""
    share = rng.random()
    if share < 0.7:
        return float(rng.normal(0, 0.35))
    return float(rng.uniform(-1.4, 1.4) if share < 0.88 else np.pi + rng.normal(0, 0.4))
