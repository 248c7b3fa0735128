"""One random clip, decoded and with all its annotations, beside a scan of the row groups for it.

python -m infra.benchmarks.random_access [--clips 5000] [--reads 50] [--scans 3] [--size 128] [--frames 48]

Both in this process, with the corpus open already. The scan reads every row group of the four tables that hold a clip
and keeps the rows of that clip; then it decodes and assembles the same arrays.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow.compute as pc

from infra.benchmarks.generated_corpus import generate
from pipelines.corpus.annotators import assemble
from pipelines.corpus.clips import ClipArrays
from pipelines.corpus.parquet import open_file
from pipelines.corpus.read import Corpus
from pipelines.corpus.rows import Row
from pipelines.corpus.unpack import media_of, rows_of
from transforms.encoding.h264 import decode_frames
from transforms.pixels import rgb


def scanned(corpus: Corpus, clip_id: str) -> tuple[int, int]:
    """Frames and persons of a clip, found by reading everything."""
    rows: dict[str, list[Row]] = {}
    for table in ("media", "poses", "masks", "tracks"):
        rows[table] = []
        for path in corpus.paths(table):
            with open_file(path) as parquet:
                for group in range(parquet.num_row_groups):
                    read = parquet.read_row_group(group, use_threads=False)
                    rows[table] += rows_of(read.filter(pc.equal(read["clip_id"], clip_id)))
    media = media_of(rows["media"][0])
    frames = decode_frames(media.video, media.fps)
    pictures = np.stack([rgb(frames, index) for index in range(len(frames))])
    annotation = assemble(rows["poses"], rows["masks"], rows["tracks"], corpus.preference, corpus.config)
    return len(pictures), len(annotation.persons)


def timed(work: Callable[[str], object], clip_ids: list[str]) -> list[float]:
    """Seconds for each clip."""
    spent_s = []
    for clip_id in clip_ids:
        started = time.perf_counter()
        work(clip_id)
        spent_s.append(time.perf_counter() - started)
    return spent_s


def main() -> None:
    """Print both, and how often one fits into the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("clips", 5000), ("reads", 50), ("scans", 3), ("size", 128), ("frames", 48)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus(generate(Path(folder) / "corpus", given.clips, given.clips, given.size, given.frames))
        started = time.perf_counter()
        clips = corpus.clips()
        opened_s = time.perf_counter() - started
        by_id = {clip.clip_id: clip for clip in clips}
        chosen = random.Random(7).sample(sorted(by_id), given.reads)

        def direct(clip_id: str) -> ClipArrays:
            return by_id[clip_id].arrays()

        one_s = timed(direct, chosen)
        all_s = timed(lambda clip_id: scanned(corpus, clip_id), chosen[: given.scans])
    print(
        f"{given.clips:,} clips of {given.frames} frames at {given.size} px; index of all clips: {opened_s:.2f} s, once"
    )
    print(f"one clip by its id: median {median(one_s) * 1e3:.0f} ms, slowest {max(one_s) * 1e3:.0f} ms")
    print(f"the same by a scan: median {median(all_s) * 1e3:.0f} ms; {median(all_s) / median(one_s):.0f} times as long")


if __name__ == "__main__":
    main()
