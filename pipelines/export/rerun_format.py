"""Rerun: one recording a clip, with video, skeletons, masks and points on one timeline.

<split>/<clip id>.rrd, opened with `rerun FILE`. Timelines: frame, and time in s of the clip.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rerun as rr

from models.annotators.rle import decode_mask
from pipelines.corpus.clips import StoredClip
from pipelines.export.base import Format, Unit, Written
from schemas.arrays import U8
from schemas.records import Annotation, Mask, Media, Pose, Tracks
from schemas.skeletons import SKELETONS
from transforms.overlay.draw import JOINT_SHOWN, PERSON_COLOURS, Colour, point_colours

_MASK_ALPHA = 110


class RerunRecordings(Format):
    """See the module."""

    name = "rerun"
    about = "Rerun recordings: video, skeletons, masks and points on one timeline"

    def write(self, unit: Unit, out: Path) -> Written:
        """The recording of a clip."""
        (item,) = unit.items
        name = f"{item.split}/{item.clip.clip_id}.rrd"
        path, partial = out / name, out / f"{item.split}/.part-{item.clip.clip_id}.rrd"
        path.parent.mkdir(parents=True, exist_ok=True)
        _record(item.clip, partial)
        partial.replace(path)
        return Written(({},), (name,))


def _record(clip: StoredClip, path: Path) -> None:
    media, annotation = clip.media(), clip.annotation()
    with rr.RecordingStream("figureground", recording_id=clip.clip_id) as recording:
        recording.save(path)
        _log_video(recording, media)
        _log_people(recording, annotation, media)
        _log_points(recording, annotation.tracks, media)
        recording.flush()


def _log_video(recording: rr.RecordingStream, media: Media) -> None:
    asset = rr.AssetVideo(contents=media.video, media_type="video/mp4")
    recording.log("video", asset, static=True)
    frames = rr.VideoFrameReference.columns(timestamp=asset.read_frame_timestamps_nanos())
    recording.send_columns("video", _times(range(media.frames), media), frames)


def _log_people(recording: rr.RecordingStream, annotation: Annotation, media: Media) -> None:
    if not annotation.persons:
        return
    skeleton = SKELETONS[annotation.persons[0].pose.skeleton]
    classes = [
        rr.ClassDescription(
            info=rr.AnnotationInfo(id=person, label=f"person {person}", color=_colour(person)),
            keypoint_annotations=[rr.AnnotationInfo(id=i, label=joint) for i, joint in enumerate(skeleton.joints)],
            keypoint_connections=list(skeleton.bones),
        )
        for person in range(len(annotation.persons))
    ]
    recording.log("video", rr.AnnotationContext(classes), static=True)
    for person, annotated in enumerate(annotation.persons):
        _log_pose(recording, person, annotated.pose, media)
        blobs = [_mask_png(annotated.mask, frame, _colour(person)) for frame in range(media.frames)]
        columns = rr.EncodedImage.columns(blob=blobs, media_type=["image/png"] * media.frames)
        recording.send_columns(f"video/person_{person}/mask", _times(range(media.frames), media), columns)


def _log_pose(recording: rr.RecordingStream, person: int, pose: Pose, media: Media) -> None:
    shown_TJ = (pose.confidence_TJ >= JOINT_SHOWN) & np.isfinite(pose.xy_TJ2).all(-1)
    frames, joints = np.nonzero(shown_TJ)
    columns = rr.Points2D.columns(
        positions=pose.xy_TJ2[frames, joints],
        keypoint_ids=joints.astype(np.uint16),
        class_ids=np.full(len(joints), person, np.uint16),
    )
    _send(recording, f"video/person_{person}/joints", columns, shown_TJ.sum(1), media)


def _log_points(recording: rr.RecordingStream, tracks: Tracks, media: Media) -> None:
    shown_TN = (tracks.visible_NT & ~tracks.on_person_NT).T
    frames, points = np.nonzero(shown_TN)
    colours = np.array(point_colours(tracks, media.width, media.height), np.uint8).reshape(-1, 3)
    columns = rr.Points2D.columns(positions=tracks.xy_NT2[points, frames], colors=colours[points])
    _send(recording, "video/points", columns, shown_TN.sum(1), media)


def _send(recording: rr.RecordingStream, entity: str, columns: Any, lengths: Any, media: Media) -> None:
    """One row a frame, with as many values as the frame has."""
    recording.send_columns(entity, _times(range(len(lengths)), media), columns.partition(lengths.tolist()))


def _times(frames: range, media: Media) -> list[rr.TimeColumn]:
    return [
        rr.TimeColumn("frame", sequence=list(frames)),
        rr.TimeColumn("time", duration=[float(frame / media.fps) for frame in frames]),
    ]


def _mask_png(mask: Mask, frame: int, colour: Colour) -> bytes:
    """The person in its colour, the rest transparent."""
    mask_HW = decode_mask(mask, frame)
    bgra_HW4: U8 = np.zeros((*mask_HW.shape, 4), np.uint8)
    bgra_HW4[mask_HW] = (*colour[::-1], _MASK_ALPHA)
    return cv2.imencode(".png", bgra_HW4)[1].tobytes()


def _colour(person: int) -> Colour:
    return PERSON_COLOURS[person % len(PERSON_COLOURS)]
