"""Lists of render jobs as files: what is written is read again, and every line that is no job is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.farm.jobfile import read_jobs, write_jobs
from schemas.errors import ConfigError
from schemas.render_jobs import RenderJob

NUMBER = st.integers(-(2**63), 2**63 - 1)
JOBS = st.builds(
    RenderJob,
    reference=st.text(max_size=300),
    pose=st.text(max_size=20),
    background=st.text(max_size=20),
    reference_frame=NUMBER,
    seconds=st.floats(allow_nan=False, allow_infinity=False),
    seed=NUMBER,
    size=st.none() | NUMBER,
    priority=NUMBER,
)


def _listed(folder: Path, *lines: object, name: str = "jobs.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


@pytest.mark.parametrize("name", ["jobs.jsonl", "jobs.parquet"])
@settings(deadline=None)
@given(jobs=st.lists(JOBS, max_size=5, unique_by=lambda job: job.job_id))
def test_what_is_written_is_read_again(
    jobs: list[RenderJob], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("jobs") / name
    assert write_jobs(path, jobs) == len(jobs)
    listed = read_jobs(path)
    assert [one.job for one in listed.jobs] == jobs
    assert [one.line for one in listed.jobs] == list(range(1, len(jobs) + 1))
    assert not listed.findings
    assert not listed.notes


def test_every_line_that_is_no_job_is_named_with_its_fields(tmp_path: Path) -> None:
    path = _listed(
        tmp_path,
        {"reference": "a", "pose": "b"},
        "{'reference': 'a'}",
        ["a", "b"],
        "",
        {"reference": "a", "pose": "b", "sise": 64},
        {"reference": "a"},
        {"reference": "a", "pose": 7, "seconds": "4", "size": 64.5, "seed": True},
    )
    listed = read_jobs(path)
    assert [one.line for one in listed.jobs] == [1]
    assert [(f.line, f.field) for f in listed.findings] == [
        (2, ""),
        (3, ""),
        (5, "sise"),
        (6, "pose"),
        (7, "pose"),
        (7, "seconds"),
        (7, "seed"),
        (7, "size"),
    ]
    said = "\n".join(map(str, listed.findings))
    for words in ("line 2: not JSON", "line 5: sise: no such field", "line 6: pose: Field required", 'not "4"', "64.5"):
        assert words in said


def test_a_line_that_is_not_text_is_a_finding_and_a_byte_order_mark_is_none(tmp_path: Path) -> None:
    path = tmp_path / "jobs.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"reference": "a", "pose": "b"}\r\n\xff\xfe\r\n')
    listed = read_jobs(path)
    assert [one.line for one in listed.jobs] == [1]
    assert [finding.line for finding in listed.findings] == [2]


def test_doubled_jobs_are_merged_with_a_note_and_the_higher_priority_stands(tmp_path: Path) -> None:
    job = RenderJob("a", "b", seconds=3.0)
    path = tmp_path / "jobs.jsonl"
    write_jobs(path, [job, RenderJob("c", "b"), replace(job, priority=5), job])
    listed = read_jobs(path)
    assert [(one.line, one.job.reference, one.job.priority) for one in listed.jobs] == [(1, "a", 5), (2, "c", 0)]
    assert listed.notes == ("2 lines name a job that is listed before; each job is rendered once",)


def test_rows_of_a_table_need_not_have_every_column_and_null_is_left_out(tmp_path: Path) -> None:
    rows = pa.table(
        {"reference": ["a", "b", None], "pose": ["x", "y", "z"], "seconds": [None, 2, 3], "extra": [1, None, None]}
    )
    pq.write_table(rows, tmp_path / "jobs.parquet")
    listed = read_jobs(tmp_path / "jobs.parquet")
    assert [(one.line, one.job) for one in listed.jobs] == [(2, RenderJob("b", "y", seconds=2.0))]
    assert [(f.line, f.field) for f in listed.findings] == [(1, "extra"), (3, "reference")]


def test_an_image_beside_the_list_is_found_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "me.png").write_bytes(b"")
    path = _listed(tmp_path, {"reference": "me.png", "pose": "b"}, {"reference": "other.png", "pose": "b"})
    references = [one.job.reference for one in read_jobs(path).jobs]
    assert references == [str(tmp_path / "me.png"), "other.png"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("jobs.csv", b"", r"\.jsonl or a \.parquet"),
        ("jobs.parquet", b"no table", "cannot read"),
        ("missing.jsonl", None, "No such file"),
    ],
)
def test_what_is_no_job_list_is_refused(tmp_path: Path, name: str, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        read_jobs(tmp_path / name)


def test_an_older_list_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "jobs.jsonl"
    write_jobs(path, [RenderJob("a", "b")] * 3)
    write_jobs(path, [RenderJob("c", "d")])
    assert [json.loads(line)["reference"] for line in path.read_text().splitlines()] == ["c"]
    assert [found.name for found in path.parent.iterdir()] == ["jobs.jsonl"]
