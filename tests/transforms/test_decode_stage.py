"""The Decode stage: candidates, scores and the verdict on a source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest

from schemas.config import Config
from schemas.config_loading import load_config
from schemas.outcomes import Heartbeat
from schemas.records import Clip, Source, SourceReport
from tests.transforms.decoding import clips_of, decode
from tests.video_files import (
    Picture,
    colour,
    cut,
    dissolve,
    moving,
    still,
    texture,
    write_audio,
    write_video,
)
from transforms.decode.stage import Decode
from transforms.pixels import rgb

SHORT = {"clips.min_s": 1.0, "clips.max_s": 3.0}


def test_each_shot_gives_clips_that_keep_away_from_its_boundaries(tmp_path: Path):
    path = write_video(tmp_path / "v.mp4", cut(moving(60, seed=1), moving(120, seed=2), moving(30, seed=3)))
    clips, report = decode(path, **SHORT)
    assert [(c.shot, c.span.start_frame, c.span.end_frame) for c in clips] == [
        (0, 0, 58),
        (1, 62, 137),
        (1, 137, 178),
        (2, 182, 210),
    ]
    assert [c.index for c in clips] == [0, 1, 2, 3]
    assert (report.shots, report.cut_times_s) == (3, (2.4, 7.2))
    assert report.frames_decoded == 210
    assert report.duration_s == pytest.approx(8.4)


def test_clips_leave_out_a_dissolve(tmp_path: Path):
    path = write_video(tmp_path / "v.mp4", dissolve(moving(70, seed=1), moving(70, seed=2), 12))
    first, second = clips_of(decode(path, **SHORT))
    assert first.span.end_frame <= 60
    assert second.span.start_frame >= 68


def test_frames_are_the_pictures_of_the_source_on_the_clips_clock(tmp_path: Path):
    pictures = list(moving(130, seed=1))
    clips = clips_of(decode(write_video(tmp_path / "v.mp4", pictures), **SHORT))
    assert [len(clip.frames or ()) for clip in clips] == [75, 55]
    for clip in clips:
        assert clip.frames is not None
        assert clip.frame_count == len(clip.frames) == len(clip.pts_T)
        for tick in (0, 31, clip.frame_count - 1):
            source_frame = int(clip.frames.source_frames_T[tick])
            assert source_frame == clip.span.start_frame + tick
            difference = rgb(clip.frames, tick).astype(np.float32) - pictures[source_frame]
            assert np.abs(difference).mean() < 6
            assert clip.frames.pts_T[tick] * clip.frames.time_base == Fraction(source_frame, 25)
        assert clip.span.end - clip.span.start == Fraction(clip.frame_count, 25)


def test_a_fast_source_is_thinned_and_spans_still_count_its_own_frames(tmp_path: Path):
    path = write_video(tmp_path / "v.mp4", moving(150, seed=1), fps=50)
    (clip,) = clips_of(decode(path, **SHORT))
    assert (clip.fps, clip.frame_count) == (25, 75)
    assert (clip.span.start_frame, clip.span.end_frame) == (0, 149)
    assert clip.frames is not None
    assert clip.frames.source_frames_T.tolist() == list(range(0, 150, 2))


def test_variable_frame_rate_comes_out_constant(tmp_path: Path):
    stamps = [s for i in range(40) for s in (120 * i, 120 * i + 20, 120 * i + 80)]
    path = write_video(tmp_path / "v.mp4", moving(120, seed=1), pts=stamps, time_base=Fraction(1, 1000))
    (clip,) = clips_of(decode(path, **{"clips.min_s": 1.0, "clips.max_s": 6.0}))
    assert clip.frames is not None
    times = clip.frames.pts_T * float(clip.frames.time_base)
    grid = times[0] + np.arange(len(times)) / float(clip.fps)
    assert np.abs(times - grid).max() < 0.1
    assert clip.frame_count == pytest.approx(float(4.8 * clip.fps), abs=3)


def test_missing_timestamps_are_made_up_from_the_frame_rate(tmp_path: Path):
    path = write_video(tmp_path / "v.h264", moving(75, seed=1))
    (clip,) = clips_of(decode(path, **SHORT))
    assert clip.frame_count == 75
    assert clip.span.end - clip.span.start == 3


def test_a_stream_that_starts_before_zero_keeps_its_stamps(tmp_path: Path):
    path = write_video(tmp_path / "v.mkv", moving(75, seed=1), pts=range(-10, 65))
    (clip,) = clips_of(decode(path, **SHORT))
    assert clip.frame_count == 75
    assert clip.pts_T[0] * clip.time_base == clip.span.start


def test_scores_tell_black_and_bright_and_frozen_clips(tmp_path: Path):
    shots = cut(colour(50, value=0), moving(50, seed=1), still(50, texture(seed=2)), colour(50, value=255))
    black, moved, frozen, white = clips_of(decode(write_video(tmp_path / "v.mp4", shots), **SHORT))
    assert (black.scores.black_share, black.scores.luminance) == (1.0, pytest.approx(0, abs=0.01))
    assert white.scores.luminance == pytest.approx(1, abs=0.01)
    assert (moved.scores.black_share, moved.scores.frozen_share) == (0, 0)
    assert (moved.scores.contrast or 0) > 0.08 > 0.01 > (white.scores.contrast or 0)
    assert (frozen.scores.frozen_share or 0) > 0.9
    assert moved.scores.duration_s == pytest.approx(46 / 25)
    assert moved.scores.short_side == 144


def test_a_small_figure_that_moves_slowly_before_a_still_ground_is_not_frozen(tmp_path: Path):
    ground = texture(360, 480, seed=3)
    figure = texture(60, 24, seed=4)

    def walk() -> Iterator[Picture]:
        for index in range(60):
            shown = ground.copy()
            shown[200:260, 100 + index : 124 + index] = figure
            yield shown

    (clip,) = clips_of(decode(write_video(tmp_path / "v.mp4", walk()), **SHORT))
    assert (clip.scores.frozen_share or 0) < 0.1


def test_a_slide_show_is_frozen(tmp_path: Path):
    path = write_video(tmp_path / "v.mp4", cut(*(still(15, texture(seed=n)) for n in range(6))))
    (clip,) = clips_of(
        decode(path, **(SHORT | {"clips.max_s": 4.0, "shots.min_content": 200, "shots.gradual": "false"}))
    )
    assert (clip.scores.frozen_share or 0) > 0.85


def test_empty_files_text_sound_and_single_frames_are_rejected_with_the_reason(tmp_path: Path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    write_audio(tmp_path / "sound.mp4")
    write_video(tmp_path / "one.mp4", moving(1))
    reasons = {name: reason_of(tmp_path / f"{name}.mp4") for name in ("empty", "text", "sound", "one")}
    assert reasons == {
        "empty": ("rejected", "empty"),
        "text": ("rejected", "not_video"),
        "sound": ("rejected", "no_video_stream"),
        "one": ("rejected", "too_short"),
    }
    assert reason_of(tmp_path / "absent.mp4") == ("failed", "unreadable")


def reason_of(path: Path) -> tuple[str, str | None]:
    clips, report = decode(path)
    assert clips == []
    assert report.detail
    return report.verdict, report.reason


@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile 'real.mp4'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nreal.mp4\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    ],
)
def test_scripts_that_name_other_files_are_no_video(tmp_path: Path, script: str):
    write_video(tmp_path / "real.mp4", moving(60))
    path = tmp_path / "script.mp4"
    path.write_text(script)
    assert reason_of(path) == ("rejected", "not_video")


def test_pictures_over_the_limit_are_too_large(tmp_path: Path):
    path = write_video(tmp_path / "v.mp4", moving(60))
    _, report = decode(path, **{"limits.max_pixels": 144 * 192 - 1})
    assert (report.verdict, report.reason) == ("rejected", "too_large")


def test_half_a_file_gives_what_it_holds_and_says_so(tmp_path: Path):
    whole = write_video(tmp_path / "v.mkv", moving(150, seed=1))
    path = tmp_path / "half.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    clips, report = decode(path, **SHORT)
    assert report.verdict == "done"
    assert 50 < report.frames_decoded < 150
    assert clips and clips[-1].span.end_frame <= report.frames_decoded


def test_a_file_without_its_index_is_damaged(tmp_path: Path):
    whole = write_video(tmp_path / "v.mp4", moving(150, seed=1))
    path = tmp_path / "half.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert reason_of(path) == ("failed", "damaged")


def test_damaged_packets_are_counted_and_cost_no_more_than_themselves(tmp_path: Path):
    path = write_video(tmp_path / "v.avi", moving(150, seed=1), codec="mjpeg", pix_fmt="yuvj420p", full_range=True)
    data = bytearray(path.read_bytes())
    frames = [match.start() for match in re.finditer(b"\xff\xd8\xff", data)]
    for at in (frames[60], frames[61]):
        data[at : at + 600] = bytes(600)
    path.write_bytes(bytes(data))
    clips, report = decode(path, **{"clips.min_s": 1.0, "clips.max_s": 10.0})
    assert report.verdict == "done"
    assert report.damaged_packets == 2
    assert "2 packets" in (report.detail or "")
    assert report.frames_decoded == 148
    assert len(clips) == 1


def test_clips_are_given_out_while_the_source_is_still_being_read(tmp_path: Path):
    path = write_video(tmp_path / "v.mp4", moving(400, seed=1))
    stage = Decode(load_config(settings=("clips.min_s=1", "clips.max_s=3")))
    reached = 0.0
    for outcome in stage.process(Source(str(path), "0" * 64, 1)):
        if isinstance(outcome.item, Heartbeat):
            reached = outcome.item.reached_s or 0.0
        if isinstance(outcome.item, Clip):
            assert reached < 1, "the first clip must come before the second heartbeat"
            break


def test_two_runs_give_the_same_candidates(tmp_path: Path):
    path = write_video(tmp_path / "v.mp4", cut(moving(100, seed=1), moving(60, seed=2)))
    one, two = decode(path, **SHORT), decode(path, **SHORT)
    assert [c.clip_id for c in one[0]] == [c.clip_id for c in two[0]]
    assert one[1] == two[1]
    for a, b in zip(one[0], two[0], strict=True):
        assert a.scores == b.scores
        assert a.frames is not None and b.frames is not None
        assert np.array_equal(a.frames.yuv_THW, b.frames.yuv_THW)


def test_memory_does_not_grow_with_the_length_of_the_source(tmp_path: Path):
    short = write_video(tmp_path / "short.mp4", moving(300, 180, 240), codec="mpeg2video")
    long = write_video(tmp_path / "long.mp4", moving(1200, 180, 240), codec="mpeg2video")
    config = load_config(settings=("clips.min_s=1", "clips.max_s=2"))
    assert drained(config, short) > 1
    before = psutil.Process().memory_info().rss
    assert drained(config, long) > 10
    grown = psutil.Process().memory_info().rss - before
    # The frames of the long source would take 78 MB.
    assert grown < 25_000_000


def drained(config: Config, path: Path) -> int:
    clips = 0
    for outcome in Decode(config).process(Source(str(path), "0" * 64, 1)):
        clips += isinstance(outcome.item, Clip)
        report = outcome.item
        del outcome
    assert isinstance(report, SourceReport)
    return clips
