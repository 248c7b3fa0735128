"""How much slower than bare decoding the training data set is: windows a second, with the same frames decoded.

Run: python -m infra.benchmarks.loader_throughput CORPUS --size 256 --frames 16 --windows 64
Bare: the stored videos are in memory, and PyAV decodes the frames of the same draws, from their key frames on, into
nothing. Data set: rows read from Parquet, frames decoded, cropped, converted and resized, masks, points, one batch.
Both by turns in this process (CPU seconds), then in as many worker processes as given (wall seconds).
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from pipelines.training_data.dataset import ClipDataset, Share
from pipelines.training_data.stream import START_METHOD, ClipStream, one_thread, packed_batches
from schemas.arrays import U8
from schemas.records import Media
from transforms.training_clips.decoding import decode_some
from transforms.training_clips.draw import ClipSettings, Draw

BATCH = 4
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


def nothing(y: U8, u: U8, v: U8) -> U8:
    """Keep no pixel."""
    return y[:0]


def decode(job: Job) -> int:
    """Bare decoding of one window."""
    media, draw = job
    return len(decode_some(media.video, media.fps, {*draw.index_W, draw.other}, nothing))


def in_process(dataset: ClipDataset, listed: list[Job]) -> tuple[float, float]:
    """CPU seconds of bare decoding and of the data set, by turns."""
    bare = whole = 0.0
    stream = iter(ClipStream(dataset, BATCH))
    for start in range(0, len(listed), BATCH):
        at = time.process_time()
        for job in listed[start : start + BATCH]:
            decode(job)
        between = time.process_time()
        next(stream)
        bare, whole = bare + between - at, whole + time.process_time() - between
    return bare, whole


def in_workers(dataset: ClipDataset, listed: list[Job], workers: int) -> tuple[float, float]:
    """Wall seconds of bare decoding and of the data set in so many processes that run already."""
    with ProcessPoolExecutor(workers, get_context(START_METHOD)) as pool:
        list(pool.map(decode, listed[: 2 * workers]))
        at = time.perf_counter()
        list(pool.map(decode, listed, chunksize=BATCH))
        bare = time.perf_counter() - at
    batches = packed_batches(ClipStream(dataset, BATCH), workers)
    prefetched = 2 * workers
    for _ in range(prefetched):
        next(batches)
    at = time.perf_counter()
    for _ in range(len(listed) // BATCH):
        next(batches)
    return bare, time.perf_counter() - at


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--windows", type=int, default=64, help="a multiple of the batch of 4")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    one_thread(0)
    settings = ClipSettings(arguments.size, arguments.size, arguments.frames)
    dataset = ClipDataset([Share(arguments.corpus)], settings, seed=1)
    listed = jobs(dataset, arguments.windows)
    first = listed[0][0]
    print(
        f"{len(listed)} windows of {settings.frames} frames, {settings.width} px out of {first.width} x {first.height}"
    )
    for name, (bare, whole) in (
        ("CPU s, one process", in_process(dataset, listed)),
        (f"wall s, {arguments.workers} processes", in_workers(dataset, listed, arguments.workers)),
    ):
        print(f"{name:24} bare {bare:6.2f}  data set {whole:6.2f}  ratio {bare / whole:.2f}")


if __name__ == "__main__":
    main()
