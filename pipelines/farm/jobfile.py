"""Job lists as files: JSONL, a job a line, or Parquet, a job a row. Mistakes are findings with the line's number."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import ConfigError
from schemas.render_jobs import RenderJob

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_FIELDS = tuple(field.name for field in fields(RenderJob))
_JSONL, _PARQUET = ".jsonl", ".parquet"
_MOST_BYTES = 256 * 2**20
_SHOWN = 60
"""So many characters of a wrong value are shown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake. line: of the JSONL file, or row of the Parquet file, from 1. field: of the job; '' is all of it."""

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        subject = f"{self.field}: " if self.field else ""
        return f"line {self.line}: {subject}{self.message}"


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job and the line that lists it first."""

    line: int
    job: RenderJob


@dataclass(frozen=True, slots=True)
class JobList:
    """jobs: each once, in the file's order. findings: lines that are no jobs. notes: what else a person should know."""

    jobs: tuple[ListedJob, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def read_jobs(path: Path) -> JobList:
    """The jobs of a .jsonl or .parquet file.

    A line that is listed again is merged with the first, and the higher priority stands. A reference that names a
    file beside the list becomes its absolute path. Raises ConfigError for a file that cannot be read at all.
    """
    jobs: dict[str, ListedJob] = {}
    findings: list[Finding] = []
    doubled = 0
    for line, text in _rows(path):
        read = _job(line, text)
        if not isinstance(read, RenderJob):
            findings += read
            continue
        job = _at_home(read, path.parent)
        first = jobs.setdefault(job.job_id, ListedJob(line, job))
        doubled += first.line != line
        if job.priority > first.job.priority:
            jobs[job.job_id] = ListedJob(first.line, job)
    notes = (_doubled(doubled),) if doubled else ()
    return JobList(tuple(jobs.values()), tuple(findings), notes)


def is_file(path: Path) -> bool:
    """A file is there; False, too, for a name that no file can have."""
    try:
        return path.is_file()
    except OSError:
        return False


def write_jobs(path: Path, jobs: Iterable[RenderJob]) -> int:
    """Write a job list, in place of an older one, as Parquet if the name ends so, else as JSONL; the jobs' number.

    Raises ConfigError for an ending that is neither.
    """
    from pipelines.corpus.layout import write_atomically

    rows = [asdict(job) for job in jobs]
    content = _as_parquet(rows) if _ending(path) == _PARQUET else _as_jsonl(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return len(rows)


def _rows(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line that is not blank, or each row, as JSON."""
    parquet = _ending(path) == _PARQUET
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path} is larger than {_MOST_BYTES >> 20} MiB; give its jobs in several lists")
        if parquet:
            yield from _parquet_rows(path)
        else:
            for line, text in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
                if text.strip():
                    yield line, text
    except OSError as error:
        raise ConfigError(f"cannot read the job list {path}: {error}") from None


def _parquet_rows(path: Path) -> Iterator[tuple[int, bytes]]:
    """Columns that are null count as left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
    except pa.ArrowException as error:
        raise ConfigError(f"cannot read the job list {path}: {error}") from None
    for line, row in enumerate(rows, 1):
        yield line, json.dumps({name: value for name, value in row.items() if value is not None}, default=str).encode()


def _job(line: int, text: bytes) -> RenderJob | list[Finding]:
    from pydantic import ValidationError

    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        return [Finding(line, "", f"not JSON: {error}")]
    if not isinstance(row, dict):
        return [Finding(line, "", 'a job is an object such as {"reference": "CLIP", "pose": "CLIP"}')]
    unknown = sorted(row.keys() - set(_FIELDS))
    found = [Finding(line, name, f"no such field; a job has {', '.join(_FIELDS)}") for name in unknown]
    try:
        job: RenderJob = _adapter().validate_json(text, strict=True)
    except ValidationError as error:
        found += [Finding(line, ".".join(map(str, e["loc"])), _said(e["msg"], e["input"])) for e in error.errors()]
        return found
    return found or job


@functools.cache
def _adapter() -> TypeAdapter[RenderJob]:
    from pydantic import TypeAdapter

    return TypeAdapter(RenderJob)


def _said(message: str, given: Any) -> str:
    """What the reader expected, and what it met."""
    return message if isinstance(given, dict) else f"{message}, not {json.dumps(given, default=str)[:_SHOWN]}"


def _doubled(lines: int) -> str:
    return f"{lines} line{'s name' if lines > 1 else ' names'} a job that is listed before; each job is rendered once"


def _at_home(job: RenderJob, folder: Path) -> RenderJob:
    beside = folder.absolute() / job.reference
    return replace(job, reference=str(beside)) if is_file(beside) else job


def _as_jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()


def _as_parquet(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"reference": pa.string(), "pose": pa.string(), "background": pa.string(), "seconds": pa.float64()}
    schema = pa.schema([pa.field(name, types.get(name, pa.int64())) for name in _FIELDS])
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema), buffer)
    return memoryview(buffer.getvalue()).tobytes()


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in (_JSONL, _PARQUET):
        raise ConfigError(f"{path}: a job list is a {_JSONL} or a {_PARQUET} file")
    return ending
