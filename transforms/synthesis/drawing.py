"""Scenes drawn from a seed.

Equal seeds and settings give equal scenes. Textures, colours, bodies and motions all come from the seed, so disjoint
ranges of seeds are held-out splits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from schemas.arrays import F32, U8, Bool
from transforms.synthesis.backdrop import Piece, draw_backdrop, draw_object
from transforms.synthesis.camera import FOCAL, CameraPath, draw_path
from transforms.synthesis.character import draw_character
from transforms.synthesis.kinematics import pose_body
from transforms.synthesis.motion import GESTURES
from transforms.synthesis.noise import F64, wander
from transforms.synthesis.puppet import Figure, Stand, affine, lay_out
from transforms.synthesis.scene import Puppet, Scene
from transforms.synthesis.sprites import shadow
from transforms.synthesis.textures import Maker

CAMERA_SHARES = {"static": 0.14, "pan": 0.2, "zoom": 0.14, "rotate": 0.12, "shake": 0.18, "parallax": 0.22}
"""Kinds of camera motion and how often each is drawn."""
_SHUTTER = 0.5
"""Share of the frame interval for which a blurred scene's shutter is open."""
_BRISK = ("dance", "jacks", "walk")
_COMPRESSION = {18: 0.35, 21: 0.25, 24: 0.2, 28: 0.12, 32: 0.08}


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """What scenes to draw. size: px, even. people: least and most. camera: a kind of CAMERA_SHARES, None for any.

    photograph: maker of (H, W, 3) pictures for the far background, or None for procedural textures.
    """

    size: int = 512
    frames: int = 96
    fps: Fraction = Fraction(24)
    people: tuple[int, int] = (1, 2)
    camera: str | None = None
    photograph: Maker | None = None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A scene in the making: its moments, its camera, and the elements gathered so far."""

    times_TS: F64
    path: CameraPath
    eye_m: float
    pictures: list[U8] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    persons: list[int] = field(default_factory=list)
    mirrored: list[bool] = field(default_factory=list)
    transforms: list[F64] = field(default_factory=list)
    depths: list[F64] = field(default_factory=list)
    shown: list[Bool] = field(default_factory=list)

    @property
    def times_s(self) -> F64:
        """All moments in a row."""
        return self.times_TS.ravel()

    def add(self, kind: str, piece: Piece) -> None:
        """Add a piece at one distance."""
        moments = self.times_TS.size
        self.add_moving(kind, piece, -1, np.full(moments, piece.depth_m), np.ones(moments, np.bool_))

    def add_moving(self, kind: str, piece: Piece, person: int, depth_N: F64, shown_N: Bool) -> None:
        """Add a piece of a person, whose distance changes."""
        self.pictures.append(piece.rgba_HW4)
        self.kinds.append(kind)
        self.persons.append(person)
        self.mirrored.append(piece.mirrored)
        self.transforms.append(piece.transform_N33)
        self.depths.append(depth_N)
        self.shown.append(shown_N)


def draw_scene(seed: tuple[int, ...], settings: SceneSettings) -> Scene:
    """The scene of a seed, for instance (seed of a data set, running number)."""
    rng = np.random.default_rng(seed)
    kind = settings.camera or str(rng.choice(list(CAMERA_SHARES), p=list(CAMERA_SHARES.values())))
    people = int(rng.integers(settings.people[0], settings.people[1] + 1))
    gestures = [str(rng.choice(list(GESTURES))) for _ in range(people)]
    times_TS = _exposure_times(rng, settings, brisk=any(gesture in _BRISK for gesture in gestures))
    path = draw_path(rng, kind, times_TS.ravel(), settings.frames / float(settings.fps), settings.size)
    draft = _Draft(times_TS, path, float(rng.uniform(0.85, 1.5)))
    layered = kind == "parallax"
    for piece in draw_backdrop(rng, path, draft.eye_m, layered=layered, photograph=settings.photograph):
        draft.add(piece.name, piece)
    for _ in range(int(rng.integers(1, 3)) if rng.random() < 0.3 else 0):
        draft.add("object", draw_object(rng, path, draft.eye_m, draft.times_s))
    distances = _distances(rng, people)
    puppets = tuple(_add_person(rng, draft, i, gestures[i], distances[i]) for i in range(people))
    return _finish(rng, draft, settings, seed=seed, camera=kind, puppets=puppets)


def _add_person(rng: np.random.Generator, draft: _Draft, person: int, gesture: str, distance_m: float) -> Puppet:
    """Draw a person, add its sprites and its shadow; its joints at the annotated moments."""
    angles = GESTURES[gesture](rng, draft.times_s)
    pace = -float(np.sin(angles.turn_N.mean())) * rng.uniform(0.3, 0.8) if gesture == "walk" else 0.0
    ground, scale = draft.path.see(_whereabouts(rng, draft, distance_m, pace, leading=person == 0))
    character = draw_character(rng, float(scale.max()))
    figure = lay_out(
        character, pose_body(character.proportions, angles), Stand(ground, scale, draft.path.rotation_N3[:, 2])
    )
    if "floor" in draft.kinds:
        draft.add("shadow", _shadow(ground, scale, draft.eye_m / distance_m))
    first = len(draft.kinds)
    for k, sprite in enumerate(figure.sprites):
        piece = Piece(figure.names[k], sprite.rgba_HW4, figure.transform_KN33[k], distance_m)
        draft.add_moving("person", piece, person, distance_m + 0.3 * figure.depth_KN[k], figure.shown_KN[k])
    return _puppet(figure, first, draft.times_TS.shape[1])


def _puppet(figure: Figure, first: int, moments: int) -> Puppet:
    at = slice(moments // 2, None, moments)
    carriers = tuple(tuple(first + k for k in own) for own in figure.carriers)
    return Puppet(figure.joints_NJ2[at], figure.facing_NJ[at], carriers)


def _whereabouts(rng: np.random.Generator, draft: _Draft, distance_m: float, pace: float, *, leading: bool) -> F64:
    """(N, 3) place of the person on the ground: wandering, walking at `pace` m/s, often followed by the camera."""
    half_view, path, times_s = 0.5 * distance_m / FOCAL, draft.path, draft.times_s
    start = rng.uniform(-0.35, 0.35) if leading else rng.choice([-1, 1]) * rng.uniform(0.25, 0.7)
    looked_at = path.place_N3[:, 0] + distance_m * np.tan(path.rotation_N3[:, 0])
    followed = rng.uniform(0.6, 1.0) if rng.random() < 0.6 else 0.0
    if pace * (looked_at[-1] - looked_at[0]) < 0:
        followed = 0.0
    walked = pace * (times_s - times_s.mean()) * (1 - followed)
    across = start * half_view + wander(rng, times_s, 0.15 * half_view) + followed * looked_at + walked
    return np.stack([across, np.full_like(across, draft.eye_m), np.full_like(across, distance_m)], -1)


def _shadow(ground_N2: F64, scale_N: F64, flatness: float) -> Piece:
    sprite, zero = shadow(64.0), np.zeros_like(scale_N)
    right = np.stack([scale_N, zero], -1) * 0.95 / 64
    down = np.stack([zero, scale_N * flatness], -1) * 0.7 / 64
    return Piece("shadow", sprite.rgba_HW4, affine(right, down, ground_N2, sprite.start), 899.0)


def _distances(rng: np.random.Generator, people: int) -> list[float]:
    """Distances of the persons, metres; apart by more than the reach of an arm."""
    first = float(np.exp(rng.uniform(np.log(2.3), np.log(5.0))))
    steps = np.cumsum(rng.uniform(0.6, 1.0, people)) * (1 if first < 3.4 else -1)
    return [first, *(max(2.0, first + step) for step in steps[: people - 1].tolist())]


def _exposure_times(rng: np.random.Generator, settings: SceneSettings, *, brisk: bool) -> F64:
    """(T, S) seconds; one moment per frame, or several where the scene has motion blur."""
    moments = 1 if rng.random() < 0.65 else 5 if brisk else 3
    offset = (np.arange(moments) - moments // 2) / max(1, moments - 1) * _SHUTTER
    times: F64 = (np.arange(settings.frames)[:, None] + offset) / float(settings.fps)
    return times


def _finish(
    rng: np.random.Generator,
    draft: _Draft,
    settings: SceneSettings,
    *,
    seed: tuple[int, ...],
    camera: str,
    puppets: tuple[Puppet, ...],
) -> Scene:
    shape = draft.times_TS.shape
    middle = shape[1] // 2
    depth_KT = np.stack(draft.depths).reshape(-1, *shape)[:, :, middle]
    return Scene(
        seed=seed,
        size=settings.size,
        fps=settings.fps,
        pictures=tuple(draft.pictures),
        kinds=tuple(draft.kinds),
        person_K=np.array(draft.persons, np.int64),
        mirrored_K=np.array(draft.mirrored, np.bool_),
        transform_KTS33=np.stack(draft.transforms).reshape(-1, *shape, 3, 3),
        order_TK=np.argsort(-depth_KT, axis=0, kind="stable").T,
        shown_KT=np.stack(draft.shown).reshape(-1, *shape)[:, :, middle],
        gain_T3=_light(rng, draft.times_TS[:, middle]),
        grain=float(rng.uniform(0.4, 2.2)) if rng.random() < 0.5 else 0.0,
        crf=int(rng.choice(list(_COMPRESSION), p=list(_COMPRESSION.values()))),
        camera=camera,
        puppets=puppets,
    )


def _light(rng: np.random.Generator, times_s: F64) -> F32:
    """(T, 3) light: steady, or slowly changing in strength and colour."""
    if rng.random() < 0.55:
        return np.ones((len(times_s), 3), np.float32)
    strength = wander(rng, times_s, rng.uniform(0.05, 0.2), (0.1, 0.9))
    tint = np.stack([wander(rng, times_s, 0.05, (0.1, 0.5)) for _ in range(3)], -1)
    return (1 + strength[:, None] + tint).astype(np.float32)
