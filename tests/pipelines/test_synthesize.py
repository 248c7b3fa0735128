"""`synthesize` writes videos and their corpus, the same ones every time, and goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pyarrow.dataset as ds
import pytest

from models.annotators.rle import decode_mask
from pipelines.corpus.check import check
from pipelines.engines.local import LocalEngine
from pipelines.synthesize import synthesize
from schemas.errors import ConfigError
from schemas.records import Mask
from schemas.tables import COORDINATE_SCALE
from transforms.synthesis.drawing import SceneSettings, draw_scene
from transforms.synthesis.render import render
from transforms.synthesis.truth import annotate_scene

SMALL = {"size": 96, "seconds": 0.5, "fps": 12}


def videos(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "videos").iterdir())}


def rows(out: Path, table: str) -> list[dict]:
    files = sorted((out / "corpus" / table).glob("*.parquet"))
    return ds.dataset(files, format="parquet").to_table().to_pylist()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic")
    told: list[tuple[int, int]] = []
    done = synthesize(out, 3, 5, **SMALL, progress=lambda *counts: told.append(counts))
    assert (done.made, done.already_done, done.failed) == (3, 0, [])
    assert told == [(1, 3), (2, 3), (3, 3)]
    return out


def test_the_corpus_is_whole_and_holds_the_videos(made: Path) -> None:
    report = check(made / "corpus", deep=True)
    assert report.ok, report.problems
    assert report.rows["clips"] == report.rows["tracks"] == report.rows["sources"] == 3
    assert {row["video"] for row in rows(made, "media")} == set(videos(made).values())
    assert {row["uri"] for row in rows(made, "sources")} == {str(p.resolve()) for p in (made / "videos").iterdir()}


def test_the_videos_play_at_the_size_and_rate_asked_for(made: Path) -> None:
    for path in (made / "videos").iterdir():
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert (stream.width, stream.height, stream.average_rate) == (96, 96, 12)
            assert sum(1 for _ in container.decode(stream)) == 6


def test_annotations_in_the_corpus_are_the_truth_of_the_scene(made: Path) -> None:
    scene = draw_scene((5, 0), SceneSettings(size=96, frames=6, fps=12))
    truth = annotate_scene(scene, render(scene)[1])
    source_id = next(row["source_id"] for row in rows(made, "sources") if row["uri"].endswith("000000.mp4"))
    pose, mask, tracks = (
        next(row for row in rows(made, t) if row["source_id"] == source_id and row.get("person", 0) == 0)
        for t in ("poses", "masks", "tracks")
    )
    assert pose["annotator"] == mask["annotator"] == tracks["annotator"] == "synthetic"
    expected = truth.persons[0].pose.xy_TJ2[..., 0].T
    np.testing.assert_allclose(
        np.reshape(pose["x"], (33, 6)) / COORDINATE_SCALE, expected, atol=0.5 / COORDINATE_SCALE + 1e-4
    )
    np.testing.assert_array_equal(np.reshape(tracks["visible"], (-1, 6)), truth.tracks.visible_NT)
    stored = Mask(tuple(mask["rle"]), tuple(mask["area_px"]), 96, 96)
    np.testing.assert_array_equal(decode_mask(stored, 3), decode_mask(truth.persons[0].mask, 3))


def test_scores_tell_the_camera_and_the_motion(made: Path) -> None:
    for row in rows(made, "clips"):
        assert row["kept"]
        assert row["camera"] in ("static", "pan", "zoom", "rotate", "shake", "parallax")
        assert row["background_motion"] is not None
        assert row["person_count"] in (1, 2)


def test_equal_arguments_give_equal_bytes_on_any_engine(made: Path, tmp_path: Path) -> None:
    done = synthesize(tmp_path, 3, 5, **SMALL, engine=LocalEngine(workers=1, threads=1))
    assert done.made == 3
    assert videos(tmp_path) == videos(made)


def test_running_again_does_what_is_left(made: Path, tmp_path: Path) -> None:
    synthesize(tmp_path, 1, 5, **SMALL)
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "videos").iterdir()}
    done = synthesize(tmp_path, 3, 5, **SMALL)
    assert (done.already_done, done.made) == (1, 2)
    assert all(path.stat().st_mtime_ns == at for path, at in first.items())
    assert videos(tmp_path) == videos(made)
    assert check(tmp_path / "corpus").ok


def test_a_lost_or_damaged_video_is_made_again_and_the_corpus_holds_it_once(tmp_path: Path) -> None:
    synthesize(tmp_path, 2, 5, **SMALL)
    whole = videos(tmp_path)
    lost, damaged = sorted((tmp_path / "videos").iterdir())
    lost.unlink()
    damaged.write_bytes(b"half")
    assert synthesize(tmp_path, 2, 5, **SMALL).made == 2
    assert videos(tmp_path) == whole
    assert len(rows(tmp_path, "clips")) == 2
    assert check(tmp_path / "corpus").ok


def test_another_seed_adds_other_videos(tmp_path: Path) -> None:
    synthesize(tmp_path, 1, 5, **SMALL)
    synthesize(tmp_path, 1, 6, **SMALL)
    assert len(set(videos(tmp_path).values())) == 2
    assert check(tmp_path / "corpus").rows["clips"] == 2


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    synthesize(tmp_path, 1, 5, **SMALL)
    with pytest.raises(ConfigError, match="size: 96 -> 128"):
        synthesize(tmp_path, 1, 5, **(SMALL | {"size": 128}))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"size": 97}, "even"),
        ({"seconds": 0.0}, "two frames"),
        ({"people": (2, 1)}, "people"),
        ({"people": (0, 1)}, "people"),
    ],
)
def test_impossible_settings_are_refused_before_anything_is_written(tmp_path: Path, wrong: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        synthesize(tmp_path / "out", 1, 1, **(SMALL | wrong))
    assert not (tmp_path / "out").exists()
