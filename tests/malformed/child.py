"""Decoding in a child process, as workers do it: what kills or stalls the child becomes a verdict in the parent."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.command_line import REPOSITORY

MEMORY_BYTES = 1200 * 2**20


@dataclass(frozen=True)
class Decoded:
    """What became of a file. outcome: a reason, or `done`; peak_rss_bytes and seconds: what it cost."""

    outcome: str
    frames: int = 0
    clips: int = 0
    seconds: float = 0.0
    peak_rss_bytes: int = 0
    duration_s: float | None = None


class Decoder:
    """A child that decodes one file after the other; a new one takes over when it dies. deaths: how often that was."""

    def __init__(self, limit_s: float = 10.0) -> None:
        self._limit_s = limit_s
        self._child: subprocess.Popen[str] | None = None
        self.deaths = 0

    def decode(self, path: Path) -> Decoded:
        child = self._child or self._start()
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(json.dumps(str(path)) + "\n")
        child.stdin.flush()
        ready, _, _ = select.select([child.stdout], [], [], self._limit_s)
        line = child.stdout.readline() if ready else ""
        if line:
            return Decoded(**json.loads(line))
        self.close()
        self.deaths += 1
        return Decoded("crashed" if ready else "stalled")

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None

    def _start(self) -> subprocess.Popen[str]:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.malformed.child"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            text=True,
        )
        assert self._child.stdout is not None
        self._child.stdout.readline()  # imports are no file's fault
        return self._child


def main() -> None:
    from schemas.config_loading import load_config
    from transforms.decode.confinement import confine
    from transforms.decode.stage import Decode

    stage = Decode(load_config(settings=("clips.min_s=0.4", "clips.max_s=2", "frames.short_side=96")))
    stage.setup()
    confine(MEMORY_BYTES)
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_decoded(stage, json.loads(line))), flush=True)


def _decoded(stage: Any, path: str) -> dict[str, Any]:
    from schemas.records import Clip, Source, SourceReport
    from transforms.stage import run_stage

    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    started, clips, report = time.perf_counter(), 0, None
    for outcome in run_stage(stage, Source(path, "ab" * 32, 1)):
        clips += isinstance(outcome.item, Clip)
        report = outcome.item if isinstance(outcome.item, SourceReport) else report
        error = getattr(outcome, "error", "")
        del outcome
    assert report is not None, error
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return {
        "outcome": str(report.reason or report.verdict),
        "frames": report.frames_decoded,
        "clips": clips,
        "seconds": time.perf_counter() - started,
        "peak_rss_bytes": int(peak.split()[1]) * 1024,
        "duration_s": report.duration_s,
    }


if __name__ == "__main__":
    main()
