"""What one decode costs: CPU seconds of the Decode stage against a bare PyAV decode of the same file.

    python infra/benchmarks/decode_cost.py [VIDEO] [--repeats 3]

VIDEO (720p H.264, say) is repeated, without being encoded again, to three minutes; without one, synthetic
motion is. CPU seconds are user + system of a subprocess, all threads; the least of the repeats counts.
The ratio leaves out what each subprocess spends before its first frame; that is reported by itself.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

SECONDS = 180
"""Long enough that memory touched for the first time does not count for much."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path, help="real footage to repeat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", choices=["bare", "stage"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure, options.video)))
        return
    from infra.benchmarks.long_video import repeat_packets

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.mp4"
        repeat_packets(options.video or synthesised(Path(folder) / "short.mp4"), path, SECONDS)
        compare(path, options.repeats)


def compare(path: Path, repeats: int) -> None:
    """Run both, in turn, so that whatever else the machine does falls on both."""
    runs: dict[str, list[dict[str, float]]] = {"bare": [], "stage": []}
    for _ in range(repeats):
        for kind, results in runs.items():
            command = [sys.executable, __file__, str(path), "--measure", kind]
            results.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    best = {kind: min(results, key=lambda result: result["cpu_s"]) for kind, results in runs.items()}
    for kind, result in best.items():
        per_frame = 1000 * result["cpu_s"] / result["frames"]
        print(
            f"{kind:6s} {result['cpu_s']:7.2f} CPU s for {result['frames']:.0f} frames, {per_frame:.2f} ms a frame; "
            f"start-up {result['startup_s']:.2f} CPU s; {result['wall_s']:.1f} s wall; {result['rss_mb']:.0f} MB"
        )
    print(f"ratio  {best['stage']['cpu_s'] / best['bare']['cpu_s']:7.2f}")


def measure(kind: str, path: Path) -> dict[str, float]:
    """Figures of this process. startup_s: CPU from the start of Python to the first frame."""
    frames = bare_frames(path) if kind == "bare" else stage_frames(path)
    count = next(frames)
    startup, started = cpu_seconds(), time.perf_counter()
    for reached in frames:
        count = reached
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall = time.perf_counter() - started
    return {
        "cpu_s": cpu_seconds() - startup,
        "startup_s": startup,
        "wall_s": wall,
        "frames": count,
        "rss_mb": peak,
    }


def bare_frames(path: Path) -> Iterator[int]:
    """Frames decoded so far, by PyAV alone."""
    import av

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for index, _ in enumerate(container.decode(stream), 1):
            yield index


def stage_frames(path: Path) -> Iterator[int]:
    """1 at the first frame, then the frames of the whole source when the stage is through."""
    from schemas.config import Config
    from schemas.outcomes import Heartbeat
    from schemas.records import Source, SourceReport
    from transforms.decode.stage import Decode

    stage = Decode(Config())
    stage.setup()
    first = True
    for outcome in stage.process(Source(str(path), "0" * 64, path.stat().st_size)):
        if isinstance(outcome.item, Heartbeat) and first:
            first = False
            yield 1
        elif isinstance(outcome.item, SourceReport):
            yield outcome.item.frames_decoded
        del outcome
    stage.teardown()


def cpu_seconds() -> float:
    """User and system CPU of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def synthesised(path: Path) -> Path:
    """20 s of 720p: a camera gliding over textures, with a cut."""
    from tests.video_files import cut, moving, write_video

    shots = (moving(250, 720, 1280, seed=n, velocity=(3.0, 1.0)) for n in range(2))
    return write_video(path, cut(*shots), options={"crf": "21"})


if __name__ == "__main__":
    main()
