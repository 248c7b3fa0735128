from __future__ import annotations

import hashlib
import os
from pathlib import Path

import av
import numpy as np
import pytest

from schemas.outcomes import Failed, Kept
from transforms.fetch.fingerprint import Fingerprint, Fingerprinted, declared_duration_s
from transforms.stage import run_stage


def fingerprinted(path: Path) -> Fingerprinted:
    (outcome,) = run_stage(Fingerprint(), str(path))
    assert isinstance(outcome, Kept)
    assert isinstance(outcome.item, Fingerprinted)
    return outcome.item


def write_video(path: Path, frames: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10, width=64, height=48, pix_fmt="yuv420p")
        for index in range(frames):
            picture = np.full((48, 64, 3), index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def test_a_source_is_named_by_its_content_and_says_how_long_it_claims_to_be(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, 25)
    found = fingerprinted(path)
    assert found.source.uri == str(path)
    assert found.source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.source.size_bytes == path.stat().st_size
    assert found.declared_s == pytest.approx(2.5)


def test_content_longer_than_a_chunk_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"0123456789" * 300_000)
    assert fingerprinted(path).source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("content", [b"", b"no video at all\n", b"ffconcat version 1.0\nfile other.mp4\n"])
def test_a_file_that_is_no_video_has_a_fingerprint_but_no_duration(tmp_path: Path, content: bytes) -> None:
    write_video(tmp_path / "other.mp4", 10)
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    found = fingerprinted(path)
    assert found.source.size_bytes == len(content)
    assert found.declared_s is None


def test_sound_alone_has_no_duration_of_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 44100
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    assert declared_duration_s(str(path)) is None


def test_a_missing_file_fails_in_words(tmp_path: Path) -> None:
    (outcome,) = run_stage(Fingerprint(), str(tmp_path / "gone.mp4"))
    assert isinstance(outcome, Failed)
    assert outcome.item == str(tmp_path / "gone.mp4")
    assert outcome.error == "no such file"


def test_a_pipe_or_a_device_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    for path in (tmp_path / "pipe.mp4", Path("/dev/zero"), tmp_path):
        (outcome,) = run_stage(Fingerprint(), str(path))
        assert isinstance(outcome, Failed)
        assert outcome.error == "no regular file"


def test_a_name_that_is_no_utf8_is_stored_as_text_and_still_opened(tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.mp4")
    Path(name).write_bytes(b"x")
    found = fingerprinted(Path(name))
    assert found.source.uri.endswith("/\\udcff\n.mp4")
    assert Path(found.source.file).read_bytes() == b"x"
