"""Joints that a network did not find, and rows of several annotators, on their way through the tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import PartWriter
from pipelines.corpus.read import Corpus
from schemas.config import Config
from schemas.records import PersonAnnotation, Pose
from schemas.skeletons import OPENPOSE_18
from tests.pipelines.corpus_records import FRAMES, make_clip, make_source


def test_a_joint_that_was_not_found_is_nan_in_the_records_and_null_in_sql(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    xy = rng.uniform(5, 40, (FRAMES, 18, 2)).astype(np.float32)
    confidence = rng.uniform(0.3, 1, (FRAMES, 18)).astype(np.float32)
    elbow = OPENPOSE_18.index("left_elbow")
    xy[3, elbow], confidence[3, elbow] = np.nan, 0
    confidence[4, elbow] = 0  # hidden, but placed, as in the truth of synthesized videos
    pose = Pose(xy, confidence, np.ones(FRAMES, np.bool_), OPENPOSE_18.name)
    clip = make_clip(make_source("a"), 0)
    assert clip.annotation is not None
    mask = clip.annotation.persons[0].mask
    clip = replace(clip, annotation=replace(clip.annotation, persons=(PersonAnnotation(pose, mask),)))
    with Committer(tmp_path, Config()) as committer:
        committer.add(PartWriter(tmp_path).write("part", [clip]))

    corpus = Corpus(tmp_path)
    stored = corpus.annotation(clip.clip_id).persons[0].pose
    assert np.isnan(stored.xy_TJ2[3, elbow]).all()
    assert np.isfinite(np.delete(stored.xy_TJ2.reshape(-1, 2), 3 * 18 + elbow, axis=0)).all()
    assert np.abs(stored.xy_TJ2[4, elbow] - xy[4, elbow]).max() <= 1 / 16
    with corpus.connect() as connection:
        sql = "SELECT frame, x IS NULL FROM keypoints WHERE joint = 'left_elbow' AND frame IN (3, 4) ORDER BY frame"
        assert connection.execute(sql).fetchall() == [(3, True), (4, False)]
