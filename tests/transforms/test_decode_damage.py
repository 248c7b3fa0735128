"""What is said of files that came damaged or end early, in the row of the source."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.transforms.decoding import decode
from tests.video_files import moving, write_video

FRAMES = 100


def flipped(path: Path, seed: int = 1, count: int = 200) -> Path:
    """Bytes turned over, but for the first fifth of the file."""
    data = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(count):
        data[chance.randrange(len(data) // 5, len(data))] ^= 255
    path.write_bytes(data)
    return path


def marks(path: Path) -> tuple[int, set[int | None]]:
    """Packets refused, and stamps of packets and pictures that FFmpeg itself marks as corrupt."""
    refused, marked = 0, set()
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            if packet.is_corrupt:
                marked.add(packet.pts)
            try:
                marked |= {frame.pts for frame in packet.decode() if frame.is_corrupt}
            except av.error.InvalidDataError:
                refused += 1
    return refused, marked


def test_packets_whose_pictures_came_damaged_are_counted_and_the_source_stays_done(tmp_path: Path) -> None:
    path = flipped(write_video(tmp_path / "v.ts", moving(FRAMES, velocity=(3.0, 1.0))))
    _, report = decode(path)
    refused, marked = marks(path)
    assert len(marked) > 1
    assert report.verdict == "done"
    assert report.damaged_packets == refused + len(marked)
    assert f"{len(marked)} packets came damaged" in (report.detail or "")


def test_a_packet_and_its_picture_are_counted_once(tmp_path: Path) -> None:
    """Transport packets that are missing mark the packet, and the decoder marks its picture."""
    path = write_video(tmp_path / "v.ts", moving(FRAMES, velocity=(3.0, 1.0)), options={"bf": "0"})
    packets = [path.read_bytes()[at : at + 188] for at in range(0, path.stat().st_size, 188)]
    pictures = [at for at, packet in enumerate(packets) if packet[1] & 0x1F == 1 and not packet[1] & 0x40]
    lost = set(pictures[len(pictures) // 2 :: 40])
    path.write_bytes(b"".join(packet for at, packet in enumerate(packets) if at not in lost))
    with av.open(str(path)) as container:
        corrupt = [packet.pts for packet in container.demux(video=0) if packet.is_corrupt]
    assert corrupt
    _, report = decode(path)
    refused, marked = marks(path)
    assert report.damaged_packets == refused + len(marked)


@pytest.mark.parametrize("ending", ["ts", "mkv", "mp4"])
def test_nothing_is_said_of_a_sound_file(tmp_path: Path, ending: str) -> None:
    _, report = decode(write_video(tmp_path / f"v.{ending}", moving(FRAMES), audio=True))
    assert (report.damaged_packets, report.detail) == (0, None)


def half(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize(("ending", "audio"), [("mkv", False), ("mkv", True), ("flv", False)])
def test_a_file_that_ends_early_says_where(tmp_path: Path, ending: str, audio: bool) -> None:
    path = half(write_video(tmp_path / f"v.{ending}", moving(FRAMES), audio=audio, options={"bf": "0"}))
    _, report = decode(path)
    assert report.verdict == "done"
    assert 1 < report.frames_decoded < FRAMES
    reached, promised = (report.detail or "").partition("the video ends at ")[2].removesuffix(" s").split(" s of ")
    assert float(reached) == pytest.approx(report.frames_decoded / 25, abs=0.1)
    assert float(promised) == pytest.approx(FRAMES / 25, abs=0.1)


def test_sound_or_a_last_picture_that_lasts_longer_is_no_early_end(tmp_path: Path) -> None:
    pictures = list(moving(50))
    longer = write_video(tmp_path / "sound.mkv", pictures[:10], audio=True)
    with av.open(str(longer)) as container:
        packets = [packet for packet in container.demux() if packet.size]
        path = tmp_path / "longer.mkv"
        with av.open(str(path), "w") as target:
            streams = {s.index: target.add_stream_from_template(s) for s in container.streams}
            for packet in packets:
                if packet.stream.type == "audio":
                    packet.pts = packet.dts = (packet.pts or 0) * 12
                packet.stream = streams[packet.stream.index]
                target.mux_one(packet)
    assert decode(path)[1].detail is None
    stamps = [*range(0, 2000, 40)]
    held = write_video(
        tmp_path / "held.mp4", [*pictures, pictures[-1]], pts=[*stamps, 6000], time_base=Fraction(1, 1000)
    )
    assert decode(held)[1].detail is None


@pytest.mark.parametrize("content", [b"this is no video\n" * 50, b"\0\0\0\x18ftypisom" + bytes(200)])
def test_a_file_that_cannot_be_read_is_described_without_numbers_and_paths(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(content)
    detail = decode(path)[1].detail or ""
    assert detail.endswith(": invalid data found when processing input")
    assert "Errno" not in detail
    assert path.name not in detail
    assert decode(tmp_path / "gone.mp4")[1].detail == "no such file"
