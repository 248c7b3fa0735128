from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import PartWriter
from pipelines.corpus.stats import Count, Funnel, funnel, render_funnel
from schemas.config import Config
from tests.pipelines.corpus_records import make_clip, make_report, make_source


@pytest.fixture
def counted(tmp_path: Path) -> Funnel:
    source = make_source("a")
    clips = [
        make_clip(source, 0),
        make_clip(source, 1, reasons=("luminance_low", "sharpness_low")),
        make_clip(source, 2, reasons=("luminance_low",)),
        replace(make_clip(source, 3), error="RuntimeError: no", annotation=None, media=None),
    ]
    with Committer(tmp_path, Config()) as committer:
        writer = PartWriter(tmp_path)
        committer.add(writer.write("a", clips, make_report(source, 4)))
        for name, verdict, reason in (
            ("b", "rejected", "empty"),
            ("e", "rejected", "too_short"),
            ("f", "rejected", "too_short"),
            ("g", "rejected", "too_short"),
            ("c", "failed", "crashed"),
            ("d", "failed", "crashed"),
        ):
            report = replace(make_report(make_source(name), verdict=verdict, reason=reason), duration_s=None)
            committer.add(writer.write(name, [], report))
    return funnel(tmp_path)


def test_sources_are_counted_by_verdict_and_reason(counted: Funnel) -> None:
    assert counted.sources == Count(7, pytest.approx(1.92))
    assert {verdict: count.number for verdict, count in counted.verdicts.items()} == {
        "done": 1, "rejected": 4, "failed": 2
    }  # fmt: skip
    assert counted.source_reasons == {"rejected": {"too_short": 3, "empty": 1}, "failed": {"crashed": 2}}
    assert list(counted.source_reasons["rejected"]) == ["too_short", "empty"]


def test_every_candidate_is_kept_rejected_or_failed(counted: Funnel) -> None:
    assert counted.candidates == Count(4, pytest.approx(4 * 0.48))
    assert (counted.kept.number, counted.rejected.number, counted.failed.number) == (1, 2, 1)
    assert counted.kept.seconds == pytest.approx(0.48)


def test_a_clip_counts_under_every_rule_it_broke(counted: Funnel) -> None:
    assert list(counted.reject_reasons.items()) == [
        ("luminance_low", Count(2, pytest.approx(0.96))),
        ("sharpness_low", Count(1, pytest.approx(0.48))),
    ]


def shown_lines(counted: Funnel) -> list[str]:
    console = Console(width=60, record=True, file=None, quiet=False)
    with console.capture() as shown:
        console.print(render_funnel(counted))
    return [line.rstrip() for line in shown.get().splitlines() if line.strip()]


def test_every_reason_stands_under_its_own_verdict(counted: Funnel) -> None:
    names = [" ".join(line.split()[:2]) for line in shown_lines(counted)]
    first = next(index for index, name in enumerate(names) if name.startswith("rejected"))
    assert names[first : first + 5] == ["rejected 4", "too_short 3", "empty 1", "failed 2", "crashed 2"]


def test_the_funnel_is_shown_and_written_as_json(counted: Funnel) -> None:
    tree = json.loads(json.dumps(counted.as_json()))
    assert tree["kept"]["number"] == 1
    assert tree["source_reasons"]["failed"] == {"crashed": 2}
    lines = {line.rsplit(None, 2)[0].strip(): line.split()[-2:] for line in shown_lines(counted)}
    assert lines["kept clips"] == ["1", "0.5"]
    assert lines["luminance_low"] == ["2", "1.0"]


def test_an_empty_corpus_has_an_empty_funnel(tmp_path: Path) -> None:
    with Committer(tmp_path, Config()):
        pass
    counted = funnel(tmp_path)
    assert (counted.sources, counted.candidates, counted.reject_reasons) == (Count(0, 0), Count(0, 0), {})
