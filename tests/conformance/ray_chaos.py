"""A run on a Ray cluster of its own while processes or a node are taken away; in a process of its own, see its test.

Prints one line of JSON: what was killed, and how often each clip was delivered.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing

import psutil

from pipelines.engines.ray.engine import RayEngine
from pipelines.events import Event, PartDone, SourceDone
from pipelines.flow import Flow
from schemas.config import LimitsConfig, RayConfig
from tests.pipelines.engine_stages import Decode, ListWriter, Work, task
from tests.pipelines.gpu_stages import CountFrames, OnGpu, Takes

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
CLIPS = 8


def run(engine: RayEngine, sources: int, seconds_a_clip: float, begin: Callable[[], None]) -> list[Event]:
    """begin: called with the first event, when all is under way."""
    stages = (Decode(), Takes(seconds_a_clip), OnGpu(), CountFrames(), Work())
    flow = Flow(stages, ListWriter(), clips_per_part=2)
    with closing(engine), closing(engine.run(flow, [task(f"{n}?clips={CLIPS}") for n in range(sources)])) as events:
        first = next(events)
        begin()
        return [first, *events]


def kill_at_random(kills: int, seconds: float, killed: Counter[str]) -> None:
    """SIGKILL supervisors, annotators and worker processes of this machine, at random moments."""
    chance = random.Random(7)
    moments = sorted(chance.uniform(0.1, 1.0) * seconds for _ in range(kills))
    start = time.monotonic()
    for moment in moments:
        time.sleep(max(0.0, start + moment - time.monotonic()))
        while not (victims := _victims()):
            time.sleep(0.2)
        kind, process = chance.choice(victims)
        os.kill(process.pid, signal.SIGKILL)
        killed[kind] += 1


def _victims() -> list[tuple[str, psutil.Process]]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        for kind in ("ray::Supervisor", "ray::Annotator", "worker_main"):
            if kind in line:
                found.append((kind, process))
    return found


def report(events: list[Event], **more: object) -> None:
    times = Counter(c.clip_id for e in events if isinstance(e, PartDone) for c in e.part[1])
    verdicts = Counter(e.report.verdict for e in events if isinstance(e, SourceDone))
    print(json.dumps({"clips": len(times), "most_often": max(times.values()), "verdicts": verdicts, **more}))


def kills(count: int, sources: int, seconds_a_clip: float) -> None:
    import ray

    ray.init(address="local", num_cpus=4, num_gpus=1, include_dashboard=False, log_to_driver=False, logging_level=40)
    killed: Counter[str] = Counter()
    seconds = sources * CLIPS * seconds_a_clip / 2
    thread = threading.Thread(target=kill_at_random, args=(count, seconds, killed), daemon=True)
    started = time.monotonic()
    engine = RayEngine(2, limits=LimitsConfig(attempts=10))
    events = run(engine, sources, seconds_a_clip, thread.start)
    thread.join(timeout=60)
    report(events, killed=killed, seconds=round(time.monotonic() - started))
    ray.shutdown()


def node(sources: int, seconds_a_clip: float) -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "num_gpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=2, num_gpus=1)
    cluster.wait_for_nodes()
    engine = RayEngine(3, RayConfig(address=cluster.address), LimitsConfig(attempts=10))
    timer = threading.Timer(
        sources * CLIPS * seconds_a_clip / 9, lambda: cluster.remove_node(second, allow_graceful=False)
    )
    events = run(engine, sources, seconds_a_clip, timer.start)
    timer.join()
    report(events, nodes_left=len(cluster.list_all_nodes()))
    cluster.shutdown()


if __name__ == "__main__":
    what, *numbers = sys.argv[1:]
    if what == "kills":
        kills(int(numbers[0]), int(numbers[1]), float(numbers[2]))
    else:
        node(int(numbers[0]), float(numbers[1]))
