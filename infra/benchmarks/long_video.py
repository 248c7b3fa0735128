"""Long 720p H.264 files for the benchmarks: a walker out of real footage, then a moving scene without anybody, again
and again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import av
from av.video.frame import VideoFrame

from pipelines.demo import follow_walker
from pipelines.footage import fetch_footage
from tests.video_files import moving

WIDTH, HEIGHT, FPS = 1280, 720, 30
_SCENE_FRAMES = 900


def make_long_video(path: Path, seconds: float, period_s: float = 150.0) -> None:
    """Encode one period, then repeat its packets until the file is long enough. Last period may be cut short."""
    period = path.with_suffix(".period.mp4")
    _encode_period(period, round(min(period_s, seconds) * FPS))
    repeat_packets(period, path, seconds)
    period.unlink()


def repeat_packets(source: Path, target: Path, seconds: float) -> None:
    """Write `target` with the video packets of `source` over and over, time stamps going on, without re-encoding."""
    with av.open(str(target), "w") as output:
        with av.open(str(source)) as first:
            stream = output.add_stream_from_template(first.streams.video[0])
        offset = 0
        for _ in itertools.count():
            with av.open(str(source)) as container:
                video = container.streams.video[0]
                assert video.time_base is not None
                for packet in container.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    end = packet.pts + (packet.duration or 0)
                    packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, stream
                    output.mux(packet)
                offset += end if video.duration is None else video.duration
                if offset * video.time_base >= seconds:
                    return


def _encode_period(path: Path, frames: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "superfast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index, picture in enumerate(itertools.islice(_pictures(path.parent), frames)):
            picture.pts, picture.time_base = index, 1 / stream.average_rate if stream.average_rate else None
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _pictures(folder: Path) -> Iterator[VideoFrame]:
    walker = follow_walker(fetch_footage()[0], folder / "walker.mp4")
    with av.open(str(walker)) as container:
        for picture in container.decode(video=0):
            yield picture.reformat(WIDTH, HEIGHT, "yuv420p")
    for seed in itertools.count():
        for rgb in moving(_SCENE_FRAMES, HEIGHT, WIDTH, seed=seed, velocity=(3.0, 1.0)):
            yield VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
