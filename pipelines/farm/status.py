"""Where a folder of renders stands, read from its files alone: from another terminal, or after the driver died."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.corpus.holder import in_words, is_gone
from pipelines.farm.folder import RendersFolder, Row

_SILENT_S = 30.0
"""A driver says where it stands every second."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that failed."""

    job_id: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Status:
    """settings: of the folder. begun: clips made of videos under way.

    driver: what the last one said, if any. by: who renders now; None: nobody.
    """

    settings: Row
    done: int
    frames: int
    render_s: float
    failures: tuple[Failure, ...]
    begun: dict[str, int]
    driver: Row | None
    by: str | None

    @property
    def reasons(self) -> dict[str, int]:
        """Failures by reason."""
        return dict(Counter(failure.reason for failure in self.failures))

    @property
    def left(self) -> int | None:
        """Jobs of the last list without a verdict; None where no driver has said."""
        return None if self.driver is None else int(self.driver["left"])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"reasons": self.reasons, "left": self.left}


def read_status(folder: RendersFolder) -> Status:
    """Read it. Raises ConfigError where the folder holds no renders."""
    settings, verdicts = folder.settings(), list(folder.verdicts())
    done = [verdict for verdict in verdicts if verdict["verdict"] == "done"]
    failed = [Failure(v["job_id"], v["reason"], v["detail"]) for v in verdicts if v["verdict"] != "done"]
    finished, driver = {verdict["job_id"] for verdict in done}, _driver(folder)
    return Status(
        settings,
        len(done),
        sum(verdict["frames"] for verdict in done),
        sum(verdict["timings"]["render_s"] for verdict in done),
        tuple(failed),
        {job_id: clips for job_id, clips in folder.clips_made().items() if job_id not in finished},
        driver,
        _by(folder, driver),
    )


def _driver(folder: RendersFolder) -> Row | None:
    with suppress(OSError, ValueError):
        told: Row = json.loads(folder.status.read_text())
        return told
    return None


def _by(folder: RendersFolder, driver: Row | None) -> str | None:
    """The holder of the lock, unless it is dead, or says nothing any more."""
    try:
        content = folder.lock.read_text()
    except OSError:
        return None
    silent = time.time() - (driver or {}).get("said_at", 0.0) > _SILENT_S
    return None if silent or not content or is_gone(content) else in_words(content)
