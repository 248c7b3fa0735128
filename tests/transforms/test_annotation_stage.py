from __future__ import annotations

import av
import numpy as np
import pytest

from schemas.config import Config
from schemas.config_loading import load_config
from schemas.outcomes import Kept, Rejected
from schemas.records import Clip
from tests.transforms.screening_scenes import clip_of, ground, panning
from transforms.annotation.stage import Annotate

HUMAN = load_config(settings=("screening.short_side.min=100",))
EVERYTHING = load_config(recipe="everything")


def annotate(clip: Clip, config: Config) -> tuple[Clip, tuple[str, ...]]:
    stage = Annotate(config)
    stage.setup()
    (outcome,) = stage.process(clip)
    stage.teardown()
    assert isinstance(outcome, Kept | Rejected)
    return outcome.item, outcome.reasons if isinstance(outcome, Rejected) else ()


def sample_clip(sample_videos, name: str, frames: int, width: int, height: int) -> Clip:
    with av.open(str(sample_videos.path(name))) as container:
        decoded = zip(container.decode(video=0), range(frames), strict=False)
        return clip_of([f.to_ndarray(width=width, height=height, format="rgb24") for f, _ in decoded])


def test_a_person_is_annotated_on_the_clock_of_the_frames(sample_videos):
    clip, reasons = annotate(sample_clip(sample_videos, "woman_gestures_static_portrait.mp4", 16, 320, 512), HUMAN)
    assert reasons == ()
    assert clip.frames is not None
    annotation = clip.annotation
    main = annotation.persons[0]
    assert main.pose.xy_TJ2.shape == (16, 33, 2)
    assert len(main.mask.rle) == 16
    assert annotation.tracks.xy_NT2.shape[1] == 16
    assert annotation.pose_annotator.weights_sha256
    scores = clip.scores
    assert scores.person_share == 1
    assert 0.1 < scores.person_area_min <= scores.person_area_mean < 0.3
    assert scores.person_cut_off == 0
    assert scores.face_visible == 1
    assert clip.camera == "static"
    assert scores.background_motion < 0.02
    assert 0.8 < scores.mask_consistency <= 1
    assert 0 < scores.keypoint_jitter < 0.1
    assert 0 < scores.track_round_trip < 0.5


def test_an_unsteady_annotation_can_be_a_reason(sample_videos):
    strict = load_config(settings=("screening.short_side.min=100", "screening.mask_consistency.min=1"))
    clip, reasons = annotate(sample_clip(sample_videos, "woman_gestures_static_portrait.mp4", 8, 320, 512), strict)
    assert reasons == ("mask_consistency_low",)
    assert clip.annotation is None and clip.scores.mask_consistency < 1


def test_the_face_of_a_person_seen_from_behind_is_not_visible(sample_videos):
    clip, _ = annotate(sample_clip(sample_videos, "paraglider_launch_follow.mp4", 18, 640, 360), EVERYTHING)
    assert clip.scores.person_share > 0.8
    assert clip.scores.face_visible < 0.1
    assert clip.scores.background_motion > 0.1


def test_a_clip_without_a_person_is_rejected_without_annotation():
    clip, reasons = annotate(clip_of(panning(3, frames=12)), HUMAN)
    assert reasons == ("person_share_low",)
    assert clip.scores.person_share == 0
    assert clip.annotation is None
    assert clip.frames is None


def test_the_recipe_that_rejects_nothing_keeps_it_with_its_tracks():
    clip, reasons = annotate(clip_of(panning(3, frames=12)), EVERYTHING)
    assert reasons == ()
    assert clip.annotation.persons == ()
    tracks = clip.annotation.tracks
    steps = np.diff(tracks.xy_NT2[..., 0], axis=1)[tracks.visible_NT[:, 1:] & tracks.visible_NT[:, :-1]]
    assert np.median(steps) == pytest.approx(-3, abs=0.05)
    assert clip.camera == "pan"
    assert clip.scores.background_motion == pytest.approx(3 * 30 / clip.width, rel=0.05)


def test_a_clip_that_comes_before_setup_is_an_error():
    with pytest.raises(ValueError, match="before setup"):
        list(Annotate(HUMAN).process(clip_of([ground()] * 2)))
