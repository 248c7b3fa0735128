"""What is measured against what: renders by their jobs, folders by names, parts of a corpus by source."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipelines.corpus.read import Corpus
from pipelines.evaluation.catalogue import families
from pipelines.evaluation.footage import read_video
from pipelines.evaluation.report import as_tree
from pipelines.evaluation.run import evaluate
from pipelines.evaluation.subjects import SELF, Subject, of_part, paired, rendered
from pipelines.export.splits import Splits
from schemas.errors import ConfigError, MediaError
from schemas.render_jobs import RenderJob
from tests.pipelines.evaluation.renders import copied, repeating, same, video, write_renders


def test_the_truth_of_a_job_is_the_clip_that_all_its_parts_are(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str]
) -> None:
    own, mixed = repeating(ids["pan"], 1.0), RenderJob(ids["pan"], ids["zoom"], ids["pan"])
    folder = write_renders(tmp_path / "renders", corpus, {own: same, mixed: same}, clip_frames=8)
    found = {subject.name: subject for subject in rendered(folder.root, SELF)}
    assert found[own.job_id].true_clip == ids["pan"] and found[own.job_id].has_truth
    assert not found[mixed.job_id].has_truth
    assert {subject.clip_frames for subject in found.values()} == {8}
    with pytest.raises(ConfigError, match="truth is no folder"):
        rendered(folder.root, str(tmp_path / "truth"))
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / f"{mixed.job_id}.mp4").write_bytes(video(corpus, ids["pan"]))
    given = {subject.name: subject for subject in rendered(folder.root, str(tmp_path / "truth"))}
    assert given[mixed.job_id].truth == tmp_path / "truth" / f"{mixed.job_id}.mp4"
    assert not given[own.job_id].has_truth
    done = evaluate([given[mixed.job_id]], corpus.root, families(["psnr"], disco=False), tmp_path / "report")
    assert done.results[0].value("psnr") > 35, "both are read as files are, not one as a corpus's clips are"


def write_pictures(folder: Path, film: np.ndarray) -> None:
    folder.mkdir(parents=True)
    for t, picture in enumerate(film):
        cv2.imwrite(str(folder / f"{t:04d}.png"), picture[..., ::-1])


def test_a_data_set_laid_out_like_tiktoks_is_the_truth_of_videos_by_their_number(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str]
) -> None:
    """TikTok_dataset/00335/images/0001.png beside masks and densepose, which are not looked at."""
    videos, truth = tmp_path / "videos", tmp_path / "TikTok_dataset"
    videos.mkdir()
    for number, (name, change) in {"00335": ("pan", same), "00336": ("zoom", copied)}.items():
        (videos / f"{number}.mp4").write_bytes(video(corpus, ids[name], change))
        true = tmp_path / "true.mp4"
        true.write_bytes(video(corpus, ids[name]))
        film = read_video(true)[:]
        write_pictures(truth / number / "images", film)
        write_pictures(truth / number / "masks", 0 * film)
    write_pictures(truth / "00337" / "images", film)
    (videos / "notes.txt").write_text("not a video")
    subjects = paired(videos, truth)
    assert [subject.name for subject in subjects] == ["00335", "00336"]
    done = evaluate(subjects, None, families(["psnr", "ssim", "tracks"], disco=False), tmp_path / "report")
    good, bad = done.results
    assert good.value("psnr") > 35 > 25 > bad.value("psnr")
    assert done.left_out == {"tracks": "no video has the job that made it"}
    assert as_tree(done)["metrics"]["psnr"]["worst"] == "00336"


def test_folders_that_do_not_fit_together_are_refused(tmp_path: Path, corpus: Corpus, ids: dict[str, str]) -> None:
    videos, truth = tmp_path / "videos", tmp_path / "truth"
    with pytest.raises(ConfigError, match="no folder"):
        paired(videos, truth)
    videos.mkdir()
    truth.mkdir()
    with pytest.raises(ConfigError, match="holds no video"):
        paired(videos, truth)
    (videos / "a.mp4").write_bytes(video(corpus, ids["pan"]))
    with pytest.raises(ConfigError, match="nothing named a"):
        paired(videos, truth)


def test_a_shorter_truth_is_compared_as_far_as_it_goes_and_said(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str]
) -> None:
    for name, change in {"made": same, "true": lambda yuv: yuv[:20]}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.mp4").write_bytes(video(corpus, ids["pan"], change))
    subjects = paired(tmp_path / "made", tmp_path / "true")
    done = evaluate(subjects, None, families(["psnr"], disco=False), tmp_path / "report")
    (figure,) = done.results[0].figures["psnr"]
    assert figure.value > 40 and figure.note == "the true video has 20 of 32 frames"


def test_a_part_of_a_corpus_holds_the_jobs_all_of_whose_sources_are_in_it(
    tmp_path: Path, corpus: Corpus, ids: dict[str, str]
) -> None:
    names = ("pan", "zoom", "still")
    jobs = [RenderJob(ids[a], ids[b], ids[c]) for a in names for b in names for c in names]
    jobs += [RenderJob(ids[a], ids[b], "pan:0.5") for a in names for b in names]
    subjects = [Subject(job.job_id, tmp_path, "", job=job) for job in jobs]
    splits = Splits.parse("train=0.5,test=0.5")
    part_of = {ids[name]: splits.of(corpus.clip(ids[name])["source_id"]) for name in names}
    for part in ("train", "test"):
        kept = {subject.name for subject in of_part(subjects, corpus, splits, part)}
        want = {j.job_id for j in jobs if {part_of.get(c, part) for c in (j.reference, j.pose, j.background)} == {part}}
        assert kept == want
    assert set(part_of.values()) == {"train", "test"}, "otherwise this shows nothing"
    with pytest.raises(ConfigError, match="train, test"):
        of_part(subjects, corpus, splits, "dev")


@pytest.mark.parametrize(("tag", "name"), [(1, "ITU709"), (6, "ITU601")])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuvj420p"])
def test_colours_of_a_file_are_those_that_players_show(tag: int, name: str, pixels: str, tmp_path: Path) -> None:
    import av

    red = np.zeros((65, 64, 3), np.uint8) if pixels == "yuv444p" else np.zeros((64, 64, 3), np.uint8)
    red[:] = (200, 40, 30)
    with av.open(str(tmp_path / "red.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "1"})
        stream.height, stream.width = red.shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.colorspace = tag
        frame = av.VideoFrame.from_ndarray(red, format="rgb24").reformat(format=pixels, dst_colorspace=name)
        frame.colorspace = tag
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    shown = read_video(tmp_path / "red.mp4")[:][0]
    assert shown.shape == (64, 64, 3)
    assert np.abs(shown.astype(int) - red[:64]).max() <= 6


def test_what_is_no_video_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"nothing of the kind")
    with pytest.raises(MediaError, match="not a video"):
        read_video(tmp_path / "a.mp4")
    (tmp_path / "folder").mkdir()
    with pytest.raises(MediaError, match="no frame"):
        read_video(tmp_path / "folder")
    (tmp_path / "folder" / "0.png").write_bytes(b"no picture")
    with pytest.raises(MediaError, match="cannot be read as a picture"):
        read_video(tmp_path / "folder")
