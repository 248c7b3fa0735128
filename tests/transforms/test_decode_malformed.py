"""A verdict from the enumeration for every kind of malformed or unusual media, within bounds of time and memory."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.reasons import SourceReason
from tests.malformed.child import Decoder
from tests.malformed.kinds import FRAMES, KINDS, Kind
from tests.malformed.scripts import HOSTILE_NAMES, SCRIPTS
from tests.transforms.decoding import decode
from tests.video_files import moving, write_video

VERDICTS = {str(reason) for reason in SourceReason} | {"done"}


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.close()


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind.name: kind.make(tmp_path_factory.mktemp(kind.name)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_gets_a_verdict_in_time_and_memory(decoder: Decoder, media: dict[str, Path], kind: Kind) -> None:
    found = decoder.decode(media[kind.name])
    assert found.outcome in VERDICTS
    assert found.outcome in kind.verdicts
    assert found.peak_rss_bytes < 600e6
    assert found.seconds < 10


def test_all_kinds_together_are_small(media: dict[str, Path]) -> None:
    assert len(KINDS) + len(SCRIPTS) + len(HOSTILE_NAMES) > 50
    assert sum(path.stat().st_size for path in media.values()) < 5e6


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("ending", ["mp4", "m3u8"])
def test_a_script_opens_no_file_and_calls_no_host(decoder: Decoder, tmp_path: Path, script: str, ending: str) -> None:
    """The file it names is a pipe, which would hold up for ever whoever opens it."""
    canary = tmp_path / "canary.mp4"
    os.mkfifo(canary)
    with socket.create_server(("127.0.0.1", 0)) as port:
        path = tmp_path / f"v.{ending}"
        path.write_text(SCRIPTS[script].format(canary=canary, port=port.getsockname()[1]))
        assert decoder.decode(path).outcome == "not_video"
        port.settimeout(0.05)
        with pytest.raises(TimeoutError):
            port.accept()


def test_an_opener_without_our_lists_is_held_up_by_the_canary(tmp_path: Path) -> None:
    """What the test above rests on."""
    canary, script = tmp_path / "canary.mp4", tmp_path / "v.mp4"
    os.mkfifo(canary)
    script.write_text(SCRIPTS["ffconcat"].format(canary=canary))
    opening = f"import av; av.open({str(script)!r}, options={{'safe': '0'}})"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", opening], check=False, timeout=2, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_are_only_names(decoder: Decoder, tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / "v.mp4", moving(10)).rename(tmp_path / name)
    assert decoder.decode(path).outcome == "done"
    assert [found.name for found in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("setting", "value", "frames"),
    [("max_frames", 10, 10), ("max_duration_s", 0.8, 21), ("max_decode_s", 1e-9, 0), ("max_bytes", 1000, 0)],
)
def test_reading_stops_at_a_limit_and_says_which(tmp_path: Path, setting: str, value: float, frames: int) -> None:
    path = write_video(tmp_path / "v.mp4", moving(FRAMES))
    clips, report = decode(path, **{f"limits.{setting}": value, "clips.min_s": 0.3, "clips.max_s": 0.6})
    assert (report.verdict, report.reason, report.frames_decoded) == ("rejected", "too_large", frames)
    assert setting in (report.detail or "")
    assert all(clip.span.end_frame <= frames for clip in clips)
