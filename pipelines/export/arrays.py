"""Annotations as .npz files without pickles; equal arrays give equal bytes."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np

from schemas.records import Annotation

_EPOCH = (1980, 1, 1, 0, 0, 0)


def npz(arrays: dict[str, Any], *, compress: bool = True) -> bytes:
    """What `numpy.load(..., allow_pickle=False)` opens. Raises TypeError for arrays of objects."""
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            values = np.asanyarray(array)
            if values.dtype.hasobject:
                raise TypeError(f"{name} holds objects; they could be stored as a pickle alone")
            np.lib.format.write_array(content, np.asarray(values, order="C"), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), content.getvalue(), method)
    return buffer.getvalue()


def pose_arrays(annotation: Annotation) -> dict[str, Any]:
    """keypoints (P, T, J, 2) px, NaN where not found; confidence (P, T, J); present (P, T); skeleton: a name."""
    poses = [person.pose for person in annotation.persons]
    frames = annotation.tracks.visible_NT.shape[1]
    return {
        "keypoints": np.stack([p.xy_TJ2 for p in poses]) if poses else np.empty((0, frames, 0, 2), np.float32),
        "confidence": np.stack([p.confidence_TJ for p in poses]) if poses else np.empty((0, frames, 0), np.float32),
        "present": np.stack([p.present_T for p in poses]) if poses else np.empty((0, frames), np.bool_),
        "skeleton": np.array(poses[0].skeleton if poses else ""),
    }


def track_arrays(annotation: Annotation) -> dict[str, Any]:
    """points (N, T, 2) px, visible (N, T), on_person (N, T), query_frame (N,)."""
    tracks = annotation.tracks
    return {
        "points": tracks.xy_NT2,
        "visible": tracks.visible_NT,
        "on_person": tracks.on_person_NT,
        "query_frame": tracks.query_frame_N,
    }
