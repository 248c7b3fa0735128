from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from deltalake import DeltaTable

from pipelines.corpus.check import check
from pipelines.corpus.committer import Committer
from pipelines.corpus.compact import compact
from pipelines.corpus.duplicates import mark_near_duplicates
from pipelines.corpus.forget import forget
from pipelines.corpus.history import drop_history
from pipelines.corpus.layout import Layout
from pipelines.corpus.parts import PartWriter
from pipelines.corpus.query import run_query
from pipelines.corpus.read import Corpus
from pipelines.corpus.traces import search
from schemas.config_loading import load_config
from schemas.errors import CorpusError
from schemas.reasons import SourceReason
from schemas.tables import TABLES
from tests.command_line import figureground
from tests.pipelines.corpus_records import FORKS, add_source, make_clip, make_corpus, make_report, make_source
from transforms.fetch.store import SourceStore, Validators

FAILPOINTS = (
    *("forget.poses.before", "forget.media.after", "forget.clips.before", "forget.clips.after"),
    *("forget.history.before", "forget.history.after", "forget.sources.before", "forget.sources.after", "close.sweep"),
)


def needles(name: str) -> list[bytes]:
    """Everything that is particular to a source: ids, address, bytes of its videos."""
    source = make_source(name)
    videos = [clip.media.video for clip in (make_clip(source, index) for index in range(4)) if clip.media]
    return [source.source_id.encode(), source.uri.encode(), *(video[100:150] for video in videos)]


def found(corpus: Path, name: str) -> tuple[str, ...]:
    return search(Layout.at(corpus), needles(name)).found


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three sources in several versions: batches, a compaction, and rows after it."""
    root = make_corpus(tmp_path / "corpus", 2, parts_per_batch=1)
    compact(root)
    with Committer(root, Corpus(root).config, parts_per_batch=1) as committer:
        add_source(committer, "source2")
    return root


def test_a_search_sees_names_bytes_and_packed_texts(corpus: Path) -> None:
    names = {Path(path).relative_to(corpus).parts[0] for path in found(corpus, "source1")}
    assert names >= {"clips", "sources", "poses", "tracks", "media"}
    assert "_delta_log" in "".join(found(corpus, "source2")), "file names in the log count, too"
    assert found(corpus, "source7") == ()


@pytest.mark.parametrize("by", ["uri", "source_id", "sha256"])
def test_nothing_is_left_of_a_forgotten_source_and_all_of_the_others(corpus: Path, tmp_path: Path, by: str) -> None:
    make_corpus(tmp_path / "without", 1)
    with Committer(tmp_path / "without", Corpus(corpus).config) as committer:
        add_source(committer, "source2")
    source = make_source("source1")
    done = forget(corpus, [getattr(source, by)])
    assert done.sources == (source.uri,)
    assert done.rows == {"poses": 6, "masks": 6, "tracks": 3, "media": 3, "clips": 4, "sources": 1}
    assert done.search.found == found(corpus, "source1") == ()
    assert done.search.size_bytes > 20_000
    report = check(corpus, deep=False)
    assert report.ok
    assert report.digest == check(tmp_path / "without").digest


def test_old_versions_are_gone_and_new_ones_can_be_written(corpus: Path) -> None:
    before = DeltaTable(str(corpus / "media")).version()
    forget(corpus, [make_source("source0").uri])
    table = DeltaTable(str(corpus / "media"))
    assert table.version() > before
    assert len(list((corpus / "media" / "_delta_log").glob("*.json"))) == 1
    with Committer(corpus, Corpus(corpus).config) as committer:
        add_source(committer, "source3")
        add_source(committer, "source3")
    assert check(corpus).ok
    assert run_query(corpus, "SELECT count(*) AS n FROM sources").table.to_pylist() == [{"n": 3}]


def test_several_and_all_sources_can_be_forgotten(corpus: Path) -> None:
    done = forget(corpus, [make_source(f"source{n}").uri for n in range(3)])
    assert done.search.found == ()
    assert done.rows["clips"] == 12
    report = check(corpus)
    assert (report.ok, sum(report.rows.values())) == (True, 0)


def test_content_is_forgotten_under_every_address_it_came_from(corpus: Path) -> None:
    source = make_source("source1")
    copy = type(source)("/elsewhere/copy.mp4", source.sha256, source.size_bytes)
    with Committer(corpus, Corpus(corpus).config) as committer:
        report = make_report(copy, verdict="rejected", reason=SourceReason.DUPLICATE)
        committer.add(PartWriter(corpus).write("copy-report", (), report))
    done = forget(corpus, ["/elsewhere/copy.mp4"])
    assert done.sources == ("/elsewhere/copy.mp4", source.uri)
    assert done.search.found == ()


def test_copies_of_a_forgotten_clip_come_back(tmp_path: Path) -> None:
    config = load_config(settings=("near_duplicate_bits=4",))
    with Committer(tmp_path, config) as committer:
        writer = PartWriter(tmp_path)
        for name in ("one", "two"):
            source = make_source(name)
            clip = make_clip(source, 0, phash="0123456789abcdef" * 5)
            committer.add(writer.write(f"{source.source_id}_0", (clip,), make_report(source, 1)))
        assert mark_near_duplicates(committer, 4) == 1
    (original,) = {row["duplicate_of"] for row in Corpus(tmp_path).arrow("clips").to_pylist()} - {None}
    assert forget(tmp_path, [original.split("_")[0]]).search.found == ()
    (row,) = Corpus(tmp_path).arrow("clips").to_pylist()
    assert (row["kept"], row["duplicate_of"]) == (True, None)
    assert check(tmp_path).ok


def test_downloads_of_a_source_are_forgotten_with_it(corpus: Path) -> None:
    store = SourceStore(corpus / "_sources")
    uri = make_source("source1").uri
    for address in (uri, "https://example.org/other.mp4"):
        part = store.part(address)
        part.restart(Validators('"1"'), None)
        part.append(address.encode() * 10)
        store.finish(part)
    part = store.part(uri)
    part.restart(Validators('"2"'), None)
    part.close()
    forget(corpus, [uri])
    assert len(list((corpus / "_sources").iterdir())) == 1
    assert store.find("https://example.org/other.mp4") is not None


def test_an_unknown_name_is_an_error_and_changes_nothing(corpus: Path) -> None:
    versions = [DeltaTable(str(corpus / name)).version() for name in TABLES]
    with pytest.raises(CorpusError, match="has no source /videos/none"):
        forget(corpus, ["/videos/none.mp4"])
    assert [DeltaTable(str(corpus / name)).version() for name in TABLES] == versions


def test_dropping_the_history_twice_is_dropping_it_once(corpus: Path) -> None:
    digest = check(corpus).digest
    for _ in range(2):
        drop_history(Layout.at(corpus), "media")
    assert check(corpus).digest == digest


def _forget_and_die(corpus: Path, place: str) -> None:
    os.environ["FIGUREGROUND_FAILPOINT"] = place
    forget(corpus, [make_source("source1").uri])


@pytest.mark.slow
@pytest.mark.parametrize("place", FAILPOINTS)
def test_a_killed_attempt_is_finished_by_the_next(corpus: Path, place: str) -> None:
    process = FORKS.Process(target=_forget_and_die, args=(corpus, place))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    done = forget(corpus, [make_source("source1").uri]) if found(corpus, "source1") else None
    assert done is None or done.search.found == ()
    assert found(corpus, "source1") == ()
    assert check(corpus).ok
    assert run_query(corpus, "SELECT count(*) AS n FROM clips").table.to_pylist() == [{"n": 8}]


def test_the_command_says_what_it_did(corpus: Path) -> None:
    run = figureground("forget", corpus, make_source("source1").uri, check=True)
    assert "4 clips" in run.stdout
    assert "no trace" in run.stdout
    run = figureground("forget", corpus, make_source("source1").uri)
    assert run.returncode == 1
    assert "has no source" in run.stderr
