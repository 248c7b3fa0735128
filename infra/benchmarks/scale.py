"""What grows with the corpus and what must not: runs over pretended sources, compaction, queries, engine overhead.

python -m infra.benchmarks.scale runs [SOURCES ...]      (default: 1000 10000; one candidate each, turned away: what
                                                          is measured is the driver, not the writing of clips)
python -m infra.benchmarks.scale clips                   (the same sources with 1, 8 and 64 clips each, mostly kept)
python -m infra.benchmarks.scale queries [CLIPS]         (default: 100000)
python -m infra.benchmarks.scale overhead [ENGINE ...]   (default: local)

Times are CPU seconds of the driver, which other programs on the machine disturb least, and wall seconds.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median

from pipelines.corpus.committer import Committer
from pipelines.corpus.compact import compact
from pipelines.corpus.parts import write_rows
from pipelines.corpus.query import run_query
from pipelines.corpus.read import Corpus
from pipelines.corpus.redo import Batch, commit_batch
from pipelines.corpus.rows import clip_row
from pipelines.engines.factory import create_engine
from schemas.config import Config, EngineConfig, LimitsConfig
from tests.pipelines.corpus_records import make_clip, make_source
from tests.pipelines.simulated import CLIPS_VARIABLE, KEEP_NONE_VARIABLE, Pause, write_sources

WORKERS = 2
ITEM_S = 0.02
FILTERS = (
    "SELECT count(*) FROM clips WHERE kept AND person_area_mean > 0.2",
    "SELECT clip_id, sharpness FROM clips WHERE kept AND luminance BETWEEN 0.4 AND 0.41 ORDER BY sharpness LIMIT 20",
    "SELECT camera, count(*), avg(duration_s) FROM clips WHERE NOT kept GROUP BY camera",
)


def runs(counts: list[int]) -> None:
    """One run for each number of sources, each in a fresh process."""
    for count in counts:
        measured = _run(count, clips=1, keep=False)
        print(_in_words(count, 1, measured), flush=True)


def clips() -> None:
    """More clips of as many sources: no more commits."""
    for number in (1, 8, 64):
        print(_in_words(300, number, _run(300, clips=number, keep=True)), flush=True)


def _run(sources: int, clips: int, *, keep: bool) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        listed = write_sources(Path(folder) / "sources", sources)
        corpus = Path(folder) / "corpus"
        command = [sys.executable, "-m", "infra.benchmarks.scale", "drive", str(listed), str(corpus)]
        environment = os.environ | {CLIPS_VARIABLE: str(clips)} | ({} if keep else {KEEP_NONE_VARIABLE: "1"})
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        measured["commits"] = len(list((corpus / "clips" / "_delta_log").glob("*.json"))) - 1
        measured["files"] = sum(map(len, Corpus(corpus).files.values()))
        started = time.monotonic()
        compact(corpus)
        measured["compact_s"] = time.monotonic() - started
        measured["files_after"] = sum(map(len, Corpus(corpus).files.values()))
        return measured


def _in_words(sources: int, clips: int, m: dict[str, float]) -> str:
    return (
        f"{sources:7,} sources x {clips:2} clips: driver {m['cpu_s'] / sources * 1e3:5.2f} CPU ms a source, "
        f"peak {m['rss_mb']:4.0f} MB; wall {m['wall_s']:5.0f} s; {m['commits']:.0f} commits of clips; "
        f"{m['files']:.0f} files, compacted in {m['compact_s']:.0f} s to {m['files_after']:.0f}"
    )


def drive(listed: str, corpus: str) -> None:
    """The command over pretended stages, in this process; prints what it cost."""
    from tests.pipelines.simulated import main as command_line

    started, before = time.monotonic(), _cpu_s()
    sys.argv = ["figureground", "curate", listed, "--corpus", corpus, "--workers", str(WORKERS), "--quiet"]
    try:
        command_line()
    except SystemExit as end:
        if end.code:
            raise
    print(json.dumps({"cpu_s": _cpu_s() - before, "wall_s": time.monotonic() - started, "rss_mb": _peak_mb()}))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def queries(count: int) -> None:
    """Scalar filters on a generated corpus, as the verb `query` runs them, and once a connection is there."""
    with tempfile.TemporaryDirectory() as corpus:
        _generate(corpus, count)
        opened = Corpus(corpus)
        for sql in FILTERS:
            whole = _timed(lambda: run_query(corpus, sql))  # noqa: B023
            with opened.connect() as connection:
                alone = _timed(lambda: connection.execute(sql).fetchall())  # noqa: B023
            print(f"{count:,} clips: {alone}; with opening {whole}: {sql}")


def _timed(work: Callable[[], object], times: int = 7) -> str:
    wall, cpu = [], []
    for _ in range(times):
        started, used = time.monotonic(), time.process_time()
        work()
        wall.append(time.monotonic() - started)
        cpu.append(time.process_time() - used)
    return f"{median(wall) * 1e3:.0f} ms ({median(cpu) * 1e3:.0f} CPU ms)"


def _generate(corpus: str, count: int) -> None:
    chance = random.Random(5)
    template = clip_row(make_clip(make_source("any"), 0))
    with Committer(corpus, Config()) as committer:
        for first in range(0, count, 10_000):
            rows = []
            for number in range(first, min(first + 10_000, count)):
                varied = {"clip_id": f"{number // 8:016x}_{number}_{number + 96}", "source_id": f"{number // 8:016x}"}
                scores = {n: chance.random() for n in ("luminance", "sharpness", "person_area_mean", "duration_s")}
                camera = chance.choice(["static", "pan", "zoom", "parallax"])
                rows.append(template | varied | scores | {"kept": chance.random() < 0.3, "camera": camera})
            file = write_rows(committer.layout, "clips", f"generated-{first:08d}", rows)
            commit_batch(committer.layout, committer.tables, Batch(first // 10_000 + 1, (file,)))


def overhead(names: list[str], items: int = 1000) -> None:
    """Wall time of many short items on two workers over that of a plain loop, once the workers are up."""
    started = time.monotonic()
    for _ in range(items // WORKERS):
        time.sleep(ITEM_S)
    plain_s = time.monotonic() - started
    for name in names:
        with closing(create_engine(name, WORKERS, EngineConfig(), LimitsConfig())) as engine:
            began = time.monotonic()
            with closing(engine.map((Pause(ITEM_S),), range(items))) as outcomes:
                moments = [time.monotonic() for _ in outcomes]
        rate_s = (moments[-1] - moments[items // 10]) / (items - 1 - items // 10) * items
        print(
            f"{name}: {rate_s / plain_s:.3f} x a plain loop of {items} items of {ITEM_S * 1e3:.0f} ms on {WORKERS} "
            f"workers; first result after {moments[0] - began:.1f} s"
        )


def main(what: str, *arguments: str) -> None:
    """See the module."""
    if what == "runs":
        runs([int(a) for a in arguments] or [1000, 10_000])
    elif what == "clips":
        clips()
    elif what == "queries":
        queries(int(arguments[0]) if arguments else 100_000)
    elif what == "overhead":
        overhead(list(arguments) or ["local"])
    elif what == "drive":
        drive(*arguments)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:] or ("help",))
