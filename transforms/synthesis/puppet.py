"""Puppets on the screen: affine maps of their sprites, and their joints in the blazepose_33 skeleton."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from schemas.arrays import Bool
from schemas.skeletons import BLAZEPOSE_33
from transforms.synthesis.character import Character, Part
from transforms.synthesis.head import FACE, HEIGHT, RADIUS
from transforms.synthesis.kinematics import SIDES, Body
from transforms.synthesis.noise import F64
from transforms.synthesis.sprites import Sprite

_SHORTEST = 0.35
"""A limb pointing at the camera is still drawn this share of its length."""
_FAR_M = 0.07
"""A shoulder or hip so much further away than the spine is behind the body."""
_CARRIERS = {
    "shoulder": ("torso", "{}_upper_arm"), "elbow": ("{}_upper_arm", "{}_forearm"),
    "wrist": ("{}_forearm", "{}_hand"), "pinky": ("{}_hand",), "index": ("{}_hand",), "thumb": ("{}_hand",),
    "hip": ("torso", "skirt", "{}_thigh"), "knee": ("{}_thigh", "{}_shin"), "ankle": ("{}_shin", "{}_foot"),
    "heel": ("{}_foot", "{}_shin"), "foot_index": ("{}_foot", "{}_shin"), "ear": ("{}_ear", "skull"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a body stands on the screen. ground_N2: px under its pelvis; scale_N: px per metre; roll_N: radians."""

    ground_N2: F64
    scale_N: F64
    roll_N: F64

    def project(self, xyz_N3: F64) -> F64:
        """(N, 2) px of a joint in the body's space, weak perspective."""
        c, s = np.cos(self.roll_N), np.sin(self.roll_N)
        x, y = xyz_N3[:, 0], xyz_N3[:, 1]
        return self.ground_N2 + self.scale_N[:, None] * np.stack([c * x - s * y, s * x + c * y], -1)


@dataclass(frozen=True, slots=True)
class Figure:
    """A puppet in N moments: K sprites and how they lie, and its joints.

    transform_KN33: sprite px to screen px. depth_KN: metres behind the person's own distance. shown_KN: drawn.
    joints_NJ2: screen px. facing_NJ: the joint is on the side of the body towards the camera.
    carriers: for each joint the indices of the sprites it may be seen on.
    """

    names: tuple[str, ...]
    sprites: tuple[Sprite, ...]
    transform_KN33: F64
    depth_KN: F64
    shown_KN: Bool
    joints_NJ2: F64
    facing_NJ: Bool
    carriers: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class _Laid:
    """One sprite in N moments."""

    name: str
    sprite: Sprite
    transform_N33: F64
    depth_N: F64
    shown_N: Bool


def lay_out(character: Character, body: Body, stand: Stand) -> Figure:
    """Put a character's sprites on a body and the body on the screen."""
    body = _with_hem(body)
    laid = [_limb(part, body, stand) for part in character.limbs]
    heads = _head(character, body, stand)
    laid += heads
    names = tuple(item.name for item in laid)
    face = next(item for item in heads if item.name == "face")
    points = {name: stand.project(xyz) for name, xyz in body.joints.items()} | _face_points(face) | _ears(heads)
    points |= _fingers(points)
    return Figure(
        names=names,
        sprites=tuple(item.sprite for item in laid),
        transform_KN33=np.stack([item.transform_N33 for item in laid]),
        depth_KN=np.stack([item.depth_N for item in laid]),
        shown_KN=np.stack([item.shown_N for item in laid]),
        joints_NJ2=np.stack([points[name] for name in BLAZEPOSE_33.joints], 1),
        facing_NJ=np.stack([_facing(name, body) for name in BLAZEPOSE_33.joints], 1),
        carriers=tuple(_carriers(name, names) for name in BLAZEPOSE_33.joints),
    )


def affine(right_N2: F64, down_N2: F64, at_N2: F64, sprite_point: tuple[float, float]) -> F64:
    """(N, 3, 3) maps that send a sprite's axes to the vectors given and one sprite point to `at_N2`."""
    maps = np.zeros((len(at_N2), 3, 3))
    maps[:, :2, 0], maps[:, :2, 1], maps[:, 2, 2] = right_N2, down_N2, 1
    maps[:, :2, 2] = at_N2 - right_N2 * sprite_point[0] - down_N2 * sprite_point[1]
    return maps


def _limb(part: Part, body: Body, stand: Stand) -> _Laid:
    start, end = stand.project(body.joints[part.start]), stand.project(body.joints[part.end])
    sprite, bone = part.sprite, end - start
    natural = (sprite.end[1] - sprite.start[1]) / sprite.pixels_per_metre * stand.scale_N
    length = np.hypot(*bone.T)
    way = bone / np.maximum(length, 1e-6)[:, None]
    stretched = np.maximum(length, _SHORTEST * natural)
    at = (start + end) / 2 - way * stretched[:, None] / 2
    width = stand.scale_N / sprite.pixels_per_metre
    if part.name in ("torso", "skirt"):
        width = width * np.sqrt(np.cos(body.chest_turn_N) ** 2 + (0.62 * np.sin(body.chest_turn_N)) ** 2)
    right = np.stack([way[:, 1], -way[:, 0]], -1) * width[:, None]
    down = way * (stretched / (sprite.end[1] - sprite.start[1]))[:, None]
    depth = (body.joints[part.start][:, 2] + body.joints[part.end][:, 2]) / 2 - part.nearness_m
    return _Laid(part.name, sprite, affine(right, down, at, sprite.start), depth, np.ones(len(at), np.bool_))


def _head(character: Character, body: Body, stand: Stand) -> list[_Laid]:
    centre, neck = stand.project(body.joints["head"]), stand.project(body.joints["neck"])
    down = (neck - centre) / np.hypot(*(neck - centre).T)[:, None]
    unit = character.proportions.head / HEIGHT * stand.scale_N
    right = np.stack([down[:, 1], -down[:, 0]], -1) * unit[:, None]
    down = down * unit[:, None]
    sin, cos = np.sin(body.head_turn_N), np.cos(body.head_turn_N)
    depth = body.joints["head"][:, 2] - 0.02
    always = np.ones(len(sin), np.bool_)

    def laid(name: str, shift: F64, width: F64, nearness: F64 | float, *, shown: Bool = always) -> _Laid:
        sprite = character.head[name.removeprefix("left_").removeprefix("right_")]
        ppu = np.hypot(sprite.end[0] - sprite.start[0], sprite.end[1] - sprite.start[1])
        maps = affine(right * width[:, None] / ppu, down / ppu, centre + right * shift[:, None], sprite.start)
        return _Laid(name, sprite, maps, depth - nearness, shown)

    one = np.ones_like(sin)
    back = np.where(cos < 0, 0.03, -0.04)
    ears = [
        laid(f"{side}_ear", sign * cos * (RADIUS + 0.02), 0.4 + 0.6 * np.abs(sin),
             np.where(sign * sin > 0.1, 0.012, -0.01))
        for side, sign in SIDES
    ]  # fmt: skip
    return [
        laid("hair_back", sin * 0.16, one, back),
        laid("skull", 0 * one, one, 0.0),
        *ears,
        laid("face", -sin * 0.36, np.maximum(cos, 0.05), 0.01, shown=cos > 0.1),
        laid("hair_cap", sin * 0.12, one, 0.02),
    ]


def _face_points(face: _Laid) -> dict[str, F64]:
    """Screen px of nose, eyes and mouth, where the face sprite shows them."""
    middle, ppu = face.sprite.start[0], face.sprite.end[1] - face.sprite.start[1]
    points = {"nose": FACE["nose"]}
    for side, sign in SIDES:
        points |= {
            f"{side}_{name}": (sign * FACE[name][0], FACE[name][1]) for name in ("eye", "eye_inner", "eye_outer")
        }
        points[f"mouth_{side}"] = (sign * FACE["mouth"][0], FACE["mouth"][1])
    return {
        name: face.transform_N33[:, :2] @ np.array([middle + x * ppu, middle + y * ppu, 1.0])
        for name, (x, y) in points.items()
    }


def _ears(heads: list[_Laid]) -> dict[str, F64]:
    return {
        item.name: item.transform_N33[:, :2] @ np.array([*item.sprite.start, 1.0])
        for item in heads
        if item.name.endswith("_ear")
    }


def _fingers(points: dict[str, F64]) -> dict[str, F64]:
    """Little finger and thumb beside the index finger's line, inside the hand."""
    fingers: dict[str, F64] = {}
    for side, sign in SIDES:
        palm = points[f"{side}_index"] - points[f"{side}_wrist"]
        beside = sign * np.stack([palm[:, 1], -palm[:, 0]], -1)
        fingers[f"{side}_thumb"] = points[f"{side}_wrist"] + 0.5 * palm - 0.17 * beside
        fingers[f"{side}_pinky"] = points[f"{side}_wrist"] + 0.8 * palm + 0.13 * beside
    return fingers


def _facing(joint: str, body: Body) -> Bool:
    """Whether the body's own surface at the joint is turned to the camera."""
    sin, cos = np.sin(body.head_turn_N), np.cos(body.head_turn_N)
    if joint.endswith("_ear"):
        return np.asarray((sin if joint.startswith("left") else -sin) > -0.25)
    if joint == "nose" or "eye" in joint or "mouth" in joint:
        side = 1 if "left" in joint else -1 if "right" in joint else 0
        return np.asarray(cos + 0.45 * side * sin > 0.1)
    if joint.endswith(("_shoulder", "_hip")):
        spine = body.joints["neck" if "shoulder" in joint else "pelvis"]
        return np.asarray(body.joints[joint][:, 2] - spine[:, 2] < _FAR_M)
    return np.ones(len(sin), np.bool_)


def _carriers(joint: str, names: tuple[str, ...]) -> tuple[int, ...]:
    side, _, kind = joint.partition("_")
    wanted = [name.format(side) for name in _CARRIERS.get(kind, ("face", "skull"))]
    return tuple(names.index(name) for name in wanted if name in names)


def _with_hem(body: Body) -> Body:
    """A skirt hangs from the pelvis to the middle between the knees."""
    j = body.joints
    hem = j["pelvis"] + 0.8 * ((j["left_knee"] + j["right_knee"]) / 2 - j["pelvis"])
    return replace(body, joints=j | {"skirt_hem": hem})
