from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines.corpus.check import CheckReport, check
from pipelines.corpus.committer import Committer
from pipelines.corpus.compact import compact
from pipelines.corpus.parts import PartWriter, write_rows
from pipelines.corpus.read import Corpus
from pipelines.corpus.redo import Batch, commit_batch
from schemas.config import Config
from schemas.errors import CorpusError
from schemas.records import Clip
from tests.pipelines.corpus_records import add_source, make_clip, make_corpus, make_source


def encoded(frames: int) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("h264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(frames):
            picture = np.full((48, 64, 3), 10 * i % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return out.getvalue()


def with_part(root: Path, clips: list[Clip]) -> CheckReport:
    with Committer(root, Config()) as committer:
        committer.add(PartWriter(root).write("part", clips))
    return check(root)


def with_row(root: Path, table: str, row: dict[str, Any]) -> CheckReport:
    """Commit one more row to a table, as a broken program might."""
    with Committer(root, Config()) as committer:
        file = write_rows(committer.layout, table, "stray", [row])
        commit_batch(committer.layout, committer.tables, Batch(1000, (file,)))
    return check(root)


def first_row(root: Path, table: str) -> dict[str, Any]:
    row: dict[str, Any] = Corpus(root).arrow(table).to_pylist()[0]
    return row


def problems(report: CheckReport) -> list[tuple[str, str]]:
    return [(problem.table, problem.what) for problem in report.problems]


def test_a_sound_corpus_has_no_problems_and_a_digest(tmp_path: Path) -> None:
    report = check(make_corpus(tmp_path))
    assert report.ok
    assert report.rows == {"sources": 2, "clips": 8, "poses": 12, "masks": 12, "tracks": 6, "media": 6}
    assert report.set_aside == {}, "a rejected clip has no rows to set aside"
    assert report.digest is not None
    assert report.as_json()["ok"] is True


def test_an_empty_corpus_is_sound(tmp_path: Path) -> None:
    with Committer(tmp_path, Config()):
        pass
    assert check(tmp_path).ok


def test_the_digest_depends_on_the_rows_alone(tmp_path: Path) -> None:
    def build(name: str, sources: list[str], parts_of: int) -> str | None:
        with Committer(tmp_path / name, Config(), parts_per_batch=parts_of) as committer:
            for source in sources:
                add_source(committer, source, parts_of=parts_of)
        return check(tmp_path / name).digest

    one = build("one", ["a", "b", "c"], 1)
    assert one == build("other order, other files", ["c", "a", "b"], 3)
    compact(tmp_path / "one")
    assert one == check(tmp_path / "one").digest
    assert one != build("less", ["a", "b"], 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda clip: replace(clip, scores=replace(clip.scores, luminance=0.5000001)),
        lambda clip: replace(clip, media=replace(clip.media, codec="hevc")),
        lambda clip: replace(clip, pts_T=(7, *clip.pts_T[1:])),
        lambda clip: replace(
            clip,
            annotation=replace(clip.annotation, track_annotator=replace(clip.annotation.track_annotator, name="x")),
        ),
        lambda clip: replace(
            clip,
            annotation=replace(
                clip.annotation,
                tracks=replace(clip.annotation.tracks, on_person_NT=~clip.annotation.tracks.on_person_NT),
            ),
        ),
    ],
)
def test_the_digest_sees_a_change_in_any_column(tmp_path: Path, change: Callable[[Clip], Clip]) -> None:
    clip = make_clip(make_source("a"), 0)
    before, after = with_part(tmp_path / "a", [clip]), with_part(tmp_path / "b", [change(clip)])
    assert before.ok and after.ok
    assert before.digest != after.digest


def test_a_flipped_byte_in_a_page_is_found_and_the_file_named(tmp_path: Path) -> None:
    path = Corpus(make_corpus(tmp_path)).paths("tracks")[0]
    column = pq.read_metadata(path).row_group(0).column(6)
    flip(path, column.data_page_offset + column.total_compressed_size - 3)
    report = check(tmp_path)
    assert report.digest is None
    assert [(p.subject, p.what) for p in report.problems] == [
        (f"tracks/{path.name}", "the content does not match the digest in its name")
    ]
    with pytest.raises(OSError, match="CRC"):
        Corpus(tmp_path).arrow("tracks")


def test_a_flipped_byte_in_a_footer_is_found(tmp_path: Path) -> None:
    path = Corpus(make_corpus(tmp_path)).paths("clips")[0]
    flip(path, path.stat().st_size - 100)
    assert problems(check(tmp_path))[0] == ("clips", "the content does not match the digest in its name")


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.write_bytes(content)


def test_a_truncated_and_a_missing_file_are_named(tmp_path: Path) -> None:
    corpus = Corpus(make_corpus(tmp_path))
    short, gone = corpus.paths("media")[0], corpus.paths("masks")[0]
    size = short.stat().st_size
    short.write_bytes(short.read_bytes()[:-10])
    gone.unlink()
    assert {(p.subject, p.what) for p in check(tmp_path).problems} == {
        (f"media/{short.name}", f"{size - 10} bytes long, not {size}"),
        (f"masks/{gone.name}", "missing"),
    }


def test_an_annotation_row_without_a_kept_clip_is_dangling(tmp_path: Path) -> None:
    stray = first_row(make_corpus(tmp_path), "poses") | {"clip_id": "0123_0_12"}
    report = with_row(tmp_path, "poses", stray)
    assert [(p.table, p.subject, p.what) for p in report.problems] == [
        ("poses", "0123_0_12", "dangling: no kept clip has this id")
    ]


def test_a_row_that_is_there_twice_is_found(tmp_path: Path) -> None:
    row = first_row(make_corpus(tmp_path), "media")
    assert problems(with_row(tmp_path, "media", row)) == [("media", "more than one row has this key")]


def test_a_kept_clip_without_media_or_tracks_is_found(tmp_path: Path) -> None:
    row = first_row(make_corpus(tmp_path), "clips") | {"clip_id": "0123_0_12"}
    expected = {("tracks", "missing for a kept clip"), ("media", "missing for a kept clip")}
    assert set(problems(with_row(tmp_path, "clips", row))) == expected


def test_arrays_that_do_not_fit_the_frames_are_found(tmp_path: Path) -> None:
    row = first_row(make_corpus(tmp_path), "tracks")
    row |= {"annotator": "other", "frames": 11, "visible": row["visible"][:-1]}
    found = problems(with_row(tmp_path, "tracks", row))
    assert ("tracks", "frames is 11, but the clip's is 12") in found
    assert ("tracks", "visible has 59 elements, not 55") in found


def test_a_pose_without_a_mask_is_found(tmp_path: Path) -> None:
    row = first_row(make_corpus(tmp_path), "poses") | {"person": 7}
    assert problems(with_row(tmp_path, "poses", row)) == [("masks", "masks of persons [0, 1], but poses of [0, 1, 7]")]


def test_a_video_that_is_not_what_its_digest_says_is_found(tmp_path: Path) -> None:
    clip = make_clip(make_source("a"), 0)
    assert clip.media is not None
    report = with_part(tmp_path, [replace(clip, media=replace(clip.media, sha256="0" * 64))])
    assert problems(report) == [("media", "the video does not match its sha256")]


def test_a_deep_check_counts_the_frames_that_really_decode(tmp_path: Path) -> None:
    import hashlib

    def clip_with(index: int, frames: int) -> Clip:
        clip, video = make_clip(make_source("a"), index), encoded(frames)
        assert clip.media is not None
        media = replace(clip.media, video=video, sha256=hashlib.sha256(video).hexdigest(), fps=Fraction(25))
        return replace(clip, media=media)

    assert with_part(tmp_path, [clip_with(0, 12), clip_with(1, 11)]).ok
    report = check(tmp_path, deep=True)
    assert report.videos_decoded == 2
    assert problems(report) == [("media", "the video decodes to 11 frames, not 12")]


def test_a_damaged_log_is_said_to_be_damaged(tmp_path: Path) -> None:
    layout = Corpus(make_corpus(tmp_path)).layout
    for entry in (layout.table("clips") / "_delta_log").iterdir():
        entry.unlink()
    with pytest.raises(CorpusError, match="log cannot be read"):
        check(tmp_path)
