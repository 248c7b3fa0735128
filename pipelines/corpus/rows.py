"""Records as table rows. Coordinates become integers in 1/8 px, confidences in 1/100."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from schemas.records import Annotator, Clip, Container, Mask, Media, Pose, SourceReport, Tracks
from schemas.tables import CONFIDENCE_SCALE, COORDINATE_SCALE, NOBODY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from schemas.arrays import I32

Row = dict[str, Any]


def clip_row(clip: Clip) -> Row:
    """The `clips` row of a candidate, kept or not."""
    return {
        "clip_id": clip.clip_id,
        "source_id": clip.source.source_id,
        **_span_columns(clip),
        "kept": clip.kept,
        "reject_reasons": list(clip.reject_reasons),
        "error": clip.error,
        **{name: None if score is None else float(score) for name, score in asdict(clip.scores).items()},
        "camera": clip.camera,
        "phash": clip.phash or None,
        "duplicate_of": None,
    }


def _span_columns(clip: Clip) -> Row:
    return {
        "shot": clip.shot,
        "shot_start_s": float(clip.shot_span.start),
        "shot_end_s": float(clip.shot_span.end),
        "start_frame": clip.span.start_frame,
        "end_frame": clip.span.end_frame,
        "start_s": float(clip.span.start),
        "end_s": float(clip.span.end),
        "start_pts": clip.pts_T[0] if clip.pts_T else None,
        "time_base": ratio(clip.time_base),
        "width": clip.width,
        "height": clip.height,
        "fps": float(clip.fps),
        "frames": clip.frame_count,
    }


def annotation_rows(clip: Clip) -> dict[str, list[Row]]:
    """Rows of a kept clip by annotation table.

    Raises ValueError if a kept clip has no annotation or media: that is a mistake in the stages.
    """
    if clip.annotation is None or clip.media is None:
        raise ValueError(f"clip {clip.clip_id} is kept but has no annotation or no media")
    ids = {"clip_id": clip.clip_id, "source_id": clip.source.source_id}
    persons = list(enumerate(clip.annotation.persons))
    return {
        "poses": [ids | pose_row(i, person.pose, clip.annotation.pose_annotator) for i, person in persons],
        "masks": [ids | mask_row(i, person.mask, clip.annotation.mask_annotator) for i, person in persons],
        "tracks": [ids | tracks_row(clip.annotation.tracks, clip.annotation.track_annotator)],
        "media": [ids | _media_row(clip.media, clip.pts_T)],
    }


def _annotator_columns(annotator: Annotator) -> Row:
    return {"annotator": annotator.name, "weights_sha256": annotator.weights_sha256}


def pose_row(index: int, pose: Pose, annotator: Annotator) -> Row:
    """A `poses` row, but for the clip's ids."""
    import numpy as np

    frames, joints = pose.confidence_TJ.shape
    found_TJ = pose.present_T[:, None] & np.isfinite(pose.xy_TJ2).all(-1)
    xy_JT2 = np.where(found_TJ[..., None], pose.xy_TJ2, 0).transpose(1, 0, 2)
    confidence_JT = np.where(found_TJ, pose.confidence_TJ, 0).T
    return {
        "person": index,
        **_annotator_columns(annotator),
        "skeleton": pose.skeleton,
        "frames": frames,
        "joints": joints,
        "present": pose.present_T,
        "x": _scaled(xy_JT2[..., 0], COORDINATE_SCALE),
        "y": _scaled(xy_JT2[..., 1], COORDINATE_SCALE),
        "confidence": _scaled(confidence_JT, CONFIDENCE_SCALE),
    }


def nobody_row(frames: int, annotator: Annotator) -> Row:
    """A `poses` row, but for the clip's ids, that says the annotator found nobody."""
    empty = dict.fromkeys(("x", "y", "confidence"), ())
    present = [False] * frames
    columns = {"skeleton": "", "frames": frames, "joints": 0, "present": present}
    return {"person": NOBODY, **_annotator_columns(annotator), **columns, **empty}


def mask_row(index: int, mask: Mask, annotator: Annotator) -> Row:
    """A `masks` row, but for the clip's ids."""
    return {
        "person": index,
        **_annotator_columns(annotator),
        "frames": len(mask.rle),
        "width": mask.width,
        "height": mask.height,
        "rle": list(mask.rle),
        "area_px": list(mask.area_px),
    }


def tracks_row(tracks: Tracks, annotator: Annotator) -> Row:
    """A `tracks` row, but for the clip's ids."""
    points, frames = tracks.visible_NT.shape
    return {
        **_annotator_columns(annotator),
        "frames": frames,
        "points": points,
        "query_frame": tracks.query_frame_N,
        "x": _scaled(tracks.xy_NT2[..., 0], COORDINATE_SCALE),
        "y": _scaled(tracks.xy_NT2[..., 1], COORDINATE_SCALE),
        "visible": tracks.visible_NT.ravel(),
        "on_person": tracks.on_person_NT.ravel(),
    }


def _media_row(media: Media, pts_T: tuple[int, ...]) -> Row:
    return {
        "container": media.container,
        "codec": media.codec,
        "width": media.width,
        "height": media.height,
        "frame_rate": ratio(media.fps),
        "frames": media.frames,
        "size_bytes": len(media.video),
        "sha256": media.sha256,
        "pts": list(pts_T),
        "video": media.video,
    }


def source_row(report: SourceReport) -> Row:
    """The `sources` row of a finished source."""
    source = report.source
    return {
        "uri": source.uri,
        "source_id": source.source_id,
        "sha256": source.sha256,
        "size_bytes": source.size_bytes,
        "verdict": str(report.verdict),
        "reason": None if report.reason is None else str(report.reason),
        "detail": report.detail,
        **(_container_columns(report.container) if report.container else {}),
        "frames_decoded": report.frames_decoded,
        "damaged_packets": report.damaged_packets,
        "duration_s": report.duration_s,
        "shots": report.shots,
        "clips": report.clips,
        "cut_times_s": list(report.cut_times_s),
        "listed_id": source.listing.id,
        "licence": source.listing.licence,
        "caption": source.listing.caption,
        "listed_start_s": source.listing.start_s,
        "listed_end_s": source.listing.end_s,
    }


def _container_columns(container: Container) -> Row:
    return {
        "container": container.format,
        "codec": container.codec,
        "width": container.width,
        "height": container.height,
        "pixel_format": container.pixel_format,
        "sample_aspect": ratio(container.sample_aspect),
        "rotation": container.rotation,
        "fps": None if container.average_fps is None else float(container.average_fps),
        "declared_frames": container.declared_frames,
        "has_audio": container.has_audio,
    }


def ratio(value: Fraction) -> str:
    """`num/den`, also for whole numbers."""
    return f"{value.numerator}/{value.denominator}"


def _scaled(values: NDArray[Any], scale: int) -> I32:
    import numpy as np

    scaled: I32 = np.rint(values * scale).astype(np.int32).ravel()
    return scaled
