"""An evaluation: what can be measured of each video, then of all of them, then the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

import numpy as np

from models.features.needs import NEEDS, why_not
from pipelines.corpus.layout import Place
from pipelines.engines.base import Engine
from pipelines.evaluation.catalogue import Family, network_of
from pipelines.evaluation.measure import measurable
from pipelines.evaluation.results import ReportFolder, VideoResult
from pipelines.evaluation.stage import MeasureVideo
from pipelines.evaluation.subjects import Subject
from pipelines.mapping import outcomes_of
from schemas.errors import ConfigError, WeightsError
from schemas.measures import Metric
from schemas.outcomes import Failed, Kept, Outcome
from transforms.measures.frechet import frechet_distance

Progress = Callable[[int, int], None]
"""Told how many of how many videos are measured."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric over the videos that have it. worst: the name of the video where it is; '' where none is better."""

    metric: Metric
    videos: int
    mean: float
    median: float
    worst: str


@dataclass(frozen=True, slots=True)
class Distance:
    """A metric of all videos together. value: None where it could not be told, `note` says why. samples: of videos."""

    metric: Metric
    value: float | None
    samples: int
    note: str = ""


@dataclass(slots=True)
class Evaluation:
    """What was measured. subjects: by name. left_out: why a family of metrics is missing, by name."""

    subjects: dict[str, Subject]
    results: list[VideoResult] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    distances: list[Distance] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def reasons(self) -> list[str]:
        """A line for each reason why metrics were left out."""
        names: dict[str, list[str]] = {}
        for name, why in self.left_out.items():
            names.setdefault(why, []).append(name)
        return [f"{', '.join(those)}: {why}" for why, those in names.items()]

    @property
    def failures(self) -> list[str]:
        """A line for each error."""
        return [
            f"{result.name}: {family or 'the video'}: {error}"
            for result in self.results
            for family, error in result.errors.items()
        ]


def evaluate(
    subjects: Sequence[Subject],
    corpus: str | Place | None,
    chosen: Sequence[Family],
    out: Path,
    *,
    engine: Engine | None = None,
    progress: Progress = lambda done, total: None,
    insist: bool = False,
) -> Evaluation:
    """Measure videos; figures that are in the folder `out` already are not measured again.

    engine: None works in this process. insist: raise WeightsError where a chosen metric cannot be measured for want of
    a network, instead of leaving it out. Raises ConfigError where there is no video.
    """
    if not subjects:
        raise ConfigError("there is no finished video to measure")
    done = Evaluation({subject.name: subject for subject in subjects})
    families = _possible(subjects, chosen, done.left_out, insist=insist)
    stage = MeasureVideo(out, corpus, families)
    with closing(outcomes_of(stage, subjects, engine)) as outcomes:
        for outcome in outcomes:
            done.results.append(_result(outcome))
            progress(len(done.results), len(subjects))
    done.results.sort(key=lambda result: result.name)
    done.metrics = [metric for family in families if not family.over_all for metric in family.metrics]
    done.summaries = [s for metric in done.metrics if (s := _summary(metric, done.results)) is not None]
    report = ReportFolder(out)
    done.distances = [_distance(family, done.results, report) for family in families if family.over_all]
    return done


def _possible(
    subjects: Sequence[Subject], chosen: Sequence[Family], left_out: dict[str, str], *, insist: bool
) -> list[Family]:
    families = []
    for family in chosen:
        network = network_of(family)
        lacking = why_not(network) if network in NEEDS else None
        if lacking is not None and insist:
            raise WeightsError(f"{family.name}: {lacking}")
        if not any(measurable(subject, family) for subject in subjects):
            left_out[family.name] = f"no video has {family.need}"
        elif lacking is not None:
            left_out[family.name] = lacking
        else:
            families.append(family)
    return families


def _result(outcome: Outcome[VideoResult]) -> VideoResult:
    if isinstance(outcome, Kept):
        return outcome.item
    error = outcome.error if isinstance(outcome, Failed) else "rejected"
    name = outcome.item.name if isinstance(outcome.item, (Subject, VideoResult)) else str(outcome.item)
    return VideoResult(name, "", errors={"": error})


def _summary(metric: Metric, results: Sequence[VideoResult]) -> Summary | None:
    known = [(value, result.name) for result in results if (value := result.value(metric.name)) is not None]
    if not known:
        return None
    values = [value for value, _ in known]
    worst = {"lower": max, "higher": min}.get(metric.better)
    return Summary(metric, len(known), fmean(values), median(values), worst(known)[1] if worst else "")


def _distance(family: Family, results: Sequence[VideoResult], report: ReportFolder) -> Distance:
    (metric,) = family.metrics
    pairs = [report.features(result.name, family.name) for result in results if family.name in result.figures]
    if not pairs:
        return Distance(metric, None, 0, "no video could be compared")
    made, true = (np.concatenate([pair[side] for pair in pairs]) for side in (0, 1))
    if len(made) < 2:
        return Distance(metric, None, len(made), "a single sample is no distribution")
    few = f"{len(made)} samples of {made.shape[1]} numbers: too few to compare with others' figures"
    return Distance(metric, frechet_distance(made, true), len(made), few if len(made) <= made.shape[1] else "")
