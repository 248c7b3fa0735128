"""One frame with its annotations drawn in: mask tint, skeletons, background points with trails, a caption."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.annotators.rle import decode_mask
from schemas.arrays import U8
from schemas.records import Annotation, Mask, Pose, Tracks
from schemas.skeletons import SKELETONS

Colour = tuple[int, int, int]

PERSON_COLOURS: tuple[Colour, ...] = ((64, 160, 255), (255, 120, 64), (120, 220, 90), (220, 90, 220))
TRAIL_FRAMES = 8
JOINT_SHOWN = 0.5
"""Least confidence of a joint that is drawn."""
_SUBPIXEL_BITS = 3


def draw_annotation(rgb_HW3: U8, annotation: Annotation, frame: int, caption: Sequence[str] = ()) -> U8:
    """A copy of the frame with every annotation of that frame drawn in, and the caption in the top left corner."""
    canvas = rgb_HW3.copy()
    for person, colour in zip(annotation.persons, _cycle(PERSON_COLOURS), strict=False):
        tint(canvas, person.mask, frame, colour)
    draw_points(canvas, annotation.tracks, frame)
    for person, colour in zip(annotation.persons, _cycle(PERSON_COLOURS), strict=False):
        draw_pose(canvas, person.pose, frame, colour)
    draw_caption(canvas, caption)
    return canvas


def tint(canvas_HW3: U8, mask: Mask, frame: int, colour: Colour) -> None:
    """Tint the mask's pixels and outline it, in place."""
    mask_HW = decode_mask(mask, frame)
    canvas_HW3[mask_HW] = (canvas_HW3[mask_HW] * 0.6 + np.array(colour) * 0.4).astype(np.uint8)
    outlines, _ = cv2.findContours(mask_HW.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(canvas_HW3, outlines, -1, colour, 1, cv2.LINE_AA)


def draw_pose(canvas_HW3: U8, pose: Pose, frame: int, colour: Colour) -> None:
    """Bones in the person's colour, joints in white, in place. Joints seen with less than 0.5 are left out."""
    if not pose.present_T[frame]:
        return
    xy_J2, shown_J = pose.xy_TJ2[frame], pose.confidence_TJ[frame] >= JOINT_SHOWN
    width = max(1, canvas_HW3.shape[0] // 200)
    for a, b in SKELETONS[pose.skeleton].bones:
        if shown_J[a] and shown_J[b]:
            _line(canvas_HW3, xy_J2[a], xy_J2[b], colour, width)
    for xy in xy_J2[shown_J]:
        _dot(canvas_HW3, xy, (255, 255, 255), width)


def draw_points(canvas_HW3: U8, tracks: Tracks, frame: int) -> None:
    """Visible background points, coloured by where each was chosen, with a trail of the last frames; in place."""
    radius = max(2, canvas_HW3.shape[0] // 180)
    colours = point_colours(tracks, canvas_HW3.shape[1], canvas_HW3.shape[0])
    first = max(0, frame - TRAIL_FRAMES)
    shown_NT = tracks.visible_NT & ~tracks.on_person_NT
    for point in np.flatnonzero(shown_NT[:, frame]):
        colour, seen_T = colours[point], shown_NT[point, first : frame + 1].tolist()
        path_T2 = _all_fixed(tracks.xy_NT2[point, first : frame + 1])
        for step in range(frame - first):
            if seen_T[step] and seen_T[step + 1]:
                cv2.line(canvas_HW3, path_T2[step], path_T2[step + 1], colour, 1, cv2.LINE_AA, _SUBPIXEL_BITS)
        cv2.circle(canvas_HW3, path_T2[-1], radius << _SUBPIXEL_BITS, colour, -1, cv2.LINE_AA, _SUBPIXEL_BITS)


def point_colours(tracks: Tracks, width: int, height: int) -> list[Colour]:
    """One colour per point: hue by the row it was chosen in, lightness by the column."""
    chosen_N2 = tracks.xy_NT2[np.arange(len(tracks.query_frame_N)), tracks.query_frame_N]
    colours: list[Colour] = []
    for x, y in np.clip(chosen_N2 / (width, height), 0, 1).tolist():
        r, g, b = colorsys.hls_to_rgb(y * 0.85, 0.4 + 0.3 * x, 1.0)
        colours.append((int(r * 255), int(g * 255), int(b * 255)))
    return colours


def draw_caption(canvas_HW3: U8, lines: Sequence[str]) -> None:
    """Lines of text in the top left corner on a darkened ground, in place."""
    scale = max(0.3, canvas_HW3.shape[0] / 1300)
    step = round(30 * scale)
    if not lines:
        return
    width = max(cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)[0][0] for line in lines)
    box = canvas_HW3[: step * len(lines) + step // 2, : width + step]
    box //= 3
    for row, line in enumerate(lines, 1):
        place = (step // 2, row * step)
        cv2.putText(canvas_HW3, line, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA)


def _cycle(colours: tuple[Colour, ...]) -> list[Colour]:
    return list(colours) * 8


def _fixed(xy: NDArray[np.float32]) -> tuple[int, int]:
    return round(float(xy[0]) * (1 << _SUBPIXEL_BITS)), round(float(xy[1]) * (1 << _SUBPIXEL_BITS))


def _all_fixed(xy_T2: NDArray[np.float32]) -> list[tuple[int, int]]:
    return [(x, y) for x, y in np.rint(xy_T2 * (1 << _SUBPIXEL_BITS)).astype(int).tolist()]


def _line(canvas: U8, a: NDArray[np.float32], b: NDArray[np.float32], colour: Colour, width: int) -> None:
    cv2.line(canvas, _fixed(a), _fixed(b), colour, width, cv2.LINE_AA, _SUBPIXEL_BITS)


def _dot(canvas: U8, xy: NDArray[np.float32], colour: Colour, radius: int) -> None:
    cv2.circle(canvas, _fixed(xy), radius << _SUBPIXEL_BITS, colour, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
