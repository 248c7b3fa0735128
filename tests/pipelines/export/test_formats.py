"""Each export is opened by the tool it is made for, and compared with the corpus."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from pipelines.corpus.clips import StoredClip
from pipelines.corpus.read import Corpus
from pipelines.export import export
from pipelines.export.base import Settings
from pipelines.export.splits import Splits
from schemas.skeletons import COCO_17
from schemas.skeletons.conversion import converted

HALVES = Splits.parse("train=0.5,test=0.5")


def by_id(corpus: Corpus) -> dict[str, StoredClip]:
    return {clip.clip_id: clip for clip in corpus.clips()}


def video_frames(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_pycocotools_reads_the_keypoints_and_masks_that_the_corpus_has(corpus: Corpus, out: Path) -> None:
    from pycocotools.coco import COCO

    export(corpus, out, "coco", settings=Settings(stride=5))
    dataset, clips, compared = COCO(str(out / "annotations" / "train.json")), by_id(corpus), 0
    assert len(dataset.imgs) == 4 * 3
    for image in dataset.imgs.values():
        assert (out / image["file_name"]).exists()
        persons = clips[image["clip_id"]].annotation().persons
        annotations = dataset.imgToAnns[image["id"]]
        assert {a["person"] for a in annotations} <= set(range(len(persons)))
        for annotation in annotations:
            person, frame = persons[annotation["person"]], image["frame"]
            rle = {"size": [64, 64], "counts": person.mask.rle[frame]}
            assert (dataset.annToMask(annotation) == coco_mask.decode(rle)).all()
            pose, got = converted(person.pose, COCO_17.name), np.array(annotation["keypoints"]).reshape(17, 3)
            placed = got[:, 2] > 0
            assert (got[placed, :2] == pose.xy_TJ2[frame][placed]).all()
            assert (got[:, 2] == 2).sum() <= (pose.confidence_TJ[frame] >= 0.5).sum()
            compared += placed.sum()
    assert compared > 50
    ((category,),) = [dataset.loadCats(dataset.getCatIds())]
    assert category["keypoints"][category["skeleton"][4][0] - 1] == "left_shoulder"


def test_the_coco_evaluator_gives_the_annotations_full_marks_against_themselves(corpus: Corpus, out: Path) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    export(corpus, out, "coco")
    truth = COCO(str(out / "annotations" / "train.json"))
    found = truth.loadRes([a | {"score": 1.0} for a in truth.dataset["annotations"]])
    evaluation = COCOeval(truth, found, "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_hugging_face_loads_the_video_folder_with_its_splits_and_scores(
    corpus: Corpus, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = _offline_datasets(monkeypatch, tmp_path)
    export(corpus, out, "videofolder", splits=HALVES)
    loaded, clips = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache")), by_id(corpus)
    assert set(loaded) == {HALVES.of(clip.source_id) for clip in clips.values()}
    for split, dataset in loaded.items():
        assert isinstance(dataset.features["video"], datasets.Video)
        for row in dataset.cast_column("video", datasets.Video(decode=False)):
            clip = clips.pop(row["clip_id"])
            assert HALVES.of(clip.source_id) == split
            assert row["background_motion"] == clip.row["background_motion"]
            assert Path(row["video"]["path"]).read_bytes() == clip.media().video
    assert not clips


def test_hugging_face_loads_the_tables_and_the_corpus_itself(
    corpus: Corpus, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = _offline_datasets(monkeypatch, tmp_path)
    export(corpus, out, "parquet", splits=HALVES)
    poses = datasets.load_dataset(str(out), "poses", cache_dir=str(tmp_path / "cache"))
    rows = {(row["clip_id"], row["person"]): row["x"] for dataset in poses.values() for row in dataset}
    stored = corpus.arrow("poses").to_pylist()
    assert rows == {(row["clip_id"], row["person"]): row["x"] for row in stored}
    files = [str(path) for path in corpus.paths("clips")]
    clips = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))["train"]
    assert sorted(clips["clip_id"]) == sorted(corpus.arrow("clips")["clip_id"].to_pylist())


def test_the_dataset_card_has_features_and_licences_and_escapes_them(corpus: Corpus, out: Path) -> None:
    import yaml

    export(corpus, out, "parquet")
    _, front, text = (out / "README.md").read_text().split("---\n", 2)
    matter = yaml.safe_load(front)
    assert [config["config_name"] for config in matter["configs"]] == ["clips", "poses", "masks", "tracks", "media"]
    assert matter["license"] == "other"
    assert "- unknown: 4 sources" in text
    assert "| `background_motion` | double | frame widths/s |" in text
    assert "&lt;score>_low" in text


def test_webdataset_reads_the_shards_back(corpus: Corpus, out: Path) -> None:
    webdataset = pytest.importorskip("webdataset")

    export(corpus, out, "webdataset")
    (shard,) = out.glob("train/*.tar")
    clips = by_id(corpus)
    for sample in webdataset.WebDataset(str(shard), shardshuffle=False):
        clip = clips.pop(sample["__key__"])
        annotation, tracks = clip.annotation(), _load(sample["tracks.npz"])
        assert sample["mp4"] == clip.media().video
        assert json.loads(sample["json"])["camera"] == clip.row["camera"]
        assert (tracks["points"] == annotation.tracks.xy_NT2).all()
        assert (tracks["visible"] == annotation.tracks.visible_NT).all()
        poses, masks = _load(sample["poses.npz"]), json.loads(sample["masks.json"])
        assert len(poses["keypoints"]) == len(masks["counts"]) == len(annotation.persons)
        for person, xy_TJ2, rle in zip(annotation.persons, poses["keypoints"], masks["counts"], strict=True):
            assert np.array_equal(xy_TJ2, person.pose.xy_TJ2, equal_nan=True)
            assert tuple(rle) == person.mask.rle
    assert not clips


def test_equal_clips_give_equal_shards(corpus: Corpus, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export(corpus, tmp_path / name, "webdataset")
    ((a,), (b,)) = (sorted((tmp_path / name).glob("train/*.tar")) for name in ("a", "b"))
    assert (a.name, a.read_bytes()) == (b.name, b.read_bytes())


def test_moores_meta_names_pairs_of_videos_that_run_alike(corpus: Corpus, out: Path) -> None:
    export(corpus, out, "moore")
    pairs = json.loads((out / "train_meta.json").read_text())
    assert len(pairs) == 4
    for pair in pairs:
        assert video_frames(Path(pair["video_path"])) == video_frames(Path(pair["kps_path"])) == pair["end_frame"] == 12


def test_the_drawn_poses_lie_on_the_people(corpus: Corpus, out: Path) -> None:
    export(corpus, out, "moore", where="person_count >= 1")
    clip = next(clip for clip in corpus.clips() if clip.annotation().persons)
    with av.open(str(out / "poses" / f"{clip.clip_id}.mp4")) as container:
        drawn_HW3 = next(container.decode(video=0)).to_ndarray(format="rgb24")
    ink_HW = drawn_HW3.max(-1) > 100
    people_HW = clip.arrays().masks_PTHW[:, 0].any(0)
    near_HW = cv2.dilate(people_HW.view(np.uint8), np.ones((11, 11), np.uint8)) > 0  # limbs are drawn 8 px wide
    assert ink_HW.sum() > 20
    assert (ink_HW & near_HW).sum() / ink_HW.sum() > 0.85
    assert near_HW.mean() < 0.6


def test_tap_vid_files_open_without_pickle_and_give_the_tracks_back(corpus: Corpus, out: Path) -> None:
    export(corpus, out, "tapvid")
    for clip in corpus.clips():
        with np.load(out / "train" / f"{clip.clip_id}.npz", allow_pickle=False) as file:
            data = dict(file)
        tracks = clip.annotation().tracks
        assert data["video"].shape == (12, 256, 256, 3)
        assert data["points"].dtype == np.float32
        places_px = data["points"] * [data["width"], data["height"]] - 0.5
        np.testing.assert_allclose(places_px, tracks.xy_NT2, atol=1e-4)
        assert (data["occluded"] == ~tracks.visible_NT).all()


def test_rerun_reads_its_recording_back(corpus: Corpus, out: Path) -> None:
    rerun = pytest.importorskip("rerun")

    export(corpus, out, "rerun")
    clip = next(clip for clip in corpus.clips() if clip.annotation().persons)
    annotation = clip.annotation()
    chunks = _chunks(rerun, out / "train" / f"{clip.clip_id}.rrd")
    assert {"/video", "/video/points", "/video/person_0/joints", "/video/person_0/mask"} <= set(chunks)
    shown_TN = (annotation.tracks.visible_NT & ~annotation.tracks.on_person_NT).T
    places = _column(chunks["/video/points"], "positions")
    assert [len(row) for row in places] == shown_TN.sum(1).tolist()
    want = annotation.tracks.xy_NT2[shown_TN[5], 5]
    np.testing.assert_allclose(np.array(places[5]).reshape(-1, 2), want)
    (video,) = _column(chunks["/video"], "AssetVideo:blob")
    assert bytes(_flat(video)) == clip.media().video


def test_croissant_metadata_is_valid_and_reads_the_records(corpus: Corpus, out: Path) -> None:
    croissant = pytest.importorskip("mlcroissant")

    export(corpus, out, "parquet")
    dataset = croissant.Dataset(jsonld=str(out / "croissant.json"))
    assert not dataset.metadata.ctx.issues.errors
    names = {record_set.uuid.partition("/")[0]: record_set.uuid for record_set in dataset.metadata.record_sets}
    assert set(names) == {"clips", "poses", "masks", "tracks", "media"}
    records = list(dataset.records(names["tracks"]))
    stored = {row["clip_id"]: row["x"] for row in corpus.arrow("tracks").to_pylist()}
    column = f"{names['tracks']}/x"
    assert {_text(r[f"{names['tracks']}/clip_id"]): list(r[column]) for r in records} == stored


def _offline_datasets(monkeypatch: pytest.MonkeyPatch, home: Path) -> Any:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr("datasets.config.HF_DATASETS_OFFLINE", True)
    monkeypatch.setitem(os.environ, "HF_HOME", str(home))
    datasets.disable_progress_bars()
    return datasets


def _load(content: Any) -> dict[str, Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return dict(file)


def _chunks(rerun: Any, path: Path) -> dict[str, list[Any]]:
    chunks: dict[str, list[Any]] = {}
    for chunk in rerun.chunk.RrdReader(path).stream():
        chunks.setdefault(chunk.entity_path, []).append(chunk.to_record_batch())
    return chunks


def _column(batches: list[Any], name: str) -> list[Any]:
    for batch in batches:
        for column in batch.schema.names:
            if name in column:
                return batch.column(column).to_pylist()
    raise AssertionError(f"no column {name} in {[batch.schema.names for batch in batches]}")


def _flat(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else value
