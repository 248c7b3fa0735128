"""What a rendering takes out of the corpus: the reference's picture, the driving pose, the tracks of the ground.

Shape suffixes: T frames, J joints, H rows, W columns.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np

from models.annotators.rle import decode_mask, union_mask
from pipelines.corpus.read import Corpus
from pipelines.render_terms import frame_count, output_size, preset_of
from schemas.arrays import F32, U8, Bool
from schemas.errors import CorpusError, GenerationError
from schemas.records import Annotation, Pose, Tracks
from schemas.skeletons import BLAZEPOSE_33
from schemas.skeletons.conversion import converted
from transforms.pixels import rgb_of_planes
from transforms.rasterising.selection import usable_points
from transforms.retarget import retarget
from transforms.track_presets.gaps import fill_gaps
from transforms.track_presets.tracks import PRESETS, preset_tracks, retime, retime_tracks, transfer_tracks
from transforms.training_clips.decoding import decode_some


@dataclass(frozen=True, slots=True)
class ReferencePicture:
    """The picture a video starts from, at the output's size. mask: the main person; people: everyone.

    pose_J2: px, NaN where missing; confidence_J: 0..1.
    """

    rgb_HW3: U8
    mask_HW: Bool
    people_HW: Bool
    pose_J2: F32
    confidence_J: F32

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.rgb_HW3.shape[1], self.rgb_HW3.shape[0]


@dataclass(frozen=True, slots=True)
class Inputs:
    """A rendering's inputs on the output's clock and at its size."""

    reference: ReferencePicture
    pose: Pose
    tracks: Tracks
    fps: Fraction
    seed: int

    @property
    def frames(self) -> int:
        """Number of frames to render."""
        return len(self.pose.present_T)


def read_reference(corpus: Corpus, clip_id: str, frame: int, short_side: int, multiple: int = 2) -> ReferencePicture:
    """A frame of a kept clip with its main person, scaled to a short side. Sides come out as multiples of so many px.

    Raises CorpusError for a clip that has no video, GenerationError for a frame without the person.
    """
    annotation, media = _with_people(corpus, clip_id), corpus.media(clip_id)
    if not 0 <= frame < media.frames:
        raise GenerationError(f"clip {clip_id} has frames 0 to {media.frames - 1}, no frame {frame}")
    person = annotation.persons[0]
    pose = converted(person.pose, BLAZEPOSE_33.name)
    mask_HW = decode_mask(person.mask, frame)
    if not pose.present_T[frame] or not mask_HW.any():
        raise GenerationError(f"nobody is found in frame {frame} of clip {clip_id}; choose another frame")
    rgb_HW3 = decode_some(io.BytesIO(media.video), media.fps, [frame], rgb_of_planes)[frame]
    people_HW = union_mask((p.mask for p in annotation.persons), frame, media.height, media.width)
    picture = ReferencePicture(
        rgb_HW3,
        mask_HW,
        people_HW,
        pose.xy_TJ2[frame],
        pose.confidence_TJ[frame],
    )
    return scaled_reference(picture, short_side, multiple)


def scaled_reference(picture: ReferencePicture, short_side: int, multiple: int) -> ReferencePicture:
    """The same at another size; the long side comes out as the nearest multiple, which stretches it a little."""
    width, height = output_size(picture.size, short_side, multiple)
    way = cv2.INTER_AREA if short_side < min(picture.size) else cv2.INTER_CUBIC
    return ReferencePicture(
        np.asarray(cv2.resize(picture.rgb_HW3, (width, height), interpolation=way), np.uint8),
        _resized(picture.mask_HW, (width, height)),
        _resized(picture.people_HW, (width, height)),
        _scaled(picture.pose_J2, picture.size, (width, height)),
        picture.confidence_J,
    )


def read_pose(
    corpus: Corpus, clip_id: str, seconds: float, reference: ReferencePicture, *, same: bool
) -> tuple[Pose, Fraction]:
    """The main person's pose of a clip, retargeted to the reference, for so many seconds; and the clip's frame rate.

    A clip that is too short is played to and fro. same: the reference is of this clip, and nothing is retargeted.
    Raises CorpusError for a clip that has no video, GenerationError for one without a usable pose.
    """
    annotation, media = _with_people(corpus, clip_id), corpus.media(clip_id)
    pose = converted(annotation.persons[0].pose, BLAZEPOSE_33.name)
    if not pose.present_T.any():
        raise GenerationError(f"the pose of clip {clip_id} is empty: nobody is found in any frame")
    count = frame_count(seconds, media.fps)
    if count < 1:
        raise GenerationError(f"{seconds} s at {float(media.fps):g} frames per second are no frame")
    index_T = retime(media.frames, media.fps, count, media.fps)
    pose = Pose(pose.xy_TJ2[index_T], pose.confidence_TJ[index_T], pose.present_T[index_T], pose.skeleton)
    if same:
        return replace(pose, xy_TJ2=_scaled(pose.xy_TJ2, (media.width, media.height), reference.size)), media.fps
    try:
        return retarget(pose, reference.pose_J2, reference.confidence_J), media.fps
    except ValueError as error:
        raise GenerationError(f"the pose of clip {clip_id} cannot drive this reference: {error}") from error


def read_tracks(
    corpus: Corpus, background: str, frames: int, fps: Fraction, reference: ReferencePicture, seed: int, *, same: bool
) -> Tracks:
    """Tracks of a preset, or of a clip transferred to the reference's size and played to and fro if it is too short.

    background: PRESET, PRESET:STRENGTH (a factor on the camera's motion), or a clip. same: the reference is of this
    clip; else its ground is free where the clip's person stood, and gets points there, too.

    Raises CorpusError for a clip that has no video, GenerationError for an unknown name and where no point is seen.
    """
    width, height = reference.size
    preset = preset_of(background)
    if preset:
        return preset_tracks(preset[0], frames, width, height, fps, seed, preset[1])
    try:
        corpus.clip(background)
    except CorpusError as error:
        raise GenerationError(f"{error}, and the presets are {', '.join(PRESETS)}") from error
    annotation, media = _annotation(corpus, background), corpus.media(background)
    tracks = transfer_tracks(annotation.tracks, (media.width, media.height), reference.size)
    index_T = retime(media.frames, media.fps, frames, fps)
    if not usable_points(tracks, reference.size)[:, index_T].any():
        raise GenerationError(f"clip {background} has no point on its ground; choose another, or {', '.join(PRESETS)}")
    return retime_tracks(tracks if same else fill_gaps(tracks, reference.size), index_T)


def _annotation(corpus: Corpus, clip_id: str) -> Annotation:
    if not corpus.clip(clip_id)["kept"]:
        raise CorpusError(f"clip {clip_id} was not kept, so it has no video to render from")
    return corpus.annotation(clip_id)


def _with_people(corpus: Corpus, clip_id: str) -> Annotation:
    annotation = _annotation(corpus, clip_id)
    if not annotation.persons:
        raise GenerationError(f"clip {clip_id} shows no person")
    return annotation


def _scaled(xy: F32, size: tuple[int, int], target: tuple[int, ...]) -> F32:
    """Places on a picture scaled as a whole; centres of pixels lie at integers."""
    factor = np.array(target, np.float32) / np.array(size, np.float32)
    return ((xy + np.float32(0.5)) * factor - np.float32(0.5)).astype(np.float32)


def _resized(mask_HW: Bool, size: tuple[int, ...]) -> Bool:
    soft = cv2.resize(mask_HW.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(soft > 0.5)
