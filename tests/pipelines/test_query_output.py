from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipelines.corpus.output import render_table, write_csv, write_json, write_parquet


@pytest.fixture
def table() -> pa.Table:
    return pa.table(
        {
            "clip_id": ["a_0_12", 'b, "0"\n1'],
            "score": [0.25, float("nan")],
            "kept": [True, None],
            "reject_reasons": [[], ["text_area_high", "luminance_low"]],
            "video": [b"\x00\xff", None],
            "started_at": pa.array([datetime(2026, 1, 2, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
            "cost": pa.array([Decimal("1.50"), None]),
        }
    )


def test_csv_can_be_read_back(table: pa.Table) -> None:
    out = io.StringIO()
    write_csv(table, out)
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert rows[0] == {
        "clip_id": "a_0_12",
        "score": "0.25",
        "kept": "True",
        "reject_reasons": "[]",
        "video": "AP8=",
        "started_at": "2026-01-02T00:00:00+00:00",
        "cost": "1.50",
    }
    assert rows[1]["clip_id"] == 'b, "0"\n1'
    assert json.loads(rows[1]["reject_reasons"]) == ["text_area_high", "luminance_low"]
    assert rows[1]["video"] == ""


def test_json_is_valid_whatever_the_types(table: pa.Table) -> None:
    out = io.StringIO()
    write_json(table, out)
    rows = json.loads(out.getvalue(), parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    assert rows[0] == {
        "clip_id": "a_0_12",
        "score": 0.25,
        "kept": True,
        "reject_reasons": [],
        "video": "AP8=",
        "started_at": "2026-01-02T00:00:00+00:00",
        "cost": "1.50",
    }
    assert rows[1]["score"] is None
    assert rows[1]["reject_reasons"] == ["text_area_high", "luminance_low"]


def test_parquet_keeps_the_types(table: pa.Table, tmp_path: Path) -> None:
    write_parquet(table, tmp_path / "rows.parquet")
    assert pq.read_table(tmp_path / "rows.parquet").schema.equals(table.schema)


def test_a_terminal_sees_short_cells(table: pa.Table) -> None:
    long = table.slice(0, 1).append_column("x", pa.array([list(range(1000))]))
    console = Console(width=300)
    with console.capture() as shown:
        console.print(render_table(long))
    text = shown.get()
    assert "<2 bytes>" in text
    assert "[0, 1, 2, 3" in text and "…" in text
    assert "999" not in text
    assert len(text.splitlines()) == 2


def test_long_addresses_that_differ_at_the_end_can_be_told_apart() -> None:
    long = pa.table({"uri": [f"/a/folder/of/{'many/' * 20}takes/cam0{i}.mp4" for i in (1, 2)]})
    console = Console(width=200)
    with console.capture() as shown:
        console.print(render_table(long))
    first, second = shown.get().splitlines()[1:3]
    assert first.strip().endswith("takes/cam01.mp4") and second.strip().endswith("takes/cam02.mp4")
    assert first.startswith("/a/folder/of/") and len(first.strip()) == 60


def test_text_of_strangers_steers_no_terminal() -> None:
    caption = "\x1b]0;title\x07[bold]x[/nothing]\u202egpj.mp4"
    console = Console(width=200)
    with console.capture() as shown:
        console.print(render_table(pa.table({"[/caption]": [caption]})))
    text = shown.get()
    assert "[/caption]" in text
    assert "\\x1b]0;title\\x07[bold]x[/nothing]\\x202egpj.mp4" in text
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
