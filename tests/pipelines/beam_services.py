"""Beam's own job service, in a process of its own: what Flink's job server is in production."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from schemas.outcomes import Outcome
from schemas.records import Clip
from tests.pipelines.engine_stages import Work

ROOT = Path(__file__).resolve().parents[2]
IN_SUBPROCESSES = (
    "--environment_type=beam:env:harness_subprocess_python:v1",
    f"--environment_config={sys.executable} -m apache_beam.runners.worker.sdk_worker_main",
    "--direct_num_workers=2",
)
"""Workers are children of the job service."""


@dataclass
class Gate(Work):
    """Does not finish a source's sixth clip before the gate is open."""

    gate: Path = Path()

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        while item.index == 5 and not self.gate.exists():
            time.sleep(0.01)
        yield from super().process(item)


@contextmanager
def job_service(folder: Path) -> Iterator[tuple[str, ...]]:
    """Pipeline options that reach a job service as long as the context lasts. folder: for its log."""
    port_file = folder / "port"
    command = [sys.executable, "-m", "apache_beam.runners.portability.local_job_service_main"]
    with (folder / "log").open("wb") as log:
        service = subprocess.Popen(
            [*command, "--port=0", f"--port_file={port_file}"], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    try:
        while not (port_file.exists() and port_file.read_text()):
            if service.poll() is not None:
                raise RuntimeError((folder / "log").read_text())
            time.sleep(0.05)
        yield "--runner=PortableRunner", f"--job_endpoint=localhost:{port_file.read_text()}"
    finally:
        for process in (*psutil.Process(service.pid).children(recursive=True), service):
            process.kill()
        service.wait()
