from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.sources import expand_sources
from schemas.errors import ConfigError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.mp4", "B.MOV", "notes.md", "deep/c.webm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def names(uris: list[str], folder: Path) -> list[str]:
    return [str(Path(uri).relative_to(folder)) for uri in uris]


def test_a_folder_gives_its_video_files_at_every_depth(folder: Path) -> None:
    assert names(expand_sources([str(folder)]), folder) == ["B.MOV", "a.mp4", "deep/c.webm"]


def test_a_file_named_outright_is_taken_whatever_its_ending(folder: Path) -> None:
    assert names(expand_sources([str(folder / "notes.md")]), folder) == ["notes.md"]


def test_a_pattern_gives_what_it_matches_and_each_input_comes_once(folder: Path) -> None:
    assert names(expand_sources([str(folder / "**/*.webm"), str(folder)]), folder) == ["B.MOV", "a.mp4", "deep/c.webm"]


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
    assert names(expand_sources([str(path)]), folder) == entries


@pytest.mark.parametrize(
    ("argument", "said"),
    [("nowhere.mp4", "no such file"), ("https://example.org/v.mp4", "download the file"), ("empty", "no video files")],
)
def test_an_argument_that_names_nothing_is_an_error_that_says_so(tmp_path: Path, argument: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=said):
        expand_sources([argument if "://" in argument else str(tmp_path / argument)])


def test_a_list_without_the_column_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path\na.mp4\n")
    with pytest.raises(ConfigError, match="uri"):
        expand_sources([str(tmp_path / "list.csv")])
