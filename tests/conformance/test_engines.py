"""One suite over every engine: the same sources and configuration give the same corpus and the same counts."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from models.weights.wheels import wheel_members
from pipelines.corpus.check import check
from pipelines.corpus.committer import Committer
from pipelines.counts import Counts
from pipelines.curate import curate
from pipelines.events import Event, PartDone, SourceDone
from pipelines.flow import Flow
from schemas.config import LimitsConfig
from schemas.config_loading import load_config
from schemas.outcomes import Failed, Kept
from schemas.records import Clip, SourceReport
from tests.conformance.engines import ENGINES, EXPECTED
from tests.pipelines.engine_stages import Decode, FullDisk, ListWriter, Missing, Screen, Square, Work, task
from tests.video_files import colour, cut, moving, write_audio, write_video

GYMNAST = "Pose2Sim/Demo_SinglePerson/videos/cam03.mp4"
CONFIG = load_config(settings=("clips.min_s=1.5",))
OTHERS = sorted(set(ENGINES) - {EXPECTED})
POISON = {
    "broken?clips=5&broken_at=4": ("error", "bad sector"),
    "segfault?clips=6&segfault=5": ("crashed", "SIGSEGV"),
    "killed?clips=9&kill=6": ("crashed", "SIGKILL"),
    "hang?clips=3&hang=1": ("stalled", "no progress for 8 s"),
    "hungry?clips=3&eat=1": ("crashed", "needed more than 400 MiB"),
}
GOOD = ("good?clips=9&reject=3", "short?clips=2", "empty?clips=0", "odd?clips=5&fail=3")
POISON_LIMITS = LimitsConfig(attempts=2, stall_s=8)


@pytest.fixture(scope="session", autouse=True)
def _one_cluster_for_all(ray_cluster: None) -> None:
    """Ray starts once for the whole suite."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A person, several shots of scenery, and bad input of every kind."""
    folder = tmp_path_factory.mktemp("inputs")
    shutil.copy(wheel_members("pose2sim", "0.10.49", [GYMNAST])[GYMNAST], folder / "gymnast.mp4")
    shutil.copy(folder / "gymnast.mp4", folder / "gymnast_again.mp4")
    write_video(folder / "scenes.mp4", cut(*(moving(45, seed=seed) for seed in range(10))))
    write_video(folder / "black.mp4", colour(60))
    write_audio(folder / "sound.mp4")
    (folder / "empty.mp4").touch()
    (folder / "truncated.mp4").write_bytes((folder / "gymnast.mp4").read_bytes()[:60_000])
    return sorted(str(path) for path in folder.iterdir())


@dataclass(frozen=True)
class Result:
    """What a run left."""

    corpus: Path
    digest: str
    counts: dict[str, Any]


def curated(name: str, inputs: list[str], corpus: Path) -> Result:
    with closing(ENGINES[name](CONFIG.limits)) as engine:
        done = curate(inputs, corpus, CONFIG, engine, lambda _: None)
    report = check(corpus, deep=True)
    assert report.ok, report.problems
    assert report.digest is not None
    return Result(corpus, report.digest, comparable(done.counts) | done.undone.as_dict())


def comparable(counts: Counts) -> dict[str, Any]:
    """Counts without what depends on the machine."""
    tree = counts.as_dict()
    tree.pop("peak_rss_mb")
    tree["stages"] = {name: {k: v for k, v in s.items() if k != "busy_s"} for name, s in tree["stages"].items()}
    return tree


@pytest.fixture(scope="module")
def expected(inputs: list[str], tmp_path_factory: pytest.TempPathFactory) -> Result:
    return curated(EXPECTED, inputs, tmp_path_factory.mktemp(EXPECTED) / "corpus")


@pytest.fixture(scope="module", params=OTHERS)
def found(request: pytest.FixtureRequest, inputs: list[str], tmp_path_factory: pytest.TempPathFactory) -> Result:
    return curated(request.param, inputs, tmp_path_factory.mktemp(request.param) / "corpus")


def test_the_corpus_is_the_same_to_the_last_byte(found: Result, expected: Result) -> None:
    assert found.digest == expected.digest


def test_the_counts_are_the_same(found: Result, expected: Result) -> None:
    assert found.counts == expected.counts
    assert found.counts["kept_clips"] == 1
    assert found.counts["stages"]["decode"]["kept"] > 8  # more than one part


@pytest.mark.parametrize("name", OTHERS)
def test_a_corpus_begun_on_one_engine_is_finished_by_another(name: str, inputs: list[str], tmp_path: Path) -> None:
    scenery = [path for path in inputs if "gymnast" not in path and "truncated" not in path]
    curated(EXPECTED, scenery[:1], tmp_path / "corpus")
    whole = curated(EXPECTED, scenery, tmp_path / "whole")
    assert curated(name, scenery, tmp_path / "corpus").digest == whole.digest


@pytest.mark.parametrize("name", ENGINES)
def test_two_drivers_on_one_corpus_cannot_be(name: str, inputs: list[str], expected: Result) -> None:
    from schemas.errors import CorpusError

    with Committer(expected.corpus, CONFIG), pytest.raises(CorpusError, match="is already open for writing"):
        curate(inputs, expected.corpus, CONFIG, ENGINES[name](CONFIG.limits), lambda _: None)


@pytest.fixture(scope="module", params=ENGINES)
def aftermath(request: pytest.FixtureRequest) -> list[Event]:
    """Events of a run over good sources and such as kill, block or bloat their workers."""
    flow = Flow((Decode(), Screen(), Work()), ListWriter(), clips_per_part=4)
    engine = ENGINES[request.param](POISON_LIMITS, memory_mb=400)
    with closing(engine), closing(engine.run(flow, map(task, (*POISON, *GOOD)))) as events:
        return list(events)


def reports(events: list[Event]) -> dict[str, SourceReport]:
    done = [event.report for event in events if isinstance(event, SourceDone)]
    assert len({report.source.uri for report in done}) == len(done)
    return {report.source.uri: report for report in done}


def clips(events: list[Event]) -> list[Clip]:
    return [clip for event in events if isinstance(event, PartDone) for clip in event.part[1]]


def test_poison_becomes_one_failed_source_that_says_why(aftermath: list[Event]) -> None:
    by_uri = reports(aftermath)
    assert {uri: by_uri[uri].verdict for uri in by_uri} == dict.fromkeys(GOOD, "done") | dict.fromkeys(POISON, "failed")
    for uri, (reason, words) in POISON.items():
        assert by_uri[uri].reason == reason
        assert words in str(by_uri[uri].detail)


def test_clips_beside_poison_are_delivered_exactly_once_and_in_order(aftermath: list[Event]) -> None:
    delivered = {uri: [c.index for c in clips(aftermath) if c.source.uri == uri] for uri in (*GOOD, *POISON)}
    whole = {"good": 9, "short": 2, "empty": 0, "odd": 5, "broken": 4, "segfault": 4, "killed": 4}
    for uri, indices in delivered.items():
        assert indices == list(range(whole.get(uri.partition("?")[0], 0)))


def test_counts_beside_poison_are_those_of_the_delivered_clips(aftermath: list[Event]) -> None:
    counts = Counts()
    for event in aftermath:
        counts.add(event)
    stages, arrived = counts.as_dict()["stages"], clips(aftermath)
    assert stages["decode"]["kept"] == stages["screen"]["in"] == len(arrived)
    assert stages["screen"]["rejected"] == sum(bool(clip.reject_reasons) for clip in arrived)
    assert stages["work"]["failed"] == sum(clip.error is not None for clip in arrived)
    assert counts.kept_clips == stages["work"]["kept"]


@pytest.mark.parametrize("name", ENGINES)
def test_what_is_committed_is_not_delivered_again(name: str) -> None:
    flow = Flow((Decode(), Work()), ListWriter(), clips_per_part=2)
    begun = task("a?clips=5")
    engine = ENGINES[name](LimitsConfig())
    with closing(engine):
        whole = clips(list(engine.run(flow, [begun])))
        rest = clips(list(engine.run(flow, [replace(begun, committed=frozenset(c.clip_id for c in whole[:2]))])))
    assert [clip.index for clip in rest] == [2, 3, 4]


@pytest.mark.parametrize("name", ENGINES)
def test_a_mapping_gives_every_outcome_and_outlives_a_deadly_item(name: str) -> None:
    with closing(ENGINES[name](LimitsConfig(attempts=1))) as engine:
        outcomes = list(engine.map((Square(),), range(11, 15)))
    assert sorted(outcome.item for outcome in outcomes if isinstance(outcome, Kept)) == [121, 144, 196]
    (failed,) = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert (failed.item, failed.error.partition(":")[0]) == (13, "crashed")


@pytest.mark.parametrize("name", ENGINES)
def test_what_no_worker_can_do_ends_the_run_in_its_own_words(name: str) -> None:
    from schemas.errors import FiguregroundError, WeightsError

    with closing(ENGINES[name](LimitsConfig())) as engine:
        with pytest.raises(WeightsError, match="figureground weights fetch"):
            list(engine.run(Flow((Decode(), Missing()), ListWriter()), [task("a?clips=1")]))
        with pytest.raises(FiguregroundError, match=r"a.clips=1: .*No space left on device"):
            list(engine.run(Flow((Decode(),), FullDisk()), [task("a?clips=1")]))
