"""CPU seconds the command `curate` spends, over all its processes, until a worker has opened the video to decode it.

python -m infra.benchmarks.startup VIDEO
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

_POLL_S = 0.002


def main(video: Path) -> None:
    """Start the command, watch its processes, and end it when the decoder has the file."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from pipelines.cli import main; main()", "curate", str(video)]
        driver = psutil.Popen([*command, "--corpus", f"{folder}/corpus", "-q"], stdout=subprocess.DEVNULL)
        spent = _until_decoding(driver, video)
        driver.terminate()
        driver.wait()
    for name, seconds in spent.items():
        print(f"{name:22} {seconds:.2f} CPU s")
    print(f"{'to the first frame':22} {sum(spent.values()):.2f} CPU s")


def _until_decoding(driver: psutil.Popen, video: Path) -> dict[str, float]:
    """CPU by process: the driver, and its worker, which has no OpenCV yet when it opens the video to fingerprint it."""
    while driver.poll() is None:
        for worker in driver.children():
            try:
                times = worker.cpu_times()
                opened = any(file.path == str(video.resolve()) for file in worker.open_files())
                if opened and any("cv2" in mapped.path for mapped in worker.memory_maps()):
                    own = driver.cpu_times()
                    return {"driver": own.user + own.system, "worker": times.user + times.system}
            except psutil.Error:
                continue
        time.sleep(_POLL_S)
    raise SystemExit("the command ended before it decoded anything")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
