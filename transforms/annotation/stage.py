"""The stage that annotates what screening kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from models.annotators.base import MaskAnnotator, PoseAnnotator, TrackAnnotator
from models.annotators.factory import create_masks, create_pose, create_tracks, release
from models.annotators.needs import gpu_number, needs_gpu
from schemas.config import Config
from schemas.outcomes import Outcome, Rejected
from schemas.records import Annotation, Clip, Frames, Mask, PersonAnnotation
from transforms.annotation.quality import with_quality
from transforms.annotation.scores import camera_of_tracks, with_camera, with_person
from transforms.screening.verdict import judge
from transforms.stage import Resources, Stage


def annotation_stage(config: Config) -> Annotate:
    """The stage for a configuration; on a GPU if its annotators need one."""
    return AnnotateOnGpu(config) if needs_gpu(config) else Annotate(config)


class Annotate(Stage[Clip, Clip]):
    """Adds poses, masks and tracks, and the scores that come from them; then all rules are judged.

    Tracks are made last, and only where nothing speaks against the persons.
    """

    name = "annotate"
    accepts = Clip
    resources = Resources(cpus=1.0, memory_mb=1024)

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pose: PoseAnnotator | None = None
        self._masks: MaskAnnotator | None = None
        self._tracks: TrackAnnotator | None = None

    def setup(self) -> None:
        """Load the annotators. Raises WeightsError if their weights cannot be had."""
        self._pose = create_pose(self._config)
        self._masks = create_masks(self._config)
        self._tracks = create_tracks(self._config)

    def teardown(self) -> None:
        """Free the annotators, and what they held of a GPU's memory."""
        self._pose = self._masks = self._tracks = None
        release()

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        """The clip with its annotation, kept, or rejected without. Raises ValueError if it has no frames."""
        frames = item.frames
        if frames is None or self._pose is None or self._masks is None or self._tracks is None:
            raise ValueError(f"clip {item.clip_id} came without frames, or before setup")
        followed = self._pose.annotate(frames)
        masks = self._masks.annotate(frames, followed)
        persons = tuple(PersonAnnotation(person.pose, mask) for person, mask in zip(followed, masks, strict=True))
        clip = _score_persons(item, persons)
        outcome = judge(clip, self._config.screening)
        if isinstance(outcome, Rejected):
            yield outcome
            return
        yield judge(self._track(clip, frames, persons, masks), self._config.screening)

    def _track(
        self, clip: Clip, frames: Frames, persons: tuple[PersonAnnotation, ...], masks: tuple[Mask, ...]
    ) -> Clip:
        """The clip with tracks, and so with its whole annotation."""
        assert self._pose is not None and self._masks is not None and self._tracks is not None
        tracks = self._tracks.annotate(frames, masks)
        camera = camera_of_tracks(tracks, frames.width, frames.height, frames.fps)
        annotation = Annotation(persons, tracks, self._pose.identity, self._masks.identity, self._tracks.identity)
        scores = with_quality(with_camera(clip.scores, camera), persons, tracks)
        return replace(clip, scores=scores, camera=camera.kind, annotation=annotation)


class AnnotateOnGpu(Annotate):
    """The same with a GPU to itself."""

    resources = Resources(cpus=1.0, gpus=1.0, memory_mb=4096)

    @property
    def gpu_number(self) -> int | None:
        """The one that the configuration names."""
        return gpu_number(self._config)


def _score_persons(clip: Clip, persons: tuple[PersonAnnotation, ...]) -> Clip:
    if not persons:
        return replace(clip, scores=replace(clip.scores, person_share=0.0))
    main = persons[0]
    return replace(clip, scores=with_person(clip.scores, main.pose, main.mask, clip.fps))
