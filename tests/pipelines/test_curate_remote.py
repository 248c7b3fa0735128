"""Sources from the network, end to end: the command line, a hostile server, a corpus."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.corpus.check import check
from pipelines.corpus.query import run_query
from pipelines.corpus.read import Corpus
from tests.pipelines.simulated import pretend
from tests.transforms.fetch.hostile_server import CONTENT, HostileServer, running

QUICK = ("--allow-private-network", "--set", "fetch.attempts=2", "--set", "fetch.wait_s=0.01", "--quiet")


@pytest.fixture(scope="module")
def server() -> Iterator[HostileServer]:
    with running() as server:
        yield server


@pytest.fixture
def inputs(server: HostileServer, tmp_path: Path) -> Path:
    """A list of a file here, good and bad addresses, and what is said of them."""
    (tmp_path / "here.mp4").write_bytes(b"\x00\x01 a file of this machine")
    rows = [
        {"uri": "here.mp4", "id": "0", "licence": "CC0"},
        {
            "uri": server.url(f"small/{tmp_path.name}/one?token=s3cret"),
            "id": "1",
            "licence": "CC-BY-4.0",
            "caption": "x",
        },
        {"uri": server.url(f"small/{tmp_path.name}/two").replace("://", "://me:s3cret@"), "id": "2", "start": 1.5},
        {"uri": server.url(f"plain/{tmp_path.name}"), "id": "3"},
        {"uri": server.url(f"chunked/{tmp_path.name}"), "id": "4"},
        {"uri": server.url("gone"), "id": "5"},
        {"uri": server.url("page"), "id": "6"},
        {"uri": server.url("always_503"), "id": "7"},
    ]
    with (tmp_path / "list.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["uri", "id", "licence", "caption", "start", "end"])
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path / "list.csv"


def curate(inputs: Path, *more: str, **environment: str) -> Any:
    return pretend("curate", inputs, "--corpus", inputs.parent / "corpus", *QUICK, *more, **environment)


def rows(corpus: Path) -> dict[str, dict[str, Any]]:
    return {row["listed_id"]: row for row in Corpus(corpus).arrow("sources").to_pylist()}


def test_remote_and_local_inputs_become_one_corpus(server: HostileServer, inputs: Path) -> None:
    corpus = inputs.parent / "corpus"
    run = curate(inputs)
    assert run.returncode == 3, run.stderr
    found = rows(corpus)
    verdicts = {name: (row["verdict"], row["reason"]) for name, row in found.items()}
    same = [verdicts.pop("3"), verdicts.pop("4")]
    assert sorted(same, key=str) == [("done", None), ("rejected", "duplicate")]
    assert verdicts == {
        **dict.fromkeys("012", ("done", None)),
        "5": ("rejected", "gone"),
        "6": ("rejected", "not_video"),
        "7": ("failed", "fetch_failed"),
    }
    assert (found["1"]["licence"], found["1"]["caption"], found["2"]["listed_start_s"]) == ("CC-BY-4.0", "x", 1.5)
    assert found["3"]["size_bytes"] == len(CONTENT)
    assert check(corpus).ok
    assert not (corpus / "_sources").exists()
    secrets = [path for path in corpus.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
    assert secrets == []
    assert "s3cret" not in run.stdout + run.stderr


def test_clips_carry_the_licence_of_their_source(inputs: Path) -> None:
    curate(inputs)
    sql = "SELECT licence, count(*) AS n FROM clips GROUP BY licence ORDER BY licence"
    found = {row["licence"]: row["n"] for row in run_query(inputs.parent / "corpus", sql).table.to_pylist()}
    assert found["CC-BY-4.0"] == found["CC0"] == 3
    assert set(found) == {"CC-BY-4.0", "CC0", None}


def test_what_is_done_is_not_fetched_again_and_what_failed_is(server: HostileServer, inputs: Path) -> None:
    corpus = inputs.parent / "corpus"
    curate(inputs)
    digest, before = check(corpus).digest, len(server.requests)
    run = curate(inputs)
    assert run.returncode == 0
    assert "8 done earlier" in run.stdout
    assert {request.path for request in server.requests[before:]} == {"/always_503"}
    assert check(corpus).digest == digest


@pytest.mark.parametrize("keep", ["none", "until-done", "always"])
def test_downloads_stay_as_long_as_asked_for(server: HostileServer, inputs: Path, keep: str) -> None:
    corpus = inputs.parent / "corpus"
    killed = curate(inputs, "--keep-sources", keep, FIGUREGROUND_FAILPOINT="commit.clips.before")
    assert killed.returncode == -signal.SIGKILL
    before = len(server.requests)
    curate(inputs, "--keep-sources", keep)
    again = [request.path for request in server.requests[before:] if "/small/" in request.path]
    kept = [path.name for path in (corpus / "_sources").glob("*") if "." not in path.name]
    assert len(kept) == (3 if keep == "always" else 0)
    if keep != "none":
        assert again == []
    assert {row["verdict"] for row in rows(corpus).values()} == {"done", "rejected", "failed"}
    assert check(corpus).ok


def test_private_addresses_are_refused_by_default_and_taken_when_allowed(server: HostileServer, tmp_path: Path) -> None:
    uri = server.url(f"small/{tmp_path.name}")
    corpus = tmp_path / "corpus"
    run = pretend("curate", uri, "--corpus", corpus, "--quiet")
    assert run.returncode == 0
    (row,) = Corpus(corpus).arrow("sources").to_pylist()
    assert (row["verdict"], row["reason"]) == ("rejected", "refused")
    assert server.headers_of("small") == [] or all(tmp_path.name not in request.path for request in server.requests)
    pretend("curate", uri, "--corpus", corpus, *QUICK)
    verdicts = sorted(row["verdict"] for row in Corpus(corpus).arrow("sources").to_pylist())
    assert verdicts == ["done", "rejected"]


def test_more_sources_than_a_lot_are_worked_on_while_the_next_come(server: HostileServer, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n".join(server.url(f"small/{tmp_path.name}/{n}") for n in range(10)))
    corpus = tmp_path / "corpus"
    run = pretend("curate", tmp_path / "list.txt", "--corpus", corpus, *QUICK, "--set", "fetch.ahead=3", "--json")
    done = json.loads(run.stdout.splitlines()[-1])
    assert (done["inputs"], done["sources"]) == (10, {"done": 10})
    assert check(corpus).ok


def test_hostile_names_are_text_in_the_tables_and_open_files_none_the_less(tmp_path: Path) -> None:
    names = [b"\xff.mp4", b"a\nb.mp4", b"$(touch x).mp4", b"'; DROP TABLE sources;.mp4", b"\x1b[31m.mp4", b"%00.mp4"]
    folder = tmp_path / "in"
    folder.mkdir()
    for name in names:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(name)
    for done in ("6 done", "6 done earlier"):
        run = pretend("curate", folder, "--corpus", tmp_path / "corpus", "--quiet")
        assert (run.returncode, done in run.stdout) == (0, True), run.stderr
    uris = {row["uri"] for row in Corpus(tmp_path / "corpus").arrow("sources").to_pylist()}
    texts = [name.decode(errors="surrogateescape").replace("\udcff", "\\udcff") for name in names]
    assert uris == {f"{folder}/{text}" for text in texts}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "in"]


def test_a_forgotten_source_is_gone_with_its_download(server: HostileServer, inputs: Path) -> None:
    corpus = inputs.parent / "corpus"
    curate(inputs, "--keep-sources", "always")
    uri = rows(corpus)["1"]["uri"]
    assert "s3cret" not in uri
    run = pretend("forget", corpus, server.url(f"small/{inputs.parent.name}/one?token=s3cret"), "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1])["sources"] == [uri]
    assert len([path for path in (corpus / "_sources").iterdir() if "." not in path.name]) == 2
    assert os.fsencode(uri) not in b"".join(path.read_bytes() for path in corpus.rglob("*") if path.is_file())


def test_what_was_lost_of_a_remote_source_is_downloaded_again(inputs: Path) -> None:
    corpus = inputs.parent / "corpus"
    curate(inputs)
    before, kept = check(corpus), downloads(corpus)
    lose_media(corpus, "0", "2")
    offline = pretend("check", corpus, "--repair")
    assert offline.returncode == 1
    assert "not downloaded again: " in offline.stdout
    repaired = pretend("check", corpus, "--repair", "--set", "fetch.allow_private_network=true")
    assert repaired.returncode == 0, repaired.stdout
    assert check(corpus).digest == before.digest
    assert downloads(corpus) == kept
    lose_media(corpus, "1")
    repaired = pretend("check", corpus, "--repair", "--set", "fetch.allow_private_network=true")
    assert "its address held a secret" in repaired.stdout


def downloads(corpus: Path) -> set[Path]:
    return set((corpus / "_sources").rglob("*"))


def lose_media(corpus: Path, *listed: str) -> None:
    ids = {rows(corpus)[name]["source_id"] for name in listed}
    for path in map(Path, map(str, Corpus(corpus).paths("media"))):
        if any(source_id in path.name for source_id in ids):
            path.unlink()
