"""A scene as a clip of the corpus: rendered, annotated, scored and encoded."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from schemas.config import MediaConfig
from schemas.records import Annotation, Clip, Frames, Media, Source, Span
from schemas.scores import Scores
from transforms.annotation.scores import camera_of_tracks, with_camera, with_person
from transforms.encoding.h264 import encode_h264
from transforms.synthesis.render import render
from transforms.synthesis.scene import Scene
from transforms.synthesis.truth import annotate_scene


def make_clip(scene: Scene, uri: str) -> Clip:
    """The whole scene as one kept clip of a source `uri`, which is the clip's own video.

    Scores are those that can be told exactly; `camera` is the motion the scene was drawn with.
    """
    frames, labels_THW = render(scene)
    annotation = annotate_scene(scene, labels_THW)
    media = encode_h264(frames, MediaConfig(crf=scene.crf))
    span = Span(0, len(frames), Fraction(0), len(frames) / frames.fps)
    return Clip(
        source=Source(uri, media.sha256, len(media.video)),
        index=0,
        shot=0,
        shot_span=span,
        span=span,
        width=frames.width,
        height=frames.height,
        fps=frames.fps,
        frame_count=len(frames),
        frames=None,
        scores=_scores(annotation, media, frames),
        camera=scene.camera,
        annotation=annotation,
        media=media,
        pts_T=tuple(frames.pts_T.tolist()),
        time_base=frames.time_base,
    )


def _scores(annotation: Annotation, media: Media, frames: Frames) -> Scores:
    luma = frames.luma_THW[:: max(1, len(frames) // 8)] / 255
    scores = Scores(
        duration_s=float(media.frames / media.fps),
        short_side=float(min(media.width, media.height)),
        luminance=float(luma.mean()),
        contrast=float(luma.std(axis=(1, 2)).mean()),
        bars_area=0.0,
        person_count=float(len(annotation.persons)),
    )
    scores = with_camera(scores, camera_of_tracks(annotation.tracks, media.width, media.height, media.fps))
    if not annotation.persons:
        return replace(scores, person_share=0.0)
    main = annotation.persons[0]
    return with_person(scores, main.pose, main.mask, media.fps)
