"""The layout that Moore-AnimateAnyone and its relatives train on: videos, drawn poses, and a list of pairs.

videos/<clip id>.mp4    the clip
poses/<clip id>.mp4     its skeletons as OpenPose draws them, on black
<split>_meta.json       [{"video_path", "kps_path", "start_frame", "end_frame"}], absolute paths
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipelines.corpus.clips import StoredClip
from pipelines.export.base import Format, Listed, Unit, Written, put
from schemas.config import MediaConfig
from schemas.records import Frames
from transforms.encoding.h264 import encode_h264
from transforms.pixels import MATRIX_OF_RGB, yuv_of_rgb
from transforms.rasterising.openpose import draw_openpose

_DRAWN = MediaConfig(crf=12)


class Moore(Format):
    """See the module."""

    name = "moore"
    about = "videos, rendered pose videos and the meta file of Moore-AnimateAnyone"

    def write(self, unit: Unit, out: Path) -> Written:
        """The two videos of a clip."""
        (item,) = unit.items
        media = item.clip.media()
        video = put(out, f"videos/{item.clip.clip_id}.mp4", media.video)
        poses = put(out, f"poses/{item.clip.clip_id}.mp4", _pose_video(item.clip))
        return Written(({"video": video, "poses": poses, "frames": media.frames},), (video, poses))

    def finish(self, listed: Sequence[Listed], splits: Sequence[str], out: Path) -> None:
        """The meta file of each split."""
        for split in splits:
            pairs = [
                {
                    "video_path": str((out / entry.record["video"]).absolute()),
                    "kps_path": str((out / entry.record["poses"]).absolute()),
                    "start_frame": 0,
                    "end_frame": entry.record["frames"],
                }
                for entry in listed
                if entry.item.split == split
            ]
            put(out, f"{split}_meta.json", json.dumps(pairs, indent=1).encode())


def _pose_video(clip: StoredClip) -> bytes:
    media, annotation = clip.media(), clip.annotation()
    poses = [person.pose for person in annotation.persons]
    yuv_THW = np.empty((media.frames, media.height * 3 // 2, media.width), np.uint8)
    for frame in range(media.frames):
        drawn = draw_openpose(poses, frame, media.height, media.width)
        yuv_THW[frame] = yuv_of_rgb(drawn)
    ticks = np.arange(media.frames, dtype=np.int64)
    return encode_h264(Frames(yuv_THW, ticks, ticks, 1 / media.fps, media.fps, MATRIX_OF_RGB), _DRAWN).video
