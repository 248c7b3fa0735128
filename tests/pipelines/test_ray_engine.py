"""What is particular to the Ray engine; what it shares with the others is in tests/conformance."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipelines.counts import Counts
from pipelines.engines.ray.engine import RayEngine
from pipelines.engines.ray.placement import Need, Node, place
from pipelines.engines.ray.segments import segments
from pipelines.events import Event, Notice, PartDone, SourceDone, Waiting
from pipelines.flow import Flow
from schemas.config import LimitsConfig, RayConfig
from schemas.errors import ConfigError, FiguregroundError, WeightsError
from schemas.records import Clip
from tests.command_line import REPOSITORY
from tests.pipelines.engine_stages import Decode, ListWriter, Screen, Square, Work, clip_ids, source, task
from tests.pipelines.gpu_stages import AlsoOnGpu, CountFrames, HugeOnGpu, MissingOnGpu, OnGpu
from transforms.stage import Resources

LENDING = Flow((Decode(), Screen(), OnGpu(), AlsoOnGpu(), CountFrames()), ListWriter(), clips_per_part=4)


@pytest.fixture
def engine(ray_cluster: None) -> Iterator[RayEngine]:
    with closing(RayEngine(2, limits=LimitsConfig(attempts=2))) as engine:
        yield engine


def clips(events: list[Event]) -> list[Clip]:
    return [clip for event in events if isinstance(event, PartDone) for clip in event.part[1]]


def verdicts(events: list[Event]) -> dict[str, tuple[str, str | None]]:
    done = [event.report for event in events if isinstance(event, SourceDone)]
    return {report.source.uri: (report.verdict, report.reason) for report in done}


def test_stages_are_cut_only_where_clips_move_to_a_gpu_and_back() -> None:
    parts = segments(LENDING.stages)
    assert [part.names for part in parts] == [("decode", "screen"), ("on_gpu", "also_on_gpu"), ("count_frames",)]
    assert [part.lent for part in parts] == [False, True, False]
    assert len(segments((Decode(), Screen(), Work()))) == 1


MEAN = {
    "dies?clips=7&gpu_kill=5": ("failed", "crashed"),
    "hangs?clips=7&gpu_hang=5": ("failed", "stalled"),
    "eats?clips=7&gpu_eat=5": ("failed", "crashed"),
}


@pytest.fixture(scope="module")
def lent(ray_cluster: None) -> list[Event]:
    """Events of a run that lends clips to annotators, some of which ruin theirs."""
    engine = RayEngine(2, limits=LimitsConfig(attempts=2, stall_s=10), memory_mb=600)
    with closing(engine.run(LENDING, map(task, ("a?clips=9&reject=3", "b?clips=5", *MEAN)))) as events:
        return list(events)


def test_clips_visit_the_gpu_in_another_process_and_come_home_to_their_frames(lent: list[Event]) -> None:
    worked = [clip for clip in clips(lent) if not clip.reject_reasons]
    assert len(worked) == 6 + 5 + 3 * 4
    assert all(clip.phash == clip.error for clip in worked)
    assert all(clip.camera.startswith("2/") for clip in worked)
    assert not {clip.phash for clip in worked} & {clip.camera.partition("/")[2] for clip in worked}


def test_a_clip_that_ruins_its_annotator_fails_its_source_alone(lent: list[Event]) -> None:
    assert verdicts(lent) == MEAN | {"a?clips=9&reject=3": ("done", None), "b?clips=5": ("done", None)}
    for name, count in {"a": 9, "b": 5, "dies": 4, "hangs": 4, "eats": 4}.items():
        indices = [clip.index for clip in clips(lent) if clip.source.uri.partition("?")[0] == name]
        assert indices == list(range(count))


def test_counts_of_lent_clips_are_those_of_the_delivered_ones(lent: list[Event]) -> None:
    counts = Counts()
    for event in lent:
        counts.add(event)
    stages = counts.as_dict()["stages"]
    assert stages["decode"]["kept"] == stages["screen"]["in"] == len(clips(lent))
    assert stages["on_gpu"]["in"] == stages["count_frames"]["kept"] == len(clips(lent)) - 3


def test_the_source_of_a_clip_that_ruins_its_annotator_says_how(lent: list[Event]) -> None:
    details = {e.report.source.uri: str(e.report.detail) for e in lent if isinstance(e, SourceDone)}
    assert "needed more than 600 MiB of memory" in details["eats?clips=7&gpu_eat=5"]
    assert "no progress for 10 s" in details["hangs?clips=7&gpu_hang=5"]
    for uri in MEAN:
        assert "its annotator had to be replaced 2 times" in details[uri]


def test_the_length_of_the_queue_before_the_annotators_is_told(lent: list[Event]) -> None:
    lengths = [event.items for event in lent if isinstance(event, Waiting) and event.stage == "on_gpu"]
    assert max(lengths) > 0
    assert lengths[-1] == 0


def test_a_lost_annotator_costs_the_source_nothing(ray_cluster: None) -> None:
    """Though every source may lose one worker only, three annotators are killed under each of them in turn."""
    engine = RayEngine(1, limits=LimitsConfig(attempts=2))
    events, killed = [], 0
    with closing(engine.run(LENDING, [task("a?clips=40")])) as running:
        for event in running:
            events.append(event)
            if isinstance(event, PartDone) and event.clip_ids and killed < 3:
                killed += 1
                os.kill(int(event.part[1][-1].phash), signal.SIGKILL)
    assert killed == 3
    assert verdicts(events) == {"a?clips=40": ("done", None)}
    delivered = [clip.clip_id for clip in clips(events)]
    assert len(delivered) == len(set(delivered)) == 40


def test_an_annotator_that_cannot_be_set_up_ends_the_run_with_its_own_words(engine: RayEngine) -> None:
    with pytest.raises(WeightsError, match="figureground weights fetch"):
        list(engine.run(Flow((Decode(), MissingOnGpu()), ListWriter()), [task("a?clips=1")]))


def test_an_error_that_ends_a_run_leaves_no_actor_behind_while_it_is_held(ray_cluster: None) -> None:
    import ray

    free = _until(ray.available_resources, lambda found: found.get("CPU") == ray.cluster_resources()["CPU"])
    with closing(RayEngine(2)) as engine, pytest.raises(WeightsError) as held:
        list(engine.run(Flow((Decode(), MissingOnGpu()), ListWriter()), [task("a?clips=1")]))
    assert held.value is not None  # its frames still know the actors
    assert _until(ray.available_resources, lambda found: found.get("CPU") == free["CPU"])


def _until(look: Callable[[], dict[str, float]], good: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """What is seen once it is good; pytest's own limit ends the wait."""
    while not good(seen := look()):
        time.sleep(0.1)
    return seen


def test_what_no_node_can_hold_is_refused_at_once_and_says_what_to_change(engine: RayEngine) -> None:
    with pytest.raises(ConfigError, match=r"no room for a worker of huge, which needs 1 CPUs, 8 GPUs.*--num-gpus"):
        list(engine.run(Flow((Decode(), HugeOnGpu()), ListWriter()), [task("a?clips=1")]))


def test_places_are_shared_so_that_every_kind_of_worker_has_one() -> None:
    decode, annotate = Need(("decode",), Resources(1, 0, 100)), Need(("annotate",), Resources(1, 0.25, 100))
    nodes = [Node(4, 1, 2**30), Node(2, 0, 2**30)]
    assert place([decode, annotate], nodes) == [2, 4]
    assert place([replace(decode, most=1), annotate], nodes) == [1, 4]
    with pytest.raises(ConfigError, match="beside the workers of the other stages"):
        place([decode, annotate], [Node(1, 1, 2**30)])
    with pytest.raises(ConfigError, match="Nodes offer: none"):
        place([decode], [])


def test_an_address_where_no_cluster_answers_is_an_error_that_names_it() -> None:
    program = (  # its own process: this one has a cluster already
        "from pipelines.engines.ray.engine import RayEngine; from schemas.config import RayConfig\n"
        "from schemas.errors import ConfigError; from tests.pipelines.engine_stages import Square\n"
        "try: list(RayEngine(1, RayConfig(address='127.0.0.1:1')).map((Square(),), [1]))\n"
        "except ConfigError as error: print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=REPOSITORY, timeout=60, check=True
    )
    assert "no Ray cluster at ray.address=127.0.0.1:1" in said.stdout


@pytest.mark.slow
def test_a_killed_supervisor_costs_its_task_one_more_try_and_no_clip(engine: RayEngine, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    flow = Flow((Decode(), Work(diary)), ListWriter(), clips_per_part=2)
    events, killed = [], 0
    for event in engine.run(flow, [task(f"{name}?clips=9&slow=5") for name in "abcd"]):
        events.append(event)
        if isinstance(event, PartDone) and killed < 3:
            killed += 1
            worker = psutil.Process(int(diary.read_text().splitlines()[-1].split()[1]))
            os.kill(worker.ppid(), signal.SIGKILL)
    delivered = [clip.clip_id for clip in clips(events)]
    assert len(delivered) == len(set(delivered)) == 4 * 9
    assert {verdict for verdict, _ in verdicts(events).values()} == {"done"}
    assert any("its Ray worker was lost" in event.text for event in events if isinstance(event, Notice))


def test_nothing_is_started_for_nothing() -> None:
    with closing(RayEngine(1)) as engine:
        assert list(engine.map((Square(),), [])) == []


def test_workers_that_never_start_end_the_run(ray_cluster: None) -> None:
    import ray

    @ray.remote(num_cpus=4)
    class Squatter:
        def ready(self) -> None: ...

    squatter = Squatter.remote()
    ray.get(squatter.ready.remote(), timeout=60)
    engine = RayEngine(1, RayConfig(start_s=2))
    with pytest.raises(FiguregroundError, match=r"no worker of square within 2 s.*free in all are 0 CPUs"):
        list(engine.map((Square(),), [1]))
    ray.kill(squatter)


DRIVER = """
import sys
from contextlib import closing
from pathlib import Path
from pipelines.engines.ray.engine import RayEngine
from pipelines.events import PartDone
from pipelines.flow import Flow
from tests.pipelines.engine_stages import Decode, ListWriter, Work, task
flow = Flow((Decode(), Work(Path(sys.argv[1]))), ListWriter(), clips_per_part=1)
try:
    with closing(RayEngine(2)) as engine, closing(engine.run(flow, [task("a?clips=3&hang=2")])) as events:
        for event in events:
            if isinstance(event, PartDone):
                import ray
                print(event.clip_ids[0], ray.nodes()[0]["NodeManagerAddress"], flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_stops_a_cluster_of_its_own_which_nobody_else_could_reach(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "diary")]
    driver = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert driver.stdout is not None
    delivered = [driver.stdout.readline().split() for _ in range(2)]
    cluster = psutil.Process(driver.pid).children(recursive=True)
    os.killpg(driver.pid, signal.SIGINT)
    said, complaints = driver.communicate(timeout=60)
    first_two = clip_ids(source("a?clips=3&hang=2"), range(2))
    assert delivered == [[clip_id, "127.0.0.1"] for clip_id in first_two]
    assert said.split() == ["interrupted"]
    assert complaints == ""
    assert len(cluster) > 3
    assert psutil.wait_procs(cluster, timeout=20)[1] == []
