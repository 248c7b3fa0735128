"""The benchmark of condition use tells a network that uses its conditions from one that does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from infra.benchmarks.condition_use import GIVEN, SHOWN, Rise, Tables, given_shuffled, main, rise_tables  # noqa: E402
from models.generator.training.batch import TrainingBatch  # noqa: E402
from pipelines.training.prepare import prepare_window  # noqa: E402
from pipelines.training.sources import SyntheticSource  # noqa: E402
from tests.models.generator.tiny_generators import tiny_pocket  # noqa: E402

SIZE, FRAMES = 32, 3
WITH, WITHHELD, WITHOUT = "with condition frames", "with the warp withheld", "without"


@pytest.fixture(scope="module")
def batches() -> list[TrainingBatch]:
    stream = SyntheticSource(3, SIZE, FRAMES).batches(1, 3, 0)
    return [next(stream) for _ in range(2)]


@pytest.fixture(scope="module")
def untrained(batches: list[TrainingBatch]) -> Tables:
    pipeline = tiny_pocket(trained=False, condition="warped-last12", residual=True)
    return rise_tables(pipeline, iter(batches))


def test_an_untrained_network_uses_its_condition_frames_alone(untrained: Tables) -> None:
    shown = untrained[SHOWN]
    for name in ("pose", "points", "reference"):
        assert shown[name] == dict.fromkeys((WITH, WITHHELD, WITHOUT), Rise(0, 0))
    assert set(shown["condition"]) == {WITH, WITHHELD}
    assert all(rise.mean > 0.5 for rise in shown["condition"].values())


def test_what_a_user_gives_reaches_the_network_by_the_warp_too(untrained: Tables) -> None:
    given = untrained[GIVEN]
    assert set(given) == {"pose", "points", "reference"}
    assert given["reference"][WITH].mean > given["pose"][WITH].mean > 0.01
    assert given["points"][WITH].mean > 0.01
    assert all(row[WITHOUT] == Rise(0, 0) for row in given.values())
    assert given["pose"][WITHHELD] == given["points"][WITHHELD] == Rise(0, 0)
    assert given["reference"][WITHHELD].mean > 0.5


def test_a_network_whose_encoders_hold_weights_reacts_without_condition_frames(batches: list[TrainingBatch]) -> None:
    pipeline = tiny_pocket(condition="warped-last12", residual=True)
    tables = rise_tables(pipeline, iter(batches))
    for table in (SHOWN, GIVEN):
        for name in ("pose", "points", "reference"):
            assert tables[table][name][WITHOUT].mean != 0


def test_only_what_is_named_is_another_clip_s(batches: list[TrainingBatch]) -> None:
    (right,) = prepare_window(batches[0])
    given = given_shuffled(batches[0])
    last = right.frames_BT3HW[:, 0]
    other = torch.roll(torch.arange(3), 1)
    (pose, pose_last), (points, points_last) = given["pose"], given["points"]
    assert torch.equal(pose.pose_BT3HW, right.pose_BT3HW[other]) and torch.equal(pose.points_BT3HW, right.points_BT3HW)
    assert torch.equal(points.pose_BT3HW, right.pose_BT3HW)
    assert not torch.equal(points.points_BT3HW, right.points_BT3HW)
    assert torch.equal(pose_last, last) and torch.equal(points_last, last)
    reference, before = given["reference"]
    assert torch.equal(before, last[other]) and torch.equal(reference.other_B3HW, right.other_B3HW[other])
    assert torch.equal(reference.pose_BT3HW, right.pose_BT3HW)
    ground = (1 - reference.alpha_BT1HW[:, 0]) * reference.valid_BT1HW[:, 0]
    far, near = (((reference.warped_BT3HW[:, 0] - picture).abs() * ground).mean() for picture in (last, last[other]))
    assert near < far / 2


def test_the_rise_is_of_the_mean_loss_and_its_error_that_of_batches() -> None:
    rise = Rise.of([1.0, 3.0], [1.5, 3.5])
    assert rise == Rise(0.25, 0.0)
    assert Rise.of([2.0, 2.0], [2.0, 4.0]).error == pytest.approx(0.5)


def call(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["condition_use", *map(str, words)])
    main()


def test_the_command_prints_both_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    pipeline = tiny_pocket(trained=False, condition="warped-last12", residual=True)
    pipeline.save_pretrained(tmp_path / "silent")
    pipeline.register_to_config(size=16, clip_frames=FRAMES)
    pipeline.save_pretrained(tmp_path / "model")
    call(monkeypatch, "--model", tmp_path / "model", "--clips", 16)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[3:7]] == ["pose", "points", "reference", "condition"]
    assert "+0.00% (0.00%)" in lines[3] and lines[6].endswith(" -")
    with pytest.raises(SystemExit, match="multiple of 8"):
        call(monkeypatch, "--model", tmp_path / "model", "--clips", 3)
    with pytest.raises(SystemExit, match="does not say its size"):
        call(monkeypatch, "--model", tmp_path / "silent")
