"""Small synthetic records with every array filled, for tests of the corpus."""

from __future__ import annotations

import hashlib
import multiprocessing
from fractions import Fraction
from pathlib import Path

import numpy as np

from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import PartWriter, part_id_of
from schemas.config import Config
from schemas.records import (
    Annotation,
    Annotator,
    Clip,
    Container,
    Mask,
    Media,
    PersonAnnotation,
    Pose,
    Source,
    SourceReport,
    Span,
    Tracks,
)
from schemas.scores import Scores
from schemas.skeletons import BLAZEPOSE_33

FORKS = multiprocessing.get_context("forkserver")
"""Starts processes that may be killed, quickly: the server has imported the heavy libraries."""
FORKS.set_forkserver_preload(["deltalake", "pyarrow.dataset", "pyarrow.parquet", "tests.pipelines.corpus_records"])

WIDTH, HEIGHT, FRAMES, POINTS = 64, 48, 12, 5
FPS = Fraction(25)
POSE, MASK, TRACKS = Annotator("blazepose", "a" * 64), Annotator("blazepose", "b" * 64), Annotator("lucas_kanade")


def make_source(name: str) -> Source:
    return Source(uri=f"/videos/{name}.mp4", sha256=hashlib.sha256(name.encode()).hexdigest(), size_bytes=1000)


def make_pose(rng: np.random.Generator, frames: int = FRAMES) -> Pose:
    joints = len(BLAZEPOSE_33.joints)
    present_T = np.ones(frames, np.bool_)
    present_T[frames // 2] = False
    xy_TJ2 = rng.uniform(-10, WIDTH, (frames, joints, 2)).astype(np.float32)
    confidence_TJ = rng.uniform(0, 1, (frames, joints)).astype(np.float32)
    xy_TJ2[~present_T], confidence_TJ[~present_T] = np.nan, 0
    return Pose(xy_TJ2, confidence_TJ, present_T, BLAZEPOSE_33.name)


def make_mask(rng: np.random.Generator, frames: int = FRAMES) -> Mask:
    areas = rng.integers(0, WIDTH * HEIGHT, frames)
    return Mask(tuple(f"rle{area}" for area in areas), tuple(map(int, areas)), WIDTH, HEIGHT)


def make_tracks(rng: np.random.Generator, frames: int = FRAMES, points: int = POINTS) -> Tracks:
    return Tracks(
        rng.uniform(0, WIDTH, (points, frames, 2)).astype(np.float32),
        rng.random((points, frames)) < 0.8,
        rng.random((points, frames)) < 0.3,
        rng.integers(0, frames, points).astype(np.int32),
    )


def make_media(rng: np.random.Generator, frames: int = FRAMES) -> Media:
    video = rng.bytes(500)
    return Media(video, "h264", "mp4", WIDTH, HEIGHT, FPS, frames, hashlib.sha256(video).hexdigest())


def make_annotation(
    rng: np.random.Generator, persons: int = 2, frames: int = FRAMES, points: int = POINTS
) -> Annotation:
    return Annotation(
        tuple(PersonAnnotation(make_pose(rng, frames), make_mask(rng, frames)) for _ in range(persons)),
        make_tracks(rng, frames, points),
        POSE,
        MASK,
        TRACKS,
    )


def make_clip(
    source: Source, index: int, *, reasons: tuple[str, ...] = (), shot: int | None = None, phash: str = ""
) -> Clip:
    """A candidate clip, the same whenever it is made; annotated and encoded if no reason is given."""
    rng = np.random.default_rng([int(source.source_id, 16), index])
    start = index * FRAMES
    span = Span(start, start + FRAMES, start / FPS, (start + FRAMES) / FPS)
    kept = not reasons
    return Clip(
        source=source,
        index=index,
        shot=index if shot is None else shot,
        shot_span=span,
        span=span,
        width=WIDTH,
        height=HEIGHT,
        fps=FPS,
        frame_count=FRAMES,
        frames=None,
        scores=Scores(duration_s=FRAMES / 25, luminance=0.5, person_area_mean=0.2 if kept else None),
        camera="pan",
        phash=phash or rng.bytes(40).hex(),
        annotation=make_annotation(rng) if kept else None,
        media=make_media(rng) if kept else None,
        pts_T=tuple(range(start, start + FRAMES)),
        time_base=1 / FPS,
        reject_reasons=reasons,
    )


def make_report(source: Source, clips: int = 0, *, verdict: str = "done", reason: str | None = None) -> SourceReport:
    return SourceReport(
        source=source,
        verdict=verdict,
        reason=reason,
        container=Container(
            "mov,mp4", "h264", 640, 480, "yuv420p", Fraction(1), 0, Fraction(25), clips * FRAMES, 1.0, False
        ),
        duration_s=clips * FRAMES / 25,
        frames_decoded=clips * FRAMES,
        shots=clips,
        clips=clips,
        cut_times_s=tuple(float(i) for i in range(1, clips)),
    )


def add_source(
    committer: Committer, name: str, clips: int = 4, *, parts_of: int = 2, reasons: dict[int, str] | None = None
) -> None:
    """What a worker and the driver do for one source: leave out what is committed, write parts, commit them."""
    source = make_source(name)
    if committer.progress().is_reported(source.uri, source.sha256):
        return
    writer, done = PartWriter(committer.layout.root), committer.progress().committed_clips(source.source_id)
    candidates = [make_clip(source, i, reasons=tuple(filter(None, [(reasons or {}).get(i)]))) for i in range(clips)]
    for first in range(0, clips, parts_of):
        chunk = [clip for clip in candidates[first : first + parts_of] if clip.clip_id not in done]
        report = make_report(source, clips) if first + parts_of >= clips else None
        if chunk or report:
            committer.add(writer.write(part_id_of(source.source_id, first), chunk, report))


def make_corpus(root: Path, sources: int = 2, clips: int = 4, *, parts_per_batch: int | None = None) -> Path:
    """A corpus in which clip 1 of every source is rejected."""
    with Committer(root, Config(), parts_per_batch=parts_per_batch) as committer:
        for i in range(sources):
            add_source(committer, f"source{i}", clips, reasons={1: "luminance_low"})
    return root
