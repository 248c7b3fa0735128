"""What the whole default curation costs, beside the bare networks it calls.

    python -m infra.benchmarks.curation_cost VIDEO...

Runs the stages in this process and measures, by CPU seconds of all threads: the whole, each stage, and inside it
the bare work of the models: tflite and ONNX inference and the optical flow of the tracker.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import onnxruntime
from ai_edge_litert.interpreter import Interpreter

from pipelines.chain import Chain
from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import PartWriter
from pipelines.curate import curation_stages
from pipelines.events import PartDone, SourceDone
from pipelines.flow import Flow
from pipelines.job import Task
from schemas.config_loading import load_config
from schemas.records import Source
from transforms.stage import Stage

MODELS = ("tflite inference", "ONNX inference", "optical flow")
cpu_s: Counter[str] = Counter()
calls: Counter[str] = Counter()
models_s: Counter[str] = Counter()
"""CPU seconds of the models by the stage that called them."""
running = [""]
"""The stage at work."""


def main(paths: list[str]) -> None:
    """Curate the files and print the table."""
    _time_calls(Interpreter, "invoke", "tflite inference")
    _time_calls(onnxruntime.InferenceSession, "run", "ONNX inference")
    _time_calls(cv2, "calcOpticalFlowPyrLK", "optical flow")
    config = load_config()
    stages = tuple(_timed_stage(stage) for stage in curation_stages(config))
    Chain(stages).setup()
    with tempfile.TemporaryDirectory() as folder, Committer(Path(folder) / "corpus", config) as committer:
        flow = Flow(stages, PartWriter(Path(folder) / "corpus"))
        started, wall = time.process_time(), time.perf_counter()
        video_s, kept = 0.0, 0
        for path in paths:
            for event in flow.run(Task(_source(Path(path)))):
                if isinstance(event, PartDone):
                    committer.add(event.part)
                    kept += event.kept
                elif isinstance(event, SourceDone):
                    video_s += event.report.duration_s or 0.0
        total, wall = time.process_time() - started, time.perf_counter() - wall
    _report(total, wall, video_s, kept)


def _report(total: float, wall: float, video_s: float, kept: int) -> None:
    bare = sum(cpu_s[name] for name in MODELS)
    print(f"{video_s:.1f} s of video, {kept} clips kept: {total:.1f} CPU s, {wall:.1f} s wall")
    print(f"per second of video: {total / video_s:.2f} CPU s, {wall / video_s:.2f} s wall")
    for name, seconds in cpu_s.most_common():
        print(f"  {name:20} {seconds:8.2f} CPU s {calls[name]:8} calls")
    print(f"whole curation / bare models: {total / bare:.2f}")
    print(f"annotation stage / its own bare models: {cpu_s['stage annotate'] / models_s['stage annotate']:.2f}")


def _timed_stage(stage: Stage[Any, Any]) -> Stage[Any, Any]:
    process, name = stage.process, f"stage {stage.name}"

    def timed(item: Any) -> Any:
        outcomes = iter(process(item))
        while True:
            running[0], started = name, time.process_time()
            outcome = next(outcomes, None)
            cpu_s[name] += time.process_time() - started
            calls[name] += 1
            if outcome is None:
                return
            yield outcome

    stage.process = timed  # type: ignore[method-assign]
    return stage


def _time_calls(owner: Any, name: str, label: str) -> None:
    inner: Callable[..., Any] = getattr(owner, name)

    def timed(*arguments: Any, **options: Any) -> Any:
        started = time.process_time()
        try:
            return inner(*arguments, **options)
        finally:
            seconds = time.process_time() - started
            cpu_s[label] += seconds
            models_s[running[0]] += seconds
            calls[label] += 1

    setattr(owner, name, timed)


def _source(path: Path) -> Source:
    return Source(str(path), hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1:])
