from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from schemas.config import Config
from schemas.config_loading import load_config
from schemas.outcomes import Kept, Rejected
from schemas.records import Clip
from tests.transforms.screening_scenes import HEIGHT, WIDTH, clip_of, ground, panning
from tests.video_files import Picture
from transforms.screening.phash import perceptual_hash
from transforms.screening.picture import ScreenPicture

RULES = load_config(settings=("screening.short_side.min=100",))


def screen(clip: Clip, config: Config = RULES) -> tuple[Clip, tuple[str, ...]]:
    (outcome,) = ScreenPicture(config).process(clip)
    assert isinstance(outcome, Kept | Rejected)
    return outcome.item, outcome.reasons if isinstance(outcome, Rejected) else ()


def with_bars(picture: Picture, top: int = 0, left: int = 0, value: int = 0) -> Picture:
    framed = np.full_like(picture, value)
    inner = np.s_[top : picture.shape[0] - top, left : picture.shape[1] - left]
    framed[inner] = picture[inner]
    return framed


def test_a_crisp_moving_clip_is_kept_with_its_scores():
    clip, reasons = screen(clip_of(panning(2, frames=12)))
    assert reasons == ()
    assert clip.frames is not None
    assert clip.scores.sharpness > 1.5
    assert clip.scores.bars_area == 0
    assert len(clip.phash) == 80


def test_a_blurred_clip_is_rejected_as_not_sharp_and_loses_its_frames():
    clip, reasons = screen(clip_of(cv2.GaussianBlur(p, (0, 0), 4) for p in panning(2, frames=12)))
    assert reasons == ("sharpness_low",)
    assert clip.frames is None
    assert clip.reject_reasons == reasons
    assert clip.scores.sharpness == pytest.approx(1, abs=0.15)


def test_sharpness_does_not_depend_on_contrast():
    pictures = panning(2, frames=12)
    faint = [np.uint8(100 + p.astype(float) / 8) for p in pictures]
    strong, weak = (screen(clip_of(ps))[0].scores.sharpness for ps in (pictures, faint))
    assert weak == pytest.approx(strong, rel=0.15)


def test_a_subject_in_focus_before_a_blurred_background_is_sharp():
    blurred = cv2.GaussianBlur(ground(), (0, 0), 6)
    blurred[60:120, 140:180] = ground()[60:120, 140:180]
    assert screen(clip_of([blurred] * 6))[1] == ()


@pytest.mark.parametrize(("top", "left"), [(24, 0), (0, 40), (20, 36)], ids=["letterbox", "pillarbox", "both"])
@pytest.mark.parametrize("value", [0, 6], ids=["black", "nearly black"])
def test_bars_are_cropped_to_the_picture(top: int, left: int, value: int):
    pictures = panning(2, frames=12)
    whole = clip_of(pictures)
    clip, reasons = screen(clip_of(with_bars(p, top, left, value) for p in pictures))
    assert reasons == ()
    cut_top, cut_left = (2 + top if top else 0), (2 + left if left else 0)  # two px of safety beside a bar
    assert (clip.width, clip.height) == (WIDTH - 2 * cut_left, HEIGHT - 2 * cut_top)
    assert (clip.frames.width, clip.frames.height) == (clip.width, clip.height)
    assert clip.scores.bars_area == pytest.approx(1 - clip.width * clip.height / (WIDTH * HEIGHT))
    assert clip.scores.short_side == clip.height
    inner = whole.frames.luma_THW[:, cut_top : HEIGHT - cut_top, cut_left : WIDTH - cut_left]
    assert np.array_equal(clip.frames.luma_THW, inner)


def test_cropping_keeps_the_colours_in_their_places():
    picture = ground()
    picture[:, : WIDTH // 2, 0] = 255
    clip, _ = screen(clip_of([with_bars(picture, top=23)] * 6))
    seen = cv2.cvtColor(clip.frames.yuv_THW[0], cv2.COLOR_YUV2RGB_I420)
    top = (HEIGHT - clip.height) // 2
    assert np.abs(seen.astype(int) - picture[top : top + clip.height]).mean() < 30
    assert seen[:, :150, 0].mean() > seen[:, 170:, 0].mean() + 50


def test_brightness_is_measured_again_without_the_bars():
    clip = clip_of(with_bars(p, top=40) for p in panning(2, frames=12))
    cropped, _ = screen(replace(clip, scores=replace(clip.scores, luminance=0.01)))
    inside = clip.frames.luma_THW[:, 42:-42]
    assert cropped.scores.luminance == pytest.approx((inside.mean() - 16) / 219, abs=0.01)


def test_bars_over_most_of_the_picture_reject_the_clip():
    _, reasons = screen(clip_of(with_bars(p, top=40, left=70) for p in panning(2, frames=12)))
    assert reasons == ("short_side_low", "bars_area_high")


def spotlight(t: int) -> Picture:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    light = np.exp(-(((x - 150 - t) / 40.0) ** 2 + ((y - 90) / 40.0) ** 2))
    return np.uint8(ground() * light[..., None])


def night(t: int) -> Picture:
    picture = np.random.default_rng(t).integers(0, 14, (HEIGHT, WIDTH, 3), np.uint8)
    picture[80:110, 40 + t : 120 + t] = ground()[:30, :80]
    return picture


def one_dark_side(t: int) -> Picture:
    picture = ground()
    picture[:, :60] = 0
    return picture


def uneven_dark_edges(t: int) -> Picture:
    """A black ceiling and a much deeper black floor."""
    picture = ground()
    picture[:10] = picture[-60:] = 0
    return picture


def dark_doorway(t: int) -> Picture:
    """Black on both sides, but the edges are not straight."""
    picture = ground()
    for y in range(HEIGHT):
        depth = 40 + 30 * y // HEIGHT
        picture[y, :depth] = picture[y, WIDTH - depth :] = 0
    return picture


@pytest.mark.parametrize("scene", [spotlight, night, one_dark_side, uneven_dark_edges, dark_doorway])
def test_dark_scenes_are_not_taken_for_bars(scene):
    clip, _ = screen(clip_of(scene(t) for t in range(0, 24, 2)), load_config(recipe="everything"))
    assert (clip.width, clip.height) == (WIDTH, HEIGHT)
    assert clip.scores.bars_area == 0


def test_a_black_clip_is_kept_by_the_recipe_that_rejects_nothing():
    clip = clip_of([np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 6)
    kept, reasons = screen(
        replace(clip, scores=replace(clip.scores, black_share=1.0)), load_config(recipe="everything")
    )
    assert reasons == ()
    assert kept.scores.sharpness == 1.0
    assert screen(replace(clip, scores=replace(clip.scores, black_share=1.0)))[1][0] == "black_share_high"


def bits_apart(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


def test_the_hash_survives_scaling_and_grading_but_tells_pictures_apart():
    luma = np.stack([cv2.cvtColor(ground(seed=s), cv2.COLOR_RGB2GRAY) for s in range(5)])
    graded = np.stack([cv2.resize(np.uint8(20 + picture * 0.8), (240, 136)) for picture in luma])
    others = np.stack([cv2.cvtColor(ground(seed=s), cv2.COLOR_RGB2GRAY) for s in range(10, 15)])
    original = perceptual_hash(luma)
    assert len(original) == 80
    assert bits_apart(original, perceptual_hash(graded)) <= 5 * 3
    assert bits_apart(original, perceptual_hash(others)) > 5 * 20


def test_a_clip_without_frames_is_an_error():
    with pytest.raises(ValueError, match="without frames"):
        list(ScreenPicture(RULES).process(replace(clip_of(panning(2, frames=2)), frames=None)))
