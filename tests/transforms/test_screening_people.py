from __future__ import annotations

from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from schemas.config import Config
from schemas.config_loading import load_config
from schemas.outcomes import Kept, Rejected
from schemas.records import Clip
from tests.transforms.screening_scenes import HEIGHT, WIDTH, clip_of, ground, panning, seen_through
from tests.video_files import Picture
from transforms.screening.people import ScreenPeople

HUMAN = load_config()
EVERYTHING = load_config(recipe="everything")
NO_CAPTIONS = load_config(recipe="everything", settings=("screening.text_area.max=0.02",))


def screen(clip: Clip, config: Config) -> tuple[Clip, tuple[str, ...]]:
    stage = ScreenPeople(config)
    stage.setup()
    (outcome,) = stage.process(clip)
    stage.teardown()
    assert isinstance(outcome, Kept | Rejected)
    return outcome.item, outcome.reasons if isinstance(outcome, Rejected) else ()


def captioned(picture: Picture) -> Picture:
    scene = picture.copy()
    cv2.rectangle(scene, (20, 118), (300, 172), (0, 0, 0), -1)
    cv2.putText(scene, "BREAKING NEWS", (28, 156), cv2.FONT_HERSHEY_SIMPLEX, 1.05, (255, 255, 255), 3)
    return scene


def test_a_scene_without_a_person_is_rejected_for_that_and_its_camera_is_measured_all_the_same():
    clip, reasons = screen(clip_of(panning(4)), HUMAN)
    assert reasons == ("person_count_low", "person_share_low")
    assert (clip.scores.person_count, clip.scores.person_share) == (0, 0)
    assert clip.scores.background_motion == pytest.approx(4 * 30 / WIDTH, rel=0.05)
    assert clip.camera == "pan"
    assert clip.scores.text_area is None
    assert clip.frames is None


def test_a_slide_show_is_rejected_as_frozen_and_as_empty():
    clip = clip_of([captioned(ground())] * 30)
    clip, reasons = screen(replace(clip, scores=replace(clip.scores, frozen_share=1.0)), HUMAN)
    assert reasons == ("frozen_share_high", "person_count_low", "person_share_low")
    assert clip.scores.background_motion == 0


def test_the_recipe_that_rejects_nothing_measures_everything():
    clip, reasons = screen(clip_of(panning(0, frames=30)), EVERYTHING)
    assert reasons == ()
    assert clip.frames is not None
    assert clip.scores.background_motion == pytest.approx(0, abs=0.005)
    assert clip.camera == "static"
    assert clip.scores.text_area == 0


def test_a_still_ground_is_rejected_where_it_must_move():
    config = load_config(recipe="everything", settings=("screening.background_motion.min=0.045",))
    assert screen(clip_of(panning(0, frames=30)), config)[1] == ("background_motion_low",)


def test_a_ground_that_cannot_be_followed_is_rejected_where_it_must_move():
    blank = clip_of([np.full((HEIGHT, WIDTH, 3), 90, np.uint8)] * 30)
    clip, reasons = screen(blank, load_config(recipe="moving-ground"))
    assert "background_tracked_low" in reasons
    assert (clip.camera, clip.scores.background_motion) == ("unknown", None)


def test_text_laid_over_the_picture_rejects_the_clip():
    clip, reasons = screen(clip_of(captioned(p) for p in panning(4)), NO_CAPTIONS)
    assert reasons == ("text_area_high",)
    true_area = 255 * 30 / (WIDTH * HEIGHT)  # about the box around the letters
    assert clip.scores.text_area == pytest.approx(true_area, rel=0.5)


def test_a_sign_in_the_scene_does_not_count_while_the_camera_moves():
    wide = ground(HEIGHT, 4 * WIDTH)
    wide[:, WIDTH : 2 * WIDTH] = captioned(wide[:, WIDTH : 2 * WIDTH].copy())
    maps = [np.array([[1, 0, -20.0 * t], [0, 1, 0]], np.float32) for t in range(45)]
    clip, reasons = screen(clip_of(seen_through(wide, maps)), NO_CAPTIONS)
    assert reasons == ()
    assert clip.scores.text_area < 0.01


def test_one_person_is_counted_and_kept(sample_videos):
    with av.open(str(sample_videos.path("woman_gestures_static_portrait.mp4"))) as container:
        decoded = zip(container.decode(video=0), range(32), strict=False)
        pictures = [f.to_ndarray(width=320, height=512, format="rgb24") for f, _ in decoded]
    clip, reasons = screen(clip_of(pictures), HUMAN)
    assert reasons == ()
    assert (clip.scores.person_count, clip.scores.person_share) == (1, 1)
    assert clip.camera == "static"
    assert clip.frames is not None


def test_a_clip_that_comes_before_setup_is_an_error():
    with pytest.raises(ValueError, match="before setup"):
        list(ScreenPeople(HUMAN).process(clip_of([ground()] * 2)))
