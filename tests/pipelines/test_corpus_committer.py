from __future__ import annotations

import os
import pickle
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import pipelines.corpus.committer
from pipelines.corpus.check import check
from pipelines.corpus.committer import Committer
from pipelines.corpus.layout import MANIFEST, Layout
from pipelines.corpus.manifest import FORMAT
from pipelines.corpus.parts import PartWriter, part_id_of
from pipelines.corpus.read import Corpus
from schemas.config import Config
from schemas.config_loading import load_config
from schemas.errors import ConfigError, CorpusError
from tests.pipelines.corpus_records import FORKS, add_source, make_clip, make_corpus, make_report, make_source


def hold(root: Path, ready: Connection) -> None:
    with Committer(root, Config()):
        ready.send("held")
        ready.recv()


def versions(root: Path) -> list[int]:
    corpus = Corpus(root)
    return [len(list((corpus.layout.table(name) / "_delta_log").glob("*.json"))) for name in ("clips", "media")]


def test_a_second_driver_is_told_who_writes_the_corpus(tmp_path: Path) -> None:
    here, there = FORKS.Pipe()
    other = FORKS.Process(target=hold, args=(tmp_path, there))
    other.start()
    assert here.recv() == "held"
    with pytest.raises(CorpusError, match=rf"being written by process {other.pid} on \S+ since 20"):
        Committer(tmp_path, Config()).__enter__()
    here.send("go")
    other.join()
    with Committer(tmp_path, Config()) as committer:
        add_source(committer, "a")


def test_a_killed_driver_does_not_keep_the_lock(tmp_path: Path) -> None:
    here, there = FORKS.Pipe()
    other = FORKS.Process(target=hold, args=(tmp_path, there))
    other.start()
    assert here.recv() == "held"
    other.kill()
    other.join()
    with Committer(tmp_path, Config()) as committer:
        assert len(committer.progress().reported) == 0


def test_the_same_process_cannot_open_a_corpus_for_writing_twice(tmp_path: Path) -> None:
    with Committer(tmp_path, Config()), pytest.raises(CorpusError, match="already open for writing"):
        Committer(tmp_path, Config()).__enter__()
    with Committer(tmp_path, Config()):
        pass


def test_another_configuration_is_refused_with_every_difference(tmp_path: Path) -> None:
    make_corpus(tmp_path)
    other = load_config(settings=("clips.max_s=8", "screening.luminance.min=0.2"))
    with pytest.raises(ConfigError) as error:
        Committer(tmp_path, other).__enter__()
    assert "clips.max_s: 10.0 -> 8.0" in str(error.value)
    assert "screening.luminance.min: None -> 0.2" in str(error.value)


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("...")
    with pytest.raises(CorpusError, match=r"holds other things \(thesis.tex"):
        Committer(tmp_path, Config()).__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_place_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CorpusError, match="cannot create a corpus"):
        Committer(tmp_path / "corpus", Config()).__enter__()


def test_many_rows_wait_in_files_and_are_committed_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines.corpus.committer, "_MOST_ROWS", 4)
    waiting = []
    with Committer(tmp_path, Config()) as committer:
        for name in "abcde":
            source = make_source(name)
            clips = [make_clip(source, i) for i in range(2)]
            committer.add(PartWriter(tmp_path).write(part_id_of(source.source_id, 0), clips, make_report(source, 2)))
            waiting.append(len(list((tmp_path / "clips").glob("*.parquet"))))
        assert Corpus(tmp_path).arrow("clips").num_rows == 0
    assert waiting == [0, 1, 1, 2, 2]
    log = list((tmp_path / "clips" / "_delta_log").glob("*.json"))
    assert len(log) == 2, "creation and one commit"
    report = check(tmp_path)
    assert (report.rows["clips"], report.rows["sources"], report.ok) == (10, 5, True)


def test_rows_that_waited_in_files_are_swept_if_their_run_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines.corpus.committer, "_MOST_ROWS", 1)
    died, other = make_source("a"), make_source("b")
    with pytest.raises(KeyboardInterrupt), Committer(tmp_path, Config()) as committer:
        committer.add(PartWriter(tmp_path).write(part_id_of(died.source_id, 0), [make_clip(died, 0)]))
        raise KeyboardInterrupt
    [left] = (tmp_path / "clips").glob("*.parquet")
    with Committer(tmp_path, Config()) as committer:
        committer.add(PartWriter(tmp_path).write(part_id_of(other.source_id, 0), [make_clip(other, 0)]))
    assert not left.exists()
    assert check(tmp_path).ok


@pytest.mark.parametrize("other", [FORMAT - 1, FORMAT + 1])
def test_a_corpus_of_another_format_is_refused(other: int, tmp_path: Path) -> None:
    make_corpus(tmp_path)
    manifest = tmp_path / MANIFEST
    manifest.write_text(manifest.read_text().replace(f'"format": {FORMAT}', f'"format": {other}'))
    with pytest.raises(CorpusError, match=f"has format {other}.*: build it anew"):
        Corpus(tmp_path)


def test_a_part_that_comes_twice_is_taken_once(tmp_path: Path) -> None:
    source = make_source("a")
    clips = [make_clip(source, i) for i in range(2)]
    with Committer(tmp_path, Config()) as committer:
        part = PartWriter(tmp_path).write(part_id_of(source.source_id, 0), clips, make_report(source, 2))
        assert committer.add(part)
        assert not committer.add(part), "while it is pending"
        committer.flush()
        assert not committer.add(part), "when it is committed"
    with Committer(tmp_path, Config()) as committer:
        assert not committer.add(part), "in a later run"
    report = check(tmp_path)
    assert (report.rows["clips"], report.rows["media"], report.rows["sources"]) == (2, 2, 1)
    assert report.ok


def test_a_speculative_copy_that_came_out_differently_does_not_touch_the_committed_files(tmp_path: Path) -> None:
    source = make_source("a")
    clip = make_clip(source, 0)
    with Committer(tmp_path, Config()) as committer:
        writer = PartWriter(tmp_path)
        committer.add(writer.write("part", [clip], make_report(source, 1)))
        committer.flush()
        assert clip.media is not None
        late = writer.write("part", [replace(clip, media=replace(clip.media, codec="hevc"))])
        assert not committer.add(late)
        assert Corpus(tmp_path).media(clip.clip_id).codec == "h264"
    assert check(tmp_path).ok
    layout = Layout.at(tmp_path)
    assert len(list(layout.data_files("media"))) == 1, "the copy's file is swept"


def test_a_part_that_mixes_committed_and_new_clips_is_refused(tmp_path: Path) -> None:
    source = make_source("a")
    clips = [make_clip(source, i) for i in range(3)]
    with Committer(tmp_path, Config()) as committer:
        writer = PartWriter(tmp_path)
        committer.add(writer.write("one", clips[:2]))
        with pytest.raises(CorpusError, match="mixes clips"):
            committer.add(writer.write("two", clips[1:]))


def test_progress_names_what_is_done_and_what_is_left(tmp_path: Path) -> None:
    done, begun, copy = make_source("done"), make_source("begun"), replace(make_source("begun"), uri="/copy.mp4")
    with Committer(tmp_path, Config()) as committer:
        writer = PartWriter(tmp_path)
        committer.add(writer.write("a", [make_clip(done, 0)], make_report(done, 1)))
        committer.add(writer.write("b", [make_clip(begun, 0), make_clip(begun, 1, reasons=("text_area_high",))]))
        committer.add(writer.write("c", [], make_report(copy, verdict="rejected", reason="duplicate")))
    with Committer(tmp_path, Config()) as committer:
        progress = committer.progress()
        assert progress.is_reported(done.uri, done.sha256)
        assert progress.is_reported(copy.uri, copy.sha256)
        assert not progress.is_reported(begun.uri, begun.sha256)
        assert done.source_id in progress.finished
        assert begun.source_id not in progress.finished, "a copy's verdict does not finish the original"
        assert progress.committed_clips(done.source_id) == frozenset()
        assert progress.committed_clips(begun.source_id) == {make_clip(begun, i).clip_id for i in range(2)}


def test_commits_do_not_grow_with_the_number_of_parts(tmp_path: Path) -> None:
    few, many = make_corpus(tmp_path / "few", sources=2), make_corpus(tmp_path / "many", sources=12)
    assert versions(few) == versions(many)


def test_an_old_batch_is_committed_although_it_is_small(tmp_path: Path) -> None:
    source = make_source("a")
    with Committer(tmp_path, Config(), seconds_per_batch=0) as committer:
        committer.add(PartWriter(tmp_path).write("a", [make_clip(source, 0)]))
        assert len(Corpus(tmp_path).kept_clip_ids()) == 1


def test_a_run_that_raises_commits_nothing_more_and_sweeps_nothing(tmp_path: Path) -> None:
    source = make_source("a")
    with pytest.raises(RuntimeError), Committer(tmp_path, Config()) as committer:
        committer.add(PartWriter(tmp_path).write("a", [make_clip(source, 0)]))
        raise RuntimeError
    assert Corpus(tmp_path).kept_clip_ids() == []
    assert len(list(Layout.at(tmp_path).data_files("media"))) == 1
    make_corpus(tmp_path)
    assert check(tmp_path).ok


def test_a_disk_that_is_full_leaves_nothing_half_visible(tmp_path: Path) -> None:
    here, there = FORKS.Pipe()
    other = FORKS.Process(target=run_out_of_space, args=(tmp_path, there))
    other.start()
    assert here.recv().startswith("cannot write ")
    other.join()
    assert check(tmp_path).ok
    make_corpus(tmp_path)
    assert check(tmp_path).digest == check(make_corpus(tmp_path.parent / "whole")).digest


def run_out_of_space(root: Path, answer: Connection) -> None:
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Committer(root, Config()):
        pass
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
    try:
        make_corpus(root)
    except CorpusError as error:
        answer.send(str(error))
    else:
        answer.send("no error")


def test_parts_and_writers_travel_between_processes_and_stay_small(tmp_path: Path) -> None:
    make_corpus(tmp_path)
    source = make_source("b")
    writer = pickle.loads(pickle.dumps(PartWriter(tmp_path)))
    part = writer.write("b", [make_clip(source, i) for i in range(8)], make_report(source, 8))
    assert len(pickle.dumps(part)) < 1500 * 8
    assert pickle.loads(pickle.dumps(part)) == part
