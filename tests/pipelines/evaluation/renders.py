"""Folders of renders whose quality is known: the true video, its first frame all along, its ground standing still."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipelines.corpus.read import Corpus
from pipelines.farm.folder import RendersFolder
from schemas.config import MediaConfig
from schemas.records import Frames
from schemas.render_jobs import RenderJob
from transforms.encoding.h264 import decode_frames, encode_h264

Change = Callable[[np.ndarray], np.ndarray]
"""(T, H * 3 // 2, W) I420 to the same."""


MODEL = {"model": "a test", "model_sha256": "0" * 64}


def same(yuv: np.ndarray) -> np.ndarray:
    return yuv


def copied(yuv: np.ndarray) -> np.ndarray:
    return np.repeat(yuv[:1], len(yuv), 0)


def backwards(yuv: np.ndarray) -> np.ndarray:
    return yuv[::-1]


def repeating(clip_id: str, seconds: float, seed: int = 0) -> RenderJob:
    return RenderJob(clip_id, clip_id, clip_id, seconds=seconds, seed=seed)


def video(corpus: Corpus, clip_id: str, change: Change = same) -> bytes:
    media = corpus.media(clip_id)
    frames = decode_frames(media.video, media.fps)
    made = Frames(np.ascontiguousarray(change(frames.yuv_THW)), frames.pts_T, frames.pts_T, 1 / media.fps, media.fps)
    return encode_h264(made, MediaConfig(crf=4)).video


def write_renders(
    root: str | Path, corpus: Corpus, jobs: dict[RenderJob, Change], clip_frames: int = 8
) -> RendersFolder:
    """Every job done by changing its reference's video."""
    folder = RendersFolder.at(root)
    folder.settle({"model": "a test", "grid": False, "clip_frames": clip_frames})
    for job, change in jobs.items():
        folder.finish(job, video(corpus, job.reference, change), MODEL)
    folder.judge(RenderJob("nobody", "nobody"), {"verdict": "failed", "reason": "error", "detail": "a test"} | MODEL)
    return folder
