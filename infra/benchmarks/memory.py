"""Peak memory of a worker for a short and a long file: it must not grow with the length.

python -m infra.benchmarks.memory [MINUTES ...]      (default: 5 60)
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from infra.benchmarks.long_video import make_long_video


def main(minutes: list[float]) -> None:
    """Curate one file of each length and print the peak RSS of its worker."""
    with tempfile.TemporaryDirectory() as folder:
        peaks = [_peak_mb(Path(folder), length) for length in minutes]
    print(f"last / first: {peaks[-1] / peaks[0]:.3f}")


def _peak_mb(folder: Path, minutes: float) -> float:
    video, corpus = folder / f"{minutes:g}.mp4", folder / f"corpus-{minutes:g}"
    make_long_video(video, minutes * 60)
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "curate", str(video)]
    started = time.monotonic()
    run = subprocess.run(
        [*command, "--corpus", str(corpus), "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    done = json.loads(run.stdout)
    print(
        f"{minutes:g} min: {done['video_s']:.0f} s of video, {done['kept_clips']} of {done['clips']} clips kept, "
        f"worker peak {done['peak_rss_mb']} MB, {time.monotonic() - started:.0f} s",
        flush=True,
    )
    return float(done["peak_rss_mb"])


if __name__ == "__main__":
    main([float(m) for m in sys.argv[1:]] or [5.0, 60.0])
