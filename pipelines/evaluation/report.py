"""An evaluation for reading: as a table, as JSON, as Parquet with a row per video and metric."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.corpus.layout import write_atomically
from pipelines.evaluation.run import Evaluation
from pipelines.evaluation.subjects import Subject

if TYPE_CHECKING:
    from rich.console import RenderableType

JSON, PARQUET = "report.json", "report.parquet"
SCHEMA = pa.schema(
    {
        "video": pa.string(),
        "metric": pa.string(),
        "value": pa.float64(),
        "unit": pa.string(),
        "better": pa.string(),
        "note": pa.string(),
        "error": pa.string(),
        "along": pa.list_(pa.float64()),
        "frames": pa.int32(),
        "path": pa.string(),
        "truth": pa.string(),
        "reference": pa.string(),
        "pose": pa.string(),
        "background": pa.string(),
        "seed": pa.int64(),
    }
)


def write_tables(done: Evaluation, out: Path) -> None:
    """Write report.json and report.parquet into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / JSON, json.dumps(as_tree(done), indent=1).encode() + b"\n")
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(rows(done)), SCHEMA), sink, compression="zstd")
    write_atomically(out / PARQUET, memoryview(sink.getvalue()).cast("B"))


def rows(done: Evaluation) -> Iterator[dict[str, Any]]:
    """One per video and metric. What failed is a row with its error, and a family of metrics or none as its metric."""
    units = {metric.name: metric for metric in done.metrics}
    for result in done.results:
        common = {"video": result.name, "frames": result.frames} | _origin(done.subjects.get(result.name))
        for figures in result.figures.values():
            for figure in figures:
                if (metric := units.get(figure.metric)) is not None:
                    told = {"metric": metric.name, "unit": metric.unit, "better": metric.better}
                    yield common | told | {"value": figure.value, "note": figure.note, "along": list(figure.along)}
        for family, error in result.errors.items():
            yield common | {"metric": family or None, "error": error}


def as_tree(done: Evaluation) -> dict[str, Any]:
    """The means and what belongs to all videos; figures of single videos are in the Parquet file."""
    return {
        "videos": len(done.results),
        "metrics": {
            s.metric.name: {
                "mean": s.mean,
                "median": s.median,
                "videos": s.videos,
                "worst": s.worst,
                "unit": s.metric.unit,
                "better": s.metric.better,
            }
            for s in done.summaries
        },
        "sets": {d.metric.name: {"value": d.value, "samples": d.samples, "note": d.note} for d in done.distances},
        "left_out": done.left_out,
        "failures": done.failures,
    }


def table(done: Evaluation) -> RenderableType:
    """For the terminal."""
    from rich.table import Table

    shown = Table("metric", "mean", "median", "videos", "unit", "better", "", box=None, pad_edge=False)
    for column in shown.columns[1:4]:
        column.justify = "right"
    for summary in done.summaries:
        metric = summary.metric
        values = (f"{summary.mean:.4g}", f"{summary.median:.4g}", str(summary.videos))
        shown.add_row(metric.name, *values, metric.unit, metric.better, metric.says)
    for distance in done.distances:
        value = "" if distance.value is None else f"{distance.value:.4g}"
        metric = distance.metric
        shown.add_row(metric.name, value, "", "all", metric.unit, metric.better, distance.note or metric.says)
    return shown


def _origin(subject: Subject | None) -> dict[str, Any]:
    if subject is None:
        return {}
    job = {} if subject.job is None else asdict(subject.job)
    truth = subject.true_clip or (None if subject.truth is None else str(subject.truth))
    kept = {name: job.get(name) for name in ("reference", "pose", "background", "seed")}
    return {"path": str(subject.video), "truth": truth} | kept
