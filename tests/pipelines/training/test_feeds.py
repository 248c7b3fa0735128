"""Synthetic windows, their preparation, pools and roll-outs."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")

from models.generator.training.draws import step_generator  # noqa: E402
from pipelines.training.build import build_feed, build_pipeline  # noqa: E402
from pipelines.training.feeds import StreamFeed  # noqa: E402
from pipelines.training.pool import ClipPool, build_pool  # noqa: E402
from pipelines.training.prepare import prepare_window  # noqa: E402
from pipelines.training.sources import SyntheticSource  # noqa: E402
from schemas.errors import ConfigError  # noqa: E402
from tests.pipelines.training.tiny_stage import stage  # noqa: E402

SIZE, FRAMES = 32, 3
SOURCE = SyntheticSource(5, SIZE, FRAMES)
CPU = torch.device("cpu")
ALONE = (CPU, 0, 1)


class Tinted:
    """The same two windows again and again, a little brighter by number: a pool of them takes no time."""

    def __init__(self) -> None:
        self._batch = next(SyntheticSource(5, 16, FRAMES).batches(3, 2, 0))

    def batches(self, clips, batch, first, rank=0, world=1):
        for number in count(first):
            frames = self._batch.frames_BW3HW[:, : clips * (FRAMES - 1) + 1] + 0.01 * number
            shorter = {
                name: getattr(self._batch, name)[:, : frames.shape[1]]
                for name in ("figure_BW1HW", "people_BW1HW", "pose_BWJ2", "confidence_BWJ")
            }
            yield replace(self._batch, frames_BW3HW=frames, points=self._batch.points[:clips], **shorter)


def equal(a, b) -> bool:
    return all(torch.equal(tensor, b.tensors()[name]) for name, tensor in a.tensors().items())


def test_windows_are_the_same_by_number_and_shared_out_among_processes():
    whole = next(SOURCE.batches(1, 4, 0))
    later = next(SOURCE.batches(1, 2, 0, rank=1, world=2))
    assert torch.equal(whole.frames_BW3HW[2:], later.frames_BW3HW)
    assert not torch.equal(whole.frames_BW3HW[:2], later.frames_BW3HW)


def test_a_window_has_its_person_its_points_and_chained_clips():
    batch = next(SOURCE.batches(2, 2, 0))
    batch.check()
    assert batch.frames_BW3HW.shape == (2, 2 * (FRAMES - 1) + 1, 3, SIZE, SIZE)
    assert batch.frames_BW3HW.min() >= -1 and batch.frames_BW3HW.max() <= 1
    assert (batch.figure_BW1HW[:, 0].mean((1, 2, 3)) >= 0.02).all()


def test_prepared_clips_begin_with_the_reference_itself_and_the_warp_follows():
    batch = next(SOURCE.batches(1, 4, 3))
    (clip,) = prepare_window(batch)
    truth, warped = clip.frames_BT3HW, clip.warped_BT3HW
    assert clip.pose_BT3HW.any() and clip.points_BT3HW.shape == truth.shape
    error = (warped - truth).square().mean((0, 2, 3, 4))
    still = (truth[:, :1] - truth).square().mean((0, 2, 3, 4))
    assert error[0] < 4e-3
    assert error[-1] < still[-1]


def test_a_pool_gives_the_same_clips_however_often_its_building_was_interrupted(tmp_path):
    source = Tinted()
    whole = build_pool(tmp_path / "whole", 2, source)
    build_pool(tmp_path / "parts", 1, source)
    with pytest.raises(ConfigError, match="lacks 1 of 2 shards"):
        ClipPool(tmp_path / "parts", 2)
    parts = build_pool(tmp_path / "parts", 2, source)
    assert len(whole) == len(parts) == 3 * 2 + 2 * 3 * 2
    everything = range(len(whole))
    assert equal(whole.clips(everything), parts.clips(everything))
    assert not equal(whole.clips([0]), whole.clips([17]))


def test_a_stream_that_begins_late_feeds_what_one_from_the_beginning_does():
    def feed() -> StreamFeed:
        return StreamFeed(lambda first: SOURCE.batches(1, 2, first), CPU, single=False, warped=True)

    early, late = feed(), feed()
    for step in range(3):
        fed = early.fed(step, step_generator(0, step))
    again = late.fed(2, step_generator(0, 2))
    assert equal(fed.clip, again.clip)
    assert torch.equal(fed.last_B3HW, again.last_B3HW)


def test_single_frames_keep_the_last_frame_of_the_clip_before_not_themselves():
    batch = next(SOURCE.batches(1, 4, 0))
    feed = StreamFeed(lambda first: SOURCE.batches(1, 4, first), CPU, single=True, warped=True)
    fed = feed.fed(0, step_generator(0, 0))
    torch.testing.assert_close(fed.last_B3HW, (batch.frames_BW3HW[:, 0] + 1) / 2)
    assert fed.clip.frames_BT3HW.shape == (4, 1, 3, SIZE, SIZE)


def test_a_condition_without_a_warp_stands_still():
    feed = StreamFeed(lambda first: SOURCE.batches(1, 2, first), CPU, single=False, warped=False)
    clip = feed.fed(0, step_generator(0, 0)).clip
    assert torch.equal(clip.warped_BT3HW, clip.frames_BT3HW[:, :1].expand_as(clip.frames_BT3HW))


def test_a_rollout_goes_on_from_what_the_model_made():
    config = stage("stage=rollout", f"data.size={SIZE}", f"data.frames={FRAMES}")
    pipeline = build_pipeline(config)
    with torch.no_grad():
        pipeline.unet.conv_out.bias.fill_(0.1)
    fed = build_feed(SOURCE, config, None, pipeline, ALONE).fed(0, step_generator(0, 0))
    batch = next(SOURCE.batches(2, 2, 0))
    second = (batch.frames_BW3HW[:, batch.clip_slice(1)] + 1) / 2
    torch.testing.assert_close(fed.clip.frames_BT3HW, second)
    brighter = (fed.last_B3HW - second[:, 0]).mean()
    assert 0.01 < brighter < 0.1


def test_a_rollout_from_a_pool_is_refused(tmp_path):
    config = stage("stage=rollout", "data.pool_shards=1")
    with pytest.raises(ConfigError, match="cannot draw them from a pool"):
        build_feed(SOURCE, config, tmp_path, build_pipeline(config), ALONE)
