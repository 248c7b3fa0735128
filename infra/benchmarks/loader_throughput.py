"""Training windows a second out of a corpus, beside bare decoding of the same frames.

Run: python -m infra.benchmarks.loader_throughput CORPUS [--size 256] [--frames 16] [--windows 64] [--workers 2]

Every window is drawn anew: some frames of a random clip, and one other frame of it. Three ways lead to the same frames
of the same clips, with one thread a process; each opens the video of each window, seeks, and decodes every frame from
the key frame before a wanted one:

bare      PyAV alone, as its documentation shows, over stored videos that lie in memory already; pictures are dropped
rgb       the same, and each wanted frame as an RGB array of the video's size
data set  what training gets: rows found and read from the corpus's Parquet files with their checksums verified, frames
          decoded, cropped, resized and converted, masks, joints and chosen points, as one batch of tensors of bytes

In this process the three take turns batch by batch (CPU seconds, which other work on the machine disturbs little); in
worker processes, which run already, they take turns round by round (wall seconds; median of the rounds' ratios). There,
a batch is counted when it has reached this process. Ratio: the time of a bare way over the data set's; 1 means as fast.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import av
from av.video.frame import VideoFrame

from pipelines.training_data.dataset import ClipDataset, Share
from pipelines.training_data.stream import START_METHOD, ClipStream, one_thread, packed_batches
from schemas.records import Media
from transforms.training_clips.draw import ClipSettings, Draw
from transforms.training_clips.packing import PackedBatch

BATCH = 4
WARM = 2
"""Batches of each worker before it is measured."""
Job = tuple[Media, Draw]


def jobs(dataset: ClipDataset, windows: int) -> list[Job]:
    """What a bare decoder is given: the videos of the drawn clips, and the draws."""
    media: dict[str, Media] = {}
    listed = []
    for index in range(windows):
        window = dataset.window(0, index)
        if window.clip_id not in media:
            media[window.clip_id] = dataset.media(window.clip_id)
        listed.append((media[window.clip_id], window.draw))
    return listed


def decoded(job: Job) -> Iterator[VideoFrame]:
    """The wanted frames of one window."""
    media, draw = job
    with av.open(io.BytesIO(media.video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        ticks = float(1 / media.fps / stream.time_base)
        keys = [round(entry.timestamp / ticks) for entry in stream.index_entries if entry.is_keyframe]
        at, frames = 0, container.decode(stream)
        for index in sorted({*draw.index_W, draw.other}):
            key = max(key for key in keys if key <= index)
            if key > at:
                container.seek(round(key * ticks), stream=stream)
                frames = container.decode(stream)
            for frame in frames:
                at = round(frame.pts / ticks) + 1
                if at > index:
                    yield frame
                    break


def bare(job: Job) -> int:
    """Decode and drop."""
    return sum(1 for _ in decoded(job))


def to_rgb(job: Job) -> int:
    """Decode to arrays and drop them."""
    return sum(len(frame.to_ndarray(format="rgb24")) > 0 for frame in decoded(job))


def in_process(dataset: ClipDataset, listed: list[Job]) -> list[float]:
    """CPU seconds of the three ways."""
    stream = iter(ClipStream(dataset, BATCH))
    spent = [0.0, 0.0, 0.0]
    for start in range(0, len(listed), BATCH):
        batch = listed[start : start + BATCH]
        ways: list[Callable[[], object]] = [
            lambda batch=batch: list(map(bare, batch)),
            lambda batch=batch: list(map(to_rgb, batch)),
            lambda: next(stream).release(),
        ]
        for number, way in enumerate(ways):
            at = time.process_time()
            way()
            spent[number] += time.process_time() - at
    return spent


def in_workers(dataset: ClipDataset, listed: list[Job], workers: int, rounds: int) -> list[list[float]]:
    """Wall seconds of the three ways in so many processes, for each round."""
    spent = []
    for _ in range(rounds):
        seconds = []
        for decode in (bare, to_rgb):
            with ProcessPoolExecutor(workers, get_context(START_METHOD)) as pool:
                list(pool.map(decode, listed[: 2 * workers]))
                at = time.perf_counter()
                list(pool.map(decode, listed, chunksize=BATCH))
                seconds.append(time.perf_counter() - at)
        with closing(packed_batches(ClipStream(dataset, BATCH), workers)) as batches:
            counted = len(listed) // BATCH
            # Workers run ahead: as many batches lie ready at the end as at the beginning.
            _receive(islice(batches, WARM * workers))
            at = time.perf_counter()
            _receive(islice(batches, counted))
            seconds.append(time.perf_counter() - at)
        spent.append(seconds)
    return spent


def _receive(batches: Iterable[PackedBatch]) -> None:
    for batch in batches:
        batch.release()


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--windows", type=int, default=64, help=f"a multiple of the batch of {BATCH}")
    parser.add_argument("--workers", type=int, default=2, help="0: only in this process")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    one_thread(0)
    settings = ClipSettings(arguments.size, arguments.size, arguments.frames)
    dataset = ClipDataset([Share(arguments.corpus)], settings, seed=1)
    listed = jobs(dataset, arguments.windows)
    sizes = sorted({(media.width, media.height) for media, _ in listed})
    print(f"{len(listed)} windows of {settings.frames} frames, {settings.width} px, out of {sizes}")
    name, rounds = "CPU s, one process", [in_process(dataset, listed)]
    print(_line(name, rounds))
    if arguments.workers:
        name = f"wall s, {arguments.workers} processes"
        print(_line(name, in_workers(dataset, listed, arguments.workers, arguments.rounds)))


def _line(name: str, rounds: list[list[float]]) -> str:
    plain, rgb, whole = (median(seconds) for seconds in zip(*rounds, strict=True))
    to_plain, to_colour = (median(seconds[way] / seconds[2] for seconds in rounds) for way in (0, 1))
    return (
        f"{name:22} bare {plain:6.2f}  rgb {rgb:6.2f}  data set {whole:6.2f}"
        f"  ratio to bare {to_plain:.2f}, to rgb {to_colour:.2f}"
    )


if __name__ == "__main__":
    main()
