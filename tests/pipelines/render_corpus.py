"""A corpus to render from: puppets at 96 px, some of them of no use for one purpose or another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from models.annotators.rle import decode_mask, encode_mask
from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import PartWriter, part_id_of
from schemas.config import Config, MediaConfig
from schemas.records import Clip, Frames, Mask, PersonAnnotation, Pose, Tracks
from schemas.skeletons import BLAZEPOSE_33
from tests.pipelines.corpus_records import make_report
from transforms.encoding.h264 import decode_frames, encode_h264
from transforms.synthesis.clip import make_clip
from transforms.synthesis.drawing import SceneSettings, draw_scene

SIDE, FRAMES, FPS = 96, 20, Fraction(12)
WIDER = 48


def puppet(seed: int, camera: str, frames: int = FRAMES, fps: Fraction = FPS) -> Clip:
    settings = SceneSettings(SIDE, frames, fps, (1, 1), camera=camera)
    return make_clip(draw_scene((seed,), settings), f"/videos/{seed}.mp4")


def render_clips() -> dict[str, Clip]:
    """By what is special about them."""
    nobody = puppet(14, "pan")
    return {
        "still": puppet(4, "static"),
        "pan": puppet(11, "pan"),
        "no_pose": with_pose(puppet(12, "static"), _nowhere),
        "no_points": with_tracks(puppet(13, "pan"), lambda tracks: np.zeros_like(tracks.visible_NT)),
        "nobody": replace(nobody, annotation=replace(nobody.annotation, persons=())),
        "rejected": replace(puppet(15, "pan"), annotation=None, media=None, reject_reasons=("luminance_low",)),
    }


def odd_clips() -> dict[str, Clip]:
    """What serves in some jobs and not in others."""
    return {
        "short": puppet(16, "pan", frames=10, fps=Fraction(24)),
        "late": with_pose(puppet(17, "static"), lambda pose: _absent(pose, slice(0, 8))),
        "unmasked": _unmasked(puppet(18, "zoom"), range(5)),
        "no_hips": with_pose(puppet(19, "static"), _without_hips),
        "wide": widened(puppet(20, "pan")),
        "edge": with_tracks(widened(puppet(21, "static")), _at_the_edge),
        "late_points": with_tracks(puppet(22, "static"), _at_the_end),
    }


def write_render_corpus(root: Path, clips: dict[str, Clip]) -> dict[str, str]:
    """Each clip with a source of its own; their ids."""
    with Committer(root, Config()) as committer:
        for clip in clips.values():
            part = part_id_of(clip.source.source_id, 0)
            committer.add(PartWriter(root).write(part, [clip], make_report(clip.source, 1)))
    return {name: clip.clip_id for name, clip in clips.items()}


def with_pose(clip: Clip, change: Callable[[Pose], Pose]) -> Clip:
    person = clip.annotation.persons[0]
    changed = PersonAnnotation(change(person.pose), person.mask)
    return replace(clip, annotation=replace(clip.annotation, persons=(changed,)))


def with_tracks(clip: Clip, visible: Callable[[Tracks], np.ndarray]) -> Clip:
    tracks = clip.annotation.tracks
    return replace(clip, annotation=replace(clip.annotation, tracks=replace(tracks, visible_NT=visible(tracks))))


def widened(clip: Clip) -> Clip:
    """With a black margin of WIDER px on its right."""
    frames = decode_frames(clip.media.video, clip.fps)
    height = frames.height
    luma = np.pad(frames.luma_THW, ((0, 0), (0, 0), (0, WIDER)), constant_values=16)
    chroma_T2HW = frames.yuv_THW[:, height:].reshape(len(frames), 2, height // 2, frames.width // 2)
    chroma = np.pad(chroma_T2HW, ((0, 0), (0, 0), (0, 0), (0, WIDER // 2)), constant_values=128)
    yuv = np.concatenate([luma, chroma.reshape(len(frames), height // 2, frames.width + WIDER)], 1)
    wide = Frames(yuv, frames.pts_T, frames.source_frames_T, frames.time_base, frames.fps)
    person = clip.annotation.persons[0]
    masks = [np.pad(decode_mask(person.mask, t), ((0, 0), (0, WIDER))) for t in range(len(frames))]
    rle, area = zip(*map(encode_mask, masks), strict=True)
    persons = (PersonAnnotation(person.pose, Mask(rle, area, wide.width, height)),)
    return replace(
        clip,
        width=wide.width,
        media=encode_h264(wide, MediaConfig()),
        annotation=replace(clip.annotation, persons=persons),
    )


def _absent(pose: Pose, frames: slice) -> Pose:
    present_T, xy_TJ2 = pose.present_T.copy(), pose.xy_TJ2.copy()
    present_T[frames], xy_TJ2[frames] = False, np.nan
    return replace(pose, xy_TJ2=xy_TJ2, present_T=present_T)


def _nowhere(pose: Pose) -> Pose:
    return _absent(pose, slice(None))


def _without_hips(pose: Pose) -> Pose:
    xy_TJ2 = pose.xy_TJ2.copy()
    xy_TJ2[:, [BLAZEPOSE_33.index("left_hip"), BLAZEPOSE_33.index("right_hip")]] = np.nan
    return replace(pose, xy_TJ2=xy_TJ2)


def _unmasked(clip: Clip, frames: range) -> Clip:
    person = clip.annotation.persons[0]
    nothing, _ = encode_mask(np.zeros((person.mask.height, person.mask.width), np.bool_))
    rle, area = list(person.mask.rle), list(person.mask.area_px)
    for frame in frames:
        rle[frame], area[frame] = nothing, 0
    mask = replace(person.mask, rle=tuple(rle), area_px=tuple(area))
    return replace(clip, annotation=replace(clip.annotation, persons=(PersonAnnotation(person.pose, mask),)))


def _at_the_edge(tracks: Tracks) -> np.ndarray:
    return tracks.visible_NT & (tracks.xy_NT2[..., 0] < 4)


def _at_the_end(tracks: Tracks) -> np.ndarray:
    visible_NT = tracks.visible_NT.copy()
    visible_NT[:, :-4] = False
    return visible_NT
