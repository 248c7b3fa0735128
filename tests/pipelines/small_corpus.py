"""A small corpus of real videos with exact annotations: puppets at 64 px."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import PartWriter, part_id_of
from schemas.config import Config, Limit
from schemas.records import Annotation, Clip
from tests.pipelines.corpus_records import make_report
from transforms.synthesis.clip import make_clip
from transforms.synthesis.drawing import SceneSettings, draw_scene

CONFIG = Config(screening={"luminance": Limit(0.05, 0.9), "person_motion": Limit(min=0.1)})

Root = TypeVar("Root", Path, str)
"""A folder, or the address of a place in a bucket."""


def puppet_clip(seed: int, frames: int = 12) -> Clip:
    settings = SceneSettings(64, frames, Fraction(12), people=(1, 2))
    return make_clip(draw_scene((seed,), settings), f"/videos/<b>{seed}</b> & more.mp4")


def alone(clip: Clip) -> Clip:
    """The clip without its people."""
    assert clip.annotation is not None
    empty = replace(clip.annotation, persons=())
    assert isinstance(empty, Annotation)
    return replace(clip, annotation=empty)


def add_clips(root: Root, clips: list[Clip]) -> Root:
    """Each clip with a source of its own."""
    with Committer(root, CONFIG) as committer:
        for clip in clips:
            part = part_id_of(clip.source.source_id, 0)
            committer.add(PartWriter(root).write(part, [clip], make_report(clip.source, 1)))
    return root


def small_corpus(root: Root) -> Root:
    """Three kept clips with people, one without, one rejected."""
    rejected = replace(
        puppet_clip(4), annotation=None, media=None, reject_reasons=("luminance_low", "person_motion_low")
    )
    return add_clips(root, [puppet_clip(0), puppet_clip(1), puppet_clip(2), alone(puppet_clip(3)), rejected])
