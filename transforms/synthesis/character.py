"""A character: a body's proportions and the sprites that dress it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.arrays import F32
from transforms.synthesis import head
from transforms.synthesis.kinematics import SIDES, Proportions, draw_proportions
from transforms.synthesis.sprites import STYLES, Paint, Sprite, limb, tone


@dataclass(frozen=True, slots=True)
class Part:
    """A sprite stretched between two joints. nearness_m: how much nearer the camera than its bone it counts."""

    name: str
    sprite: Sprite
    start: str
    end: str
    nearness_m: float


@dataclass(frozen=True, slots=True)
class Character:
    """head: sprites skull, ear, face, hair_cap, hair_back; limbs: everything else, by name."""

    proportions: Proportions
    limbs: tuple[Part, ...]
    head: dict[str, Sprite]


@dataclass(frozen=True, slots=True)
class _Wardrobe:
    """Colours of a character and how far its clothes reach, as shares of the limb below the joint."""

    skin_3: F32
    hair_3: F32
    shirt: tuple[F32, int, float]
    trousers: tuple[F32, int, float]
    shoes_3: F32
    sleeve: float
    leg: float
    skirt: bool


def draw_character(rng: np.random.Generator, pixels_per_metre: float) -> Character:
    """A character whose sprites are as fine as `pixels_per_metre`."""
    p, w = draw_proportions(rng), _draw_wardrobe(rng)
    limbs = [*_trunk(rng, p, w, pixels_per_metre)]
    for side, _ in SIDES:
        limbs += _arm(rng, p, w, side, pixels_per_metre)
        limbs += _leg(rng, p, w, side, pixels_per_metre)
    ppu = p.head / head.HEIGHT * pixels_per_metre
    sprites = {
        "skull": head.ellipse(w.skin_3, ppu, (head.RADIUS, head.HEIGHT)),
        "ear": head.ellipse(w.skin_3 * np.float32(0.92), ppu, (0.11, 0.17)),
        "face": head.face(rng, w.skin_3, w.hair_3, ppu),
        "hair_cap": head.hair_cap(w.hair_3, ppu, float(rng.uniform(-0.5, -0.3))),
        "hair_back": head.hair_back(w.hair_3, ppu, float(rng.choice([0.35, 0.45, 0.5, 0.8, 1.1]))),
    }
    return Character(p, tuple(limbs), sprites)


def _draw_wardrobe(rng: np.random.Generator) -> _Wardrobe:
    skin, shirt, trousers = tone(rng, "skin"), _fabric(rng), _fabric(rng)
    skirt = rng.random() < 0.22
    if skirt and rng.random() < 0.6:
        trousers = shirt
    return _Wardrobe(
        skin_3=skin,
        hair_3=tone(rng, "hair"),
        shirt=shirt,
        trousers=trousers,
        shoes_3=tone(rng, "cloth") * np.float32(0.8),
        sleeve=float(rng.choice([0.0, 0.45, 0.6, 2.0])),
        leg=0.15 if skirt else float(rng.choice([0.65, 2.0, 2.0])),
        skirt=skirt,
    )


def _fabric(rng: np.random.Generator) -> tuple[F32, int, float]:
    """Two colours, a style and the metres to a repeat."""
    colours = np.stack([tone(rng, "cloth"), tone(rng, "cloth")])
    return colours, int(rng.integers(STYLES)), float(rng.uniform(0.04, 0.12))


def _trunk(rng: np.random.Generator, p: Proportions, w: _Wardrobe, ppm: float) -> list[Part]:
    colours, style, repeat = w.shirt
    shape = np.array([0.98, 1.06, 0.93 * p.girth, 0.82 * p.girth, 0.86 * p.girth, 0.9 * p.girth])
    shirt = Paint(w.trousers[0][0], colours, style, repeat, end=float(rng.uniform(0.85, 1.1)))
    torso = limb(rng, p.torso, tuple(p.shoulder * shape), shirt, ppm, flat=0.35)
    bare = Paint(w.skin_3, colours, 0, 1.0, end=-9)
    neck = limb(rng, p.neck + p.head * 0.8, (0.3 * p.shoulder, 0.3 * p.shoulder, 0.42 * p.shoulder), bare, ppm)
    parts = [Part("neck", neck, "head", "neck", -0.08), Part("torso", torso, "neck", "pelvis", 0.0)]
    if w.skirt:
        radii = tuple(p.shoulder * np.array([0.8 * p.girth, 1.05 * p.girth, 1.25 * p.girth]))
        skirt = limb(rng, p.thigh * 0.8, radii, _clothes(w, w.trousers, 9.0), ppm, flat=0.15)
        parts.append(Part("skirt", skirt, "pelvis", "skirt_hem", 0.25))
    return parts


def _arm(rng: np.random.Generator, p: Proportions, w: _Wardrobe, side: str, ppm: float) -> list[Part]:
    r = 0.024 * p.height * np.sqrt(p.girth)
    upper = limb(rng, p.upper_arm, (1.2 * r, 1.1 * r, 0.9 * r), _clothes(w, w.shirt, w.sleeve), ppm)
    lower = limb(rng, p.forearm, (0.92 * r, 0.9 * r, 0.66 * r), _clothes(w, w.shirt, min(w.sleeve - 1, 0.95)), ppm)
    hand = limb(rng, p.hand * 0.8, (0.64 * r, 0.98 * r, 0.9 * r, 0.5 * r), _clothes(w, w.shirt, -9), ppm)
    return [
        Part(f"{side}_upper_arm", upper, f"{side}_shoulder", f"{side}_elbow", 0.05),
        Part(f"{side}_forearm", lower, f"{side}_elbow", f"{side}_wrist", 0.06),
        Part(f"{side}_hand", hand, f"{side}_wrist", f"{side}_index", 0.055),
    ]


def _leg(rng: np.random.Generator, p: Proportions, w: _Wardrobe, side: str, ppm: float) -> list[Part]:
    r = 0.046 * p.height * np.sqrt(p.girth)
    loose = 1.12 if w.leg > 1 else 1.0
    thigh = limb(rng, p.thigh, (1.15 * r, 1.1 * r, 0.8 * r), _clothes(w, w.trousers, w.leg), ppm)
    shape = tuple(r * np.array([0.78, 0.8 * loose, 0.62 * loose**2, 0.5 * loose**3]))
    shin = limb(rng, p.shin, shape, _clothes(w, w.trousers, min(w.leg - 1, 0.97)), ppm)
    shoe = Paint(w.shoes_3, np.stack([w.shoes_3, w.shoes_3]), 0, 1.0)
    foot = limb(rng, p.foot, (0.58 * r, 0.6 * r, 0.5 * r), shoe, ppm)
    return [
        Part(f"{side}_foot", foot, f"{side}_heel", f"{side}_foot_index", -0.05),
        Part(f"{side}_shin", shin, f"{side}_knee", f"{side}_ankle", -0.03),
        Part(f"{side}_thigh", thigh, f"{side}_hip", f"{side}_knee", -0.02),
    ]


def _clothes(w: _Wardrobe, fabric: tuple[F32, int, float], end: float) -> Paint:
    return Paint(w.skin_3, *fabric, end=end)
