from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.annotate import annotate
from pipelines.corpus.agreement import agreements
from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import write_rows
from pipelines.corpus.read import Corpus
from pipelines.corpus.rows import nobody_row, pose_row
from pipelines.corpus.unpack import pose_of, rows_of
from pipelines.evaluate_annotators import evaluate_annotators
from pipelines.synthesize import synthesize
from schemas.config import Config, MasksConfig, TracksConfig
from schemas.errors import CorpusError
from schemas.records import Annotator
from schemas.skeletons.conversion import converted
from tests.command_line import figureground
from tests.pipelines.corpus_records import make_corpus
from transforms.accuracy.poses import torso_lengths


def silent(done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("truth")
    synthesize(out, 2, seed=5, size=192, seconds=0.75, fps=12, people=(1, 1))
    return out / "corpus"


def test_trackers_are_measured_against_the_truth_and_told_apart(truth: Path) -> None:
    results = {
        name: evaluate_annotators(truth, Config(tracks=TracksConfig(annotator=name)), ("tracks",), None, silent)
        for name in ("lucas_kanade", "recovering")
    }
    for result in results.values():
        everything = result.groups[0]
        assert (everything.name, everything.clips) == ("all", 2)
        assert 0.5 < everything.average_jaccard <= everything.delta_average <= 1
        assert everything.visible_precision > 0.9
        assert everything.iou is None and everything.pck_10 is None
        assert result.ms_per_point_frame > 0
        assert result.failed == []
    assert results["lucas_kanade"].groups[0] != results["recovering"].groups[0]


def test_poses_and_masks_are_measured_and_grouped_by_motion_and_size(truth: Path) -> None:
    result = evaluate_annotators(truth, Config(), ("poses", "masks"), None, silent, most=1)
    everything, *groups = result.groups
    assert everything.clips == 1
    assert 0 <= everything.pck_10 <= everything.pck_20 <= 1
    assert 0 <= everything.iou <= 1 and 0 <= everything.boundary_f <= 1
    assert 0 <= everything.oks_ap <= 1
    assert everything.average_jaccard is None
    clip = Corpus(truth).clip(Corpus(truth).kept_clip_ids()[0])
    assert clip["camera"] in [group.name for group in groups]
    assert any(group.name.startswith("person ") for group in groups)
    assert set(result.ms_per_frame) == {"poses", "masks"}


def test_a_corpus_without_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="figureground synthesize"):
        evaluate_annotators(make_corpus(tmp_path), Config(), ("tracks",), None, silent)


@pytest.mark.slow
def test_the_command_line_measures_in_workers(truth: Path) -> None:
    run = figureground("evaluate-annotators", truth, "--only", "tracks", "--workers", 1, "--json", check=True)
    assert json.loads(run.stdout)["groups"][0]["clips"] == 2


def test_two_annotators_of_a_corpus_are_compared_table_by_table(truth: Path) -> None:
    annotate(truth, Config(), "tracks", None, silent)
    annotate(truth, Config(masks=MasksConfig(annotator="selfie")), "masks", None, silent)
    (tracks,) = agreements(Corpus(truth), "synthetic", "recovering")
    assert (tracks.table, tracks.clips) == ("tracks", 2)
    assert 0 <= tracks.value < 0.05
    (masks,) = agreements(Corpus(truth), "synthetic", "selfie")
    assert masks.table == "masks" and 0 <= masks.value <= 1
    (itself,) = agreements(Corpus(truth), "selfie", "selfie")
    assert itself.value == 1
    run = figureground("stats", truth, "--compare", "synthetic", "recovering", "--json", check=True)
    assert json.loads(run.stdout)[0]["value"] == pytest.approx(tracks.value)
    with pytest.raises(CorpusError, match="both"):
        agreements(Corpus(truth), "synthetic", "nobody")


def test_poses_are_compared_by_the_share_of_joints_within_a_fifth_of_the_torso(truth: Path, tmp_path: Path) -> None:
    corpus = shutil.copytree(truth, tmp_path / "corpus")
    read = Corpus(corpus)
    first, second = read.kept_clip_ids()
    (row,) = rows_of(read.arrow("poses", clip_ids=[first]))
    pose = pose_of(row)
    torso_px = torso_lengths(pose)
    near_T = np.arange(row["frames"]) % 3 == 0
    moved_px = np.where(near_T, 0.15, 0.25) * torso_px  # the grid of stored places is 1/8 px
    xy_TJ2 = (pose.xy_TJ2 + np.stack([moved_px, 0 * moved_px], -1)[:, None]).astype(np.float32)
    moved, found = Annotator("moved", "c" * 64), replace(pose, xy_TJ2=xy_TJ2)
    rows = [
        {"clip_id": first, "source_id": row["source_id"]} | pose_row(row["person"], found, moved),
        {"clip_id": second, "source_id": second.partition("_")[0]} | nobody_row(row["frames"], moved),
    ]
    with Committer(corpus, read.config) as committer:
        committer.add_annotations([write_rows(committer.layout, "poses", "moved", rows)])
    seen_TJ = converted(pose, "coco_17").confidence_TJ >= 0.5
    expected = seen_TJ[near_T].sum() / seen_TJ.sum()
    assert torso_px.min() > 5 and 0.2 < expected < 0.5
    (poses,) = agreements(Corpus(corpus), "synthetic", "moved")
    assert (poses.table, poses.measure, poses.clips) == ("poses", "PCK@0.2", 2)
    assert poses.value == pytest.approx(expected)
    run = figureground("stats", corpus, "--compare", "synthetic", "moved", "--json", check=True)
    assert json.loads(run.stdout) == [poses.as_json()]
    assert f"{expected:.4f}" in figureground("stats", corpus, "--compare", "synthetic", "moved", check=True).stdout
