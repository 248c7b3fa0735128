"""More files than are planned at a time: every one gets its verdict once, and a copy in a later lot is seen as one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

import pipelines.curate
from pipelines.corpus.check import check
from pipelines.corpus.read import Corpus
from pipelines.engines.local import LocalEngine
from pipelines.events import Event, Planned
from schemas.config import Config
from tests.pipelines.simulated import pretended_stages

FILES = 7


def curated(uris: list[str], corpus: Path) -> list[Event]:
    told: list[Event] = []
    with closing(LocalEngine(1)) as engine:
        pipelines.curate.curate(uris, corpus, Config(), engine, told.append)
    return told


def test_files_in_lots_make_the_corpus_that_they_make_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines.curate, "CurationStages", pretended_stages)
    uris = [str(tmp_path / f"{number}.mp4") for number in range(FILES)]
    for uri in uris:
        Path(uri).write_text(uri)
    Path(uris[-1]).write_text(uris[0])  # a copy of a file of the first lot
    curated(uris, tmp_path / "whole")
    monkeypatch.setattr(pipelines.curate, "_LOT", 3)
    told = curated(uris, tmp_path / "lots")
    assert [(event.sources, event.ahead) for event in told if isinstance(event, Planned)] == [(7, 4), (7, 1), (7, 0)]
    rows = Corpus(tmp_path / "lots").arrow("sources").to_pylist()
    assert {row["uri"]: row["reason"] for row in rows} == dict.fromkeys(uris[:-1]) | {uris[-1]: "duplicate"}
    assert len(rows) == FILES
    assert check(tmp_path / "lots").digest == check(tmp_path / "whole").digest
