"""Running the Decode stage over a file, for its tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from schemas.config_loading import load_config
from schemas.outcomes import Heartbeat, Kept
from schemas.records import Clip, Source, SourceReport
from transforms.decode.stage import Decode


def decode(path: Path, **settings: Any) -> tuple[list[Clip], SourceReport]:
    """Candidates, all held at once, and the report; settings are named like configuration keys."""
    config = load_config(settings=tuple(f"{key}={value}" for key, value in settings.items()))
    stage = Decode(config)
    stage.setup()
    outcomes = list(stage.process(Source(str(path), "ab" * 32, path.stat().st_size if path.exists() else 0)))
    stage.teardown()
    assert all(isinstance(outcome, Kept) for outcome in outcomes)
    items = [outcome.item for outcome in outcomes if not isinstance(outcome.item, Heartbeat)]
    clips, report = items[:-1], items[-1]
    assert isinstance(report, SourceReport)
    assert report.clips == len(clips)
    return [clip for clip in clips if isinstance(clip, Clip)], report


def clips_of(decoded: tuple[list[Clip], SourceReport]) -> list[Clip]:
    """The candidates of a source that was done."""
    clips, report = decoded
    assert report.verdict == "done", report
    return clips
