"""Exact annotations of a rendered scene: who is seen where, and where each point of the ground goes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.annotators.rle import encode_mask
from schemas.arrays import U8
from schemas.records import Annotation, Annotator, Mask, PersonAnnotation, Pose, Tracks
from schemas.skeletons import BLAZEPOSE_33
from transforms.synthesis.noise import F64
from transforms.synthesis.scene import BACKGROUND, Puppet, Scene

SYNTHETIC = Annotator("synthetic")
_QUERY_FRAMES = 3
_GRID = 11
_FAR = 4.0
"""Places further than this many picture sizes away are not told apart."""


def annotate_scene(scene: Scene, labels_THW: U8) -> Annotation:
    """Poses, masks and tracks of a scene, from its labels by `render`. The largest person comes first.

    Persons who are never seen are left out. Coordinates: px, centres of pixels at integers.
    """
    persons = [
        PersonAnnotation(_pose(puppet, scene, labels_THW, mask), mask)
        for puppet, mask in zip(scene.puppets, _masks(scene, labels_THW), strict=True)
        if any(mask.area_px)
    ]
    persons.sort(key=lambda person: -sum(person.mask.area_px))
    tracks = background_tracks(scene, labels_THW)
    return Annotation(tuple(persons), tracks, SYNTHETIC, SYNTHETIC, SYNTHETIC)


def background_tracks(scene: Scene, labels_THW: U8) -> Tracks:
    """Points of the background on a jittered grid, chosen in several frames, followed over the whole clip.

    xy is the true place at every frame, seen or not. Visible: in the picture, and nothing nearer covers the place.
    """
    rng = np.random.default_rng([*scene.seed, 2])
    layers = np.flatnonzero(np.isin(scene.kinds, BACKGROUND))
    places, layer, query = [], [], []
    for frame in sorted({i * scene.frames // _QUERY_FRAMES for i in range(_QUERY_FRAMES)}):
        xy_N2 = _grid(rng, scene.size)
        seen_N = _labels_at(labels_THW, np.full(len(xy_N2), frame), xy_N2)
        chosen_N = np.isin(seen_N, layers)
        places.append(xy_N2[chosen_N])
        layer.append(seen_N[chosen_N])
        query.append(np.full(chosen_N.sum(), frame, np.int32))
    layer_N, query_N = np.concatenate(layer), np.concatenate(query)
    xy_NT2 = _follow(scene, np.concatenate(places), layer_N, query_N)
    frames_NT = np.broadcast_to(np.arange(scene.frames), xy_NT2.shape[:2])
    seen_NT = _labels_at(labels_THW, frames_NT, xy_NT2)
    on_person_NT = np.append(scene.person_K, -1)[seen_NT] >= 0
    return Tracks(xy_NT2.astype(np.float32), seen_NT == layer_N[:, None], on_person_NT, query_N)


def _follow(scene: Scene, xy_N2: F64, layer_N: NDArray[np.int64], query_N: NDArray[np.int32]) -> F64:
    """(N, T, 2) places of points given at their query frames, each moving with its layer."""
    start_N3 = np.concatenate([xy_N2, np.ones((len(xy_N2), 1))], -1)
    on_picture_N3 = np.linalg.solve(scene.maps_KT33[layer_N, query_N], start_N3[..., None])[..., 0]
    seen_NT3 = np.einsum("ntij,nj->nti", scene.maps_KT33[layer_N], on_picture_N3)
    in_front = seen_NT3[..., 2:] > 1e-9
    xy_NT2 = np.where(in_front, seen_NT3[..., :2], np.inf) / np.where(in_front, seen_NT3[..., 2:], 1.0)
    return np.asarray(np.clip(xy_NT2, -_FAR * scene.size, _FAR * scene.size), np.float64)


def _pose(puppet: Puppet, scene: Scene, labels_THW: U8, mask: Mask) -> Pose:
    """Joints with exact visibility: 1 where the joint's own sprites are seen at its place, else 0."""
    xy_TJ2 = puppet.joints_TJ2.astype(np.float32)
    frames_TJ = np.broadcast_to(np.arange(scene.frames)[:, None], xy_TJ2.shape[:2])
    seen_TJ = _labels_at(labels_THW, frames_TJ, xy_TJ2)
    carried_JK = np.zeros((xy_TJ2.shape[1], len(scene.kinds) + 1), np.bool_)
    for joint, elements in enumerate(puppet.carriers):
        carried_JK[joint, list(elements)] = True
    visible_TJ = carried_JK[np.arange(xy_TJ2.shape[1]), seen_TJ] & puppet.facing_TJ
    present_T = np.array(mask.area_px) > 0
    xy_TJ2[~present_T] = np.nan
    return Pose(xy_TJ2, visible_TJ.astype(np.float32), present_T, BLAZEPOSE_33.name)


def _masks(scene: Scene, labels_THW: U8) -> list[Mask]:
    """One mask per puppet: the pixels at which its sprites are seen."""
    owner = np.full(256, -1, np.int64)
    owner[: len(scene.person_K)] = scene.person_K
    table = (owner % 256).astype(np.uint8)
    encoded: list[list[tuple[str, int]]] = [[] for _ in scene.puppets]
    for label_HW in labels_THW:
        owner_WH = cv2.transpose(cv2.LUT(label_HW, table))  # run-length coding wants columns together
        for person, frames in enumerate(encoded):
            frames.append(encode_mask((owner_WH == person).T))
    side = scene.size
    return [Mask(tuple(r for r, _ in frames), tuple(a for _, a in frames), side, side) for frames in encoded]


def _labels_at(labels_THW: U8, frame: NDArray[np.int64], xy: NDArray[np.floating]) -> NDArray[np.int64]:
    """Element seen at each place; -1 outside the picture. frame: (...), xy: (..., 2)."""
    pixel = np.floor(xy + 0.5).astype(np.int64)
    side = labels_THW.shape[1]
    inside = ((pixel >= 0) & (pixel < side)).all(-1)
    x, y = np.clip(pixel, 0, side - 1).reshape(-1, 2).T
    seen = labels_THW[frame.ravel(), y, x].reshape(inside.shape)
    return np.where(inside, seen.astype(np.int64), -1)


def _grid(rng: np.random.Generator, size: int) -> F64:
    step = size / _GRID
    axis = (np.arange(_GRID) + 0.5) * step
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    return np.clip(grid + rng.uniform(-0.3, 0.3, grid.shape) * step, 0, size - 1)
