"""What was measured, kept per video so that nothing is measured twice.

videos/<name>.json in the report's folder holds a video's figures, family by family, and what they were measured
against; features/<name>.<metric>.npz the features that sets of videos are compared by.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.corpus.layout import write_atomically
from pipelines.evaluation.subjects import Subject
from schemas.arrays import F32

VERSION = 1
"""Of the measures: figures of another one are measured again."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,80}")


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of a video. value: None where it could not be told, `note` says why. along: clip by clip, if it is."""

    metric: str
    value: float | None
    note: str = ""
    along: tuple[float, ...] = ()


@dataclass(slots=True)
class VideoResult:
    """All there is of a video. figures: by family. errors: by family; '' is the video as a whole. frames: compared."""

    name: str
    against: str
    frames: int = 0
    figures: dict[str, list[Figure]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def value(self, metric: str) -> float | None:
        """Of a metric; None where there is none."""
        return next((f.value for family in self.figures.values() for f in family if f.metric == metric), None)


@dataclass(frozen=True, slots=True)
class ReportFolder:
    """A report's folder. Picklable; any number of processes may keep different videos in it."""

    root: Path

    def kept(self, subject: Subject) -> VideoResult:
        """What is there of a video, errors aside; nothing if it was measured against something else."""
        fresh = VideoResult(subject.name, _mark(subject))
        with suppress(OSError, ValueError, KeyError, TypeError):
            tree = json.loads(self._video(subject.name).read_text())
            if tree["against"] == fresh.against:
                fresh.frames = tree["frames"]
                fresh.figures = {name: [_figure(f) for f in given] for name, given in tree["figures"].items()}
        return fresh

    def keep(self, result: VideoResult) -> None:
        """Write what is there of a video, all or nothing."""
        path = self._video(result.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(asdict(result), indent=1).encode() + b"\n")

    def keep_features(self, name: str, family: str, made_ND: F32, true_ND: F32) -> None:
        """Write the features of a video and its truth."""
        path = self._features(name, family)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".part.npz")
        np.savez(temporary, made=made_ND, true=true_ND)
        temporary.replace(path)

    def features(self, name: str, family: str) -> tuple[F32, F32]:
        """Features of a video and of its truth. Raises OSError where there are none."""
        with np.load(self._features(name, family)) as arrays:
            return arrays["made"], arrays["true"]

    def has_features(self, name: str, family: str) -> bool:
        """Whether they were kept."""
        return self._features(name, family).exists()

    def _video(self, name: str) -> Path:
        return self.root / "videos" / f"{plain_name(name)}.json"

    def _features(self, name: str, family: str) -> Path:
        return self.root / "features" / f"{plain_name(name)}.{family}.npz"


def told(value: float | None) -> float | None:
    """A number that JSON has; None for one that is none."""
    return None if value is None or not math.isfinite(value) else value


def _figure(tree: dict[str, Any]) -> Figure:
    return Figure(tree["metric"], tree["value"], tree["note"], tuple(tree["along"]))


def _mark(subject: Subject) -> str:
    return hashlib.sha256(f"{VERSION} {subject.against}".encode()).hexdigest()


def plain_name(name: str) -> str:
    """A file's name: the name itself if it can be one."""
    return name if _PLAIN.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()[:32]
