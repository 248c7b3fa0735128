"""Second screening: persons, camera and overlaid text, from sampled frames and short bursts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from models.annotators.base import Detection, PoseAnnotator
from models.annotators.factory import create_screening_pose
from models.annotators.pixels import rgb_frame
from models.annotators.text_detector import TextDetector
from schemas.arrays import F32
from schemas.config import Config, Limit
from schemas.outcomes import Outcome, Rejected
from schemas.records import Clip, Frames
from transforms.pixels import sample_indices
from transforms.screening.bursts import background_bursts
from transforms.screening.camera import camera_motion
from transforms.screening.text import text_area
from transforms.screening.verdict import judge
from transforms.stage import Resources, Stage

JUDGED = ("frozen_share", "person_count", "person_share", "background_motion", "background_tracked")
"""Frozen pictures are judged here and not before, so that a slide show's row also says that nobody is in it."""
_SAMPLES_PER_S = 2
_LEAST_SAMPLES, _MOST_SAMPLES = 6, 8
_PRELIMINARY = 0.5
"""Single pictures miss persons that tracking holds: person_share is held to this part of its limit here."""


class ScreenPeople(Stage[Clip, Clip]):
    """Counts persons, measures the background's motion and overlaid text, and rejects by them.

    The camera is measured for every clip; text only where nothing else speaks against the clip.
    """

    name = "people"
    accepts = Clip
    resources = Resources(cpus=1.0, memory_mb=1024)

    def __init__(self, config: Config) -> None:
        self._config = config
        self._early_limits = _preliminary(config.screening)
        self._pose: PoseAnnotator | None = None
        self._text: TextDetector | None = None

    def setup(self) -> None:
        """Load the person and the text detector. Raises WeightsError if their weights cannot be had."""
        self._pose = create_screening_pose(self._config)
        self._text = TextDetector()

    def teardown(self) -> None:
        """Free the networks."""
        self._pose = self._text = None

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        """The clip with its scores, kept or rejected. Raises ValueError if it has no frames."""
        if item.frames is None or self._pose is None or self._text is None:
            raise ValueError(f"clip {item.clip_id} came without frames, or before setup")
        clip = _with_people_and_camera(item, item.frames, self._pose)
        early = judge(clip, self._early_limits, JUDGED)
        if isinstance(early, Rejected):
            yield early
            return
        clip = replace(clip, scores=replace(clip.scores, text_area=text_area(self._text, item.frames)))
        yield judge(clip, self._config.screening, ("text_area",))


def _preliminary(limits: Mapping[str, Limit]) -> dict[str, Limit]:
    """The limits with that of person_share relaxed."""
    relaxed = dict(limits)
    share = relaxed.get("person_share")
    if share is not None and share.min is not None:
        relaxed["person_share"] = replace(share, min=share.min * _PRELIMINARY)
    return relaxed


def _with_people_and_camera(clip: Clip, frames: Frames, pose: PoseAnnotator) -> Clip:
    persons = _detect(frames, pose)
    counts = [len(found) for found in persons.values()]
    boxes = {index: _boxes(found) for index, found in persons.items()}
    camera = camera_motion(background_bursts(frames, boxes), frames.width, frames.height, frames.fps)
    scores = replace(
        clip.scores,
        person_count=float(np.floor(np.median(counts) + 0.5)),
        person_share=float(np.mean([count > 0 for count in counts])),
        background_motion=camera.motion,
        background_parallax=camera.parallax,
        background_tracked=camera.tracked,
    )
    return replace(clip, scores=scores, camera=camera.kind)


def _detect(frames: Frames, pose: PoseAnnotator) -> dict[int, tuple[Detection, ...]]:
    """Persons at frames spread over the clip: every other one first, the rest only if those disagree."""
    wanted = round(len(frames) / float(frames.fps) * _SAMPLES_PER_S)
    indices = sample_indices(len(frames), min(max(wanted, _LEAST_SAMPLES), _MOST_SAMPLES))
    found = {index: pose.detect(rgb_frame(frames, index)) for index in indices[::2]}
    if len({len(persons) for persons in found.values()}) > 1:
        found |= {index: pose.detect(rgb_frame(frames, index)) for index in indices[1::2]}
    return found


def _boxes(found: tuple[Detection, ...]) -> F32:
    return np.array([person.box_xyxy for person in found], np.float32).reshape(-1, 4)
