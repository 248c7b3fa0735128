from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.sources import expand_sources
from schemas.errors import ConfigError
from schemas.records import Listing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "B.MOV", "notes.md", "deep/c.webm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def names(uris: Iterable[str], folder: Path) -> list[str]:
    return [str(Path(uri).relative_to(folder)) for uri in uris]


def test_a_folder_gives_its_video_files_at_every_depth(folder: Path) -> None:
    assert names(expand_sources([str(folder)]).uris, folder) == ["B.MOV", "a.mp4", "deep/c.webm"]


def test_a_folder_gives_every_kind_of_file_that_can_be_opened(tmp_path: Path) -> None:
    made = [f"v.{ending}" for ending in ("h264", "y4m", "GIF", "ivf", "nut", "3g2", "f4v", "ogg", "dv", "wtv", "rm")]
    for name in made:
        (tmp_path / name).write_bytes(b"x")
    assert names(expand_sources([str(tmp_path)]).uris, tmp_path) == sorted(made)


def test_files_of_a_folder_that_are_left_alone_are_counted_by_ending(folder: Path) -> None:
    for name in ("a.txt", "b.TXT", "deep/c.txt", "deep/d.jpg", "README", ".hidden", "deep/list.csv"):
        (folder / name).write_text("uri\n")
    found = expand_sources([str(folder), str(folder / "deep" / "list.csv")])
    assert found.notice() == "6 other files left alone (.txt 3, .jpg 1, .md 1, no ending 1)"
    assert names(found.uris, folder) == ["B.MOV", "a.mp4", "deep/c.webm"]


def test_a_notice_names_the_commonest_endings_of_many(folder: Path) -> None:
    for number in range(30):
        (folder / f"v.x{number:02d}").write_bytes(b"x")
    (folder / "w.x29").write_bytes(b"x")
    notice = expand_sources([str(folder)]).notice() or ""
    assert notice.startswith("32 other files left alone (.x29 2, .md 1, .x00 1, ")
    assert notice.endswith(", .x05 1, ...)")


def test_nothing_is_said_of_what_lies_beside_a_file_named_outright(folder: Path) -> None:
    assert expand_sources([str(folder / "a.mp4")]).notice() is None


def test_a_file_named_outright_is_taken_whatever_its_ending(folder: Path) -> None:
    assert names(expand_sources([str(folder / "notes.md")]).uris, folder) == ["notes.md"]


def test_a_pattern_gives_what_it_matches_and_each_input_comes_once(folder: Path) -> None:
    assert names(expand_sources([str(folder / "**/*.webm"), str(folder)]).uris, folder) == [
        "B.MOV",
        "a.mp4",
        "deep/c.webm",
    ]


@pytest.mark.parametrize("ending", [".txt", ".csv", ".jsonl", ".parquet"])
def test_a_list_gives_its_entries_relative_to_itself(folder: Path, ending: str) -> None:
    path = folder / f"list{ending}"
    entries = ["a.mp4", "missing.mp4"]
    if ending == ".txt":
        path.write_text("# ours\n" + "\n".join(entries) + "\n\n")
    elif ending == ".csv":
        path.write_text("uri,licence\n" + "".join(f"{e},CC0\n" for e in entries))
    elif ending == ".jsonl":
        path.write_text("".join(json.dumps({"uri": e}) + "\n" for e in entries))
    else:
        pq.write_table(pa.table({"uri": entries}), path)
    assert names(expand_sources([str(path)]).uris, folder) == entries


@pytest.mark.parametrize(
    ("argument", "said"),
    [("nowhere.mp4", "no such file"), ("empty", "no video files")],
)
def test_an_argument_that_names_nothing_is_an_error_that_says_so(tmp_path: Path, argument: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=said):
        expand_sources([str(tmp_path / argument)])


def test_addresses_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("s3://bucket/v.mp4\nhttps://example.org/a%20b.mp4?x=1\n")
    found = expand_sources(["https://example.org/v.mp4", str(tmp_path / "list.txt")])
    assert found.uris == ["https://example.org/a%20b.mp4?x=1", "https://example.org/v.mp4", "s3://bucket/v.mp4"]


ROWS = [
    {"uri": "a.mp4", "id": "7", "licence": "CC-BY-4.0", "caption": "a man, walking", "start": 1.5, "end": 3.0},
    {"uri": "https://example.org/v.mp4", "id": None, "licence": "", "caption": None, "start": None, "end": 2.0},
]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_what_a_list_says_of_its_entries_stays_with_them(folder: Path, ending: str) -> None:
    path = folder / f"list{ending}"
    if ending == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(ROWS[0]))
            writer.writeheader()
            writer.writerows(ROWS)
    elif ending == ".jsonl":
        path.write_text("\n".join(map(json.dumps, ROWS)))
    else:
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    named = {
        str(folder / "a.mp4"): Listing("7", "CC-BY-4.0", "a man, walking", 1.5, 3.0),
        "https://example.org/v.mp4": Listing(end_s=2.0),
    }
    found = expand_sources([str(folder / "a.mp4"), str(path)])
    assert (found.uris, found.listings) == (list(named), named)


@pytest.mark.parametrize("time", ["soon", "-1", "nan"])
def test_a_time_that_is_none_is_an_error(tmp_path: Path, time: str) -> None:
    (tmp_path / "list.csv").write_text(f"uri,start\na.mp4,{time}\n")
    with pytest.raises(ConfigError, match="source list"):
        expand_sources([str(tmp_path / "list.csv")])


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_a_list_without_the_column_says_which_it_has(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"list{ending}"
    if ending == ".csv":
        path.write_text("path,licence\na.mp4,CC0\n")
    elif ending == ".jsonl":
        path.write_text(json.dumps({"path": "a.mp4", "licence": "CC0"}))
    else:
        pq.write_table(pa.table({"path": ["a.mp4"], "licence": ["CC0"]}), path)
    with pytest.raises(ConfigError, match=r"with a column `uri`: its columns are path, licence$"):
        expand_sources([str(path)])
