"""Training windows: whatever is cropped, resized, strided or flipped, annotations stay on their pixels."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.annotators.rle import encode_mask
from schemas.config import MediaConfig
from schemas.errors import ConfigError, CorpusError
from schemas.records import Annotation, Annotator, Frames, Mask, Media, PersonAnnotation, Pose, Tracks
from schemas.skeletons import BLAZEPOSE_33
from transforms.encoding.h264 import decode_media, encode_h264
from transforms.rasterising.selection import LEAST, MOST
from transforms.training_clips.crop import mirrored_joints
from transforms.training_clips.cut import TrainingWindow, cut_window
from transforms.training_clips.decoding import decode_some
from transforms.training_clips.draw import ClipSettings, draw_clip

WIDTH, HEIGHT, FRAMES, FPS = 160, 96, 40, Fraction(25)
BOX = (24, 32)
"""Width and height of the bright rectangle that is the person, px."""
SETTINGS = ClipSettings(48, 32, 6, clips=2, strides=(1, 3), still=0.2)
SEEDS = st.integers(0, 2**32 - 1)


def corner(frame: int) -> tuple[int, int]:
    """Where the person stands: left and top, px."""
    return 20 + 2 * frame, 30


def ground() -> np.ndarray:
    """(H, W + FRAMES) smooth grey texture, at most 110 bright."""
    noise = np.random.default_rng(5).random((HEIGHT // 8, (WIDTH + FRAMES) // 8)).astype(np.float32)
    return cv2.resize(noise, (WIDTH + FRAMES, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 1) * 90 + 20


def luma() -> np.ndarray:
    """(T, H, W): ground that pans by a pixel a frame, behind a person of brightness 220 with a darker left side."""
    video = np.stack([ground()[:, t : t + WIDTH] for t in range(FRAMES)]).astype(np.uint8)
    for t, picture in enumerate(video):
        left, top = corner(t)
        picture[top : top + BOX[1], left : left + BOX[0]] = 220
        picture[top : top + BOX[1], left : left + BOX[0] // 2] = 160
    return video


@pytest.fixture(scope="module")
def media() -> Media:
    pictures = luma()
    grey = np.full((FRAMES, HEIGHT // 2, WIDTH), 128, np.uint8)
    ticks = np.arange(FRAMES, dtype=np.int64)
    return encode_h264(
        Frames(np.concatenate([pictures, grey], 1), ticks, ticks, 1 / FPS, FPS), MediaConfig(crf=4, gop=8)
    )


@pytest.fixture(scope="module")
def annotation() -> Annotation:
    """Right joints lie on the dark side of the person, left joints on the bright one; points stick to the ground."""
    joints, rng = np.zeros((FRAMES, 33, 2), np.float32), np.random.default_rng(2)
    masks = []
    for t in range(FRAMES):
        left, top = corner(t)
        for j, name in enumerate(BLAZEPOSE_33.joints):
            x = BOX[0] // 4 if "right" in name else 3 * BOX[0] // 4
            joints[t, j] = left + x, top + 4 + 24 * j / 32
        mask = np.zeros((HEIGHT, WIDTH), np.bool_)
        mask[top : top + BOX[1], left : left + BOX[0]] = True
        masks.append(encode_mask(mask))
    start_N2 = rng.uniform((0, 0), (WIDTH + FRAMES, HEIGHT), (300, 2)).astype(np.float32)
    xy_NT2 = start_N2[:, None] - np.stack([np.arange(FRAMES), np.zeros(FRAMES)], -1).astype(np.float32)
    boxes = np.array([corner(t) for t in range(FRAMES)])
    on_person = ((xy_NT2 > boxes - 2) & (xy_NT2 < boxes + np.array(BOX) + 2)).all(-1)
    inside = (xy_NT2 > -0.5).all(-1) & (xy_NT2 < (WIDTH - 0.5, HEIGHT - 0.5)).all(-1)
    pose = Pose(joints, np.ones((FRAMES, 33), np.float32), np.ones(FRAMES, np.bool_), BLAZEPOSE_33.name)
    mask = Mask(tuple(r for r, _ in masks), tuple(a for _, a in masks), WIDTH, HEIGHT)
    tracks = Tracks(xy_NT2, inside & ~on_person, on_person, np.zeros(300, np.int32))
    made = Annotator("test")
    return Annotation((PersonAnnotation(pose, mask),), tracks, made, made, made)


def window(media: Media, annotation: Annotation, seed: int, how: ClipSettings = SETTINGS) -> TrainingWindow:
    draw = draw_clip(np.random.default_rng(seed), how, annotation.persons[0].pose, (WIDTH, HEIGHT))
    return cut_window("clip", io.BytesIO(media.video), media.fps, annotation, draw, how.frames)


def look(picture: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Brightness at places (N, 2), between pixels."""
    x, y = (np.ascontiguousarray(axis, np.float32)[None] for axis in xy.T)
    return cv2.remap(picture[..., 0], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0].astype(float)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_the_mask_covers_what_is_bright_in_the_picture(media, annotation, seed):
    cut = window(media, annotation, seed)
    for picture, mask in zip(cut.frames_WHQ3, cut.figure_WHQ, strict=True):
        bright = picture[..., 0] > 140
        rim = cv2.dilate(mask.view(np.uint8), np.ones((3, 3))) != cv2.erode(mask.view(np.uint8), np.ones((3, 3)))
        assert (bright == mask)[~rim].all()
        assert mask.any()


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_points_stay_on_their_texture(media, annotation, seed):
    cut, source = window(media, annotation, seed, ClipSettings(64, 48, 6, 2, without_points=0.0)), luma()
    for clip, points in enumerate(cut.points):
        for t in range(6):
            seen, frame = points.visible_TN[t], cut.draw.index_W[5 * clip + t]
            places = annotation.tracks.xy_NT2[points.ids_N[seen], frame]
            there = look(source[frame][..., None], places)
            here = look(cut.frames_WHQ3[5 * clip + t], points.xy_TN2[t, seen])
            assert np.abs(there * 255 / 219 - 16 * 255 / 219 - here).max(initial=0) < 20


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_joints_stay_on_the_body_and_a_flip_makes_left_joints_right_ones(media, annotation, seed):
    cut = window(media, annotation, seed, ClipSettings(80, 48, 3, smallest_crop=0.9))
    side = np.array(["left" in n for n in BLAZEPOSE_33.joints]), np.array(["right" in n for n in BLAZEPOSE_33.joints])
    left, right = (look(cut.frames_WHQ3[1], cut.xy_WJ2[1, which]) for which in side)
    # The person's right side is the dark one; in a mirror it is the left side.
    dark, light = (left, right) if cut.draw.crop.flipped else (right, left)
    assert dark.max() < 185 < light.min()
    assert cut.xy_WJ2[1, side[0], 0].mean() > cut.xy_WJ2[1, side[1], 0].mean(), "in every picture, left is to the right"


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS)
def test_the_other_frame_is_of_the_same_video_and_not_of_the_window(media, annotation, seed):
    cut = window(media, annotation, seed)
    assert cut.draw.other not in cut.draw.index_W
    assert cut.other_HQ3.shape == (32, 48, 3)


@settings(max_examples=30, deadline=None)
@given(wanted=st.lists(st.integers(0, FRAMES - 1), min_size=1, max_size=6))
def test_frames_decoded_by_themselves_are_those_of_the_whole_video(media, wanted):
    whole = list(decode_media(media.video))
    some = decode_some(
        io.BytesIO(media.video), FPS, wanted, lambda y, u, v, _: np.concatenate([y, u.reshape(-1, WIDTH)])
    )
    assert set(some) == set(wanted)
    assert all(np.array_equal(some[i], whole[i][: HEIGHT * 5 // 4]) for i in wanted)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_frame_wanted_at_several_places_lies_in_all_of_them_and_everybody_is_in_the_mask_of_people(
    media, annotation, seed
):
    person, someone = annotation.persons[0], np.zeros((HEIGHT, WIDTH), np.bool_)
    someone[:, ::2] = True
    rle, area = encode_mask(someone)
    other = replace(person, mask=replace(person.mask, rle=(rle,) * FRAMES, area_px=(area,) * FRAMES))
    both = replace(annotation, persons=(person, other))
    draw = draw_clip(np.random.default_rng(seed), SETTINGS, person.pose, (WIDTH, HEIGHT))
    draw = replace(draw, index_W=(3, 9, 9, 3, 20), other=9)
    cut = cut_window("clip", io.BytesIO(media.video), FPS, both, draw, 3)
    first, second, again, last, _ = cut.frames_WHQ3
    assert (first == last).all() and (second == again).all() and (second == cut.other_HQ3).all()
    assert (first != second).any()
    alone = cut_window("clip", io.BytesIO(media.video), FPS, annotation, replace(draw, index_W=(9, 9, 9)), 3)
    assert (alone.frames_WHQ3[0] == second).all() and (alone.people_WHQ == alone.figure_WHQ).all()
    whole = draw.crop.mask(other.mask, draw.index_W)
    assert (cut.people_WHQ == cut.figure_WHQ | whole).all() and whole.any()


def test_every_clip_of_a_window_has_its_points_chosen_in_its_first_frame(media, annotation):
    for seed in range(30):
        cut = window(media, annotation, seed, ClipSettings(64, 48, 6, clips=3, without_points=0.0))
        assert len(cut.points) == 3
        for points in cut.points:
            assert points.visible_TN[0].all()
            assert LEAST <= len(points.ids_N) <= MOST
            seen = points.xy_TN2[points.visible_TN]
            assert (seen > -0.5).all() and (seen < (63.5, 47.5)).all()
        kept = set(cut.points[0].ids_N.tolist()) & set(cut.points[1].ids_N.tolist())
        assert kept, "points keep their identity from clip to clip"


def test_shares_are_drawn_as_asked(annotation):
    how = ClipSettings(48, 32, 6, strides=(1, 3), flipped=0.3, without_points=0.1, still=0.2)
    pose = annotation.persons[0].pose
    draws = [draw_clip(np.random.default_rng(seed), how, pose, (WIDTH, HEIGHT)) for seed in range(2000)]
    shares = {
        "flipped": np.mean([draw.crop.flipped for draw in draws]),
        "without_points": np.mean([draw.points == 0 for draw in draws]),
        "still": np.mean([len(set(draw.index_W)) == 1 for draw in draws]),
    }
    assert all(abs(share - getattr(how, name)) < 0.04 for name, share in shares.items()), shares
    strides = [np.diff(draw.index_W)[0] for draw in draws if len(set(draw.index_W)) > 1]
    assert 0.4 < np.mean(np.array(strides) == 3) < 0.6


def test_the_crop_keeps_the_person_in_the_picture(annotation):
    how = ClipSettings(48, 48, 6, smallest_crop=0.5)
    for seed in range(200):
        draw = draw_clip(np.random.default_rng(seed), how, annotation.persons[0].pose, (WIDTH, HEIGHT))
        joints = draw.crop.places(annotation.persons[0].pose.xy_TJ2[list(draw.index_W)])
        assert ((joints > -2) & (joints < 50)).all()
        assert draw.crop.left + draw.crop.width <= WIDTH and draw.crop.top + draw.crop.height <= HEIGHT


def test_a_window_begins_where_the_person_is_seen(annotation):
    present = np.zeros(FRAMES, np.bool_)
    present[10:13] = True
    pose = Pose(annotation.persons[0].pose.xy_TJ2, annotation.persons[0].pose.confidence_TJ, present, BLAZEPOSE_33.name)
    how = ClipSettings(48, 32, 6, clips=2, strides=(1,))
    draws = [draw_clip(np.random.default_rng(seed), how, pose, (WIDTH, HEIGHT)) for seed in range(50)]
    assert {draw.index_W[0] for draw in draws} == {10, 11, 12}


def test_left_and_right_joints_are_each_others_mirror():
    mirror = mirrored_joints(BLAZEPOSE_33.name)
    assert [mirror[j] for j in mirror] == list(range(33))
    assert {j for j in range(33) if mirror[j] == j} == {BLAZEPOSE_33.index("nose")}
    assert mirror[BLAZEPOSE_33.index("mouth_left")] == BLAZEPOSE_33.index("mouth_right")


def test_a_video_that_ends_early_is_an_error_that_names_the_frames(media):
    with pytest.raises(CorpusError, match="99"):
        decode_some(io.BytesIO(media.video), FPS, {1, 99}, lambda y, u, v, _: y.copy())
    with pytest.raises(CorpusError, match="check"):
        decode_some(io.BytesIO(b"no video at all"), FPS, {1}, lambda y, u, v, _: y.copy())


def test_a_clip_too_short_for_a_window_is_refused(annotation):
    with pytest.raises(ValueError, match="too short"):
        draw_clip(np.random.default_rng(0), ClipSettings(48, 32, 50), annotation.persons[0].pose, (WIDTH, HEIGHT))


@pytest.mark.parametrize(
    "wrong", [{"frames": 1}, {"width": 4}, {"strides": ()}, {"strides": (0,)}, {"still": 1.5}, {"clips": 0}]
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError):
        ClipSettings(**{"width": 48, "height": 32, "frames": 6, **wrong})
