"""From files to a corpus, end to end, on real footage and on bad input."""

from __future__ import annotations

import io
import json
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import av
import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from models.weights.wheels import wheel_members
from pipelines.corpus.check import check
from pipelines.corpus.read import Corpus
from tests.command_line import figureground
from tests.video_files import colour, moving, write_audio, write_video

SHORT_TAKES = ("--set", "clips.min_s=1.5")
KILL_AT = (
    "commit.poses.after",
    *(
        pytest.param(place, marks=pytest.mark.slow)
        for place in ("create.tables", "redo.write.after", "commit.clips.before", "close.sweep")
    ),
)


@pytest.fixture(scope="session")
def gymnast() -> Path:
    member = "Pose2Sim/Demo_SinglePerson/videos/cam03.mp4"
    return wheel_members("pose2sim", "0.10.49", [member])[member]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, gymnast: Path) -> Path:
    """One good video among every kind of bad input."""
    folder = tmp_path_factory.mktemp("inputs")
    shutil.copy(gymnast, folder / "gymnast.mp4")
    shutil.copy(gymnast, folder / "gymnast_again.mp4")
    write_video(folder / "nobody.mp4", moving(60))
    write_video(folder / "one_frame.mp4", moving(1))
    write_video(folder / "black.mp4", colour(60))
    write_audio(folder / "sound.mp4")
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("this is no video\n" * 100)
    (folder / "truncated.mp4").write_bytes(gymnast.read_bytes()[:60_000])
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, inputs: Path) -> Corpus:
    path = tmp_path_factory.mktemp("curated") / "corpus"
    run = figureground("curate", inputs, "--corpus", path, *SHORT_TAKES)
    assert run.returncode in (0, 3), run.stderr
    assert "9 inputs" in run.stdout
    return Corpus(path)


def verdicts(corpus: Corpus) -> dict[str, tuple[str, str | None]]:
    rows = corpus.arrow("sources").to_pylist()
    return {Path(row["uri"]).name: (row["verdict"], row["reason"]) for row in rows}


def test_every_input_gets_a_verdict_and_bad_ones_a_reason(corpus: Corpus) -> None:
    found = verdicts(corpus)
    assert found.pop("truncated.mp4")[0] in ("rejected", "failed")
    assert found == {
        "gymnast.mp4": ("done", None),
        "gymnast_again.mp4": ("rejected", "duplicate"),
        "nobody.mp4": ("done", None),
        "black.mp4": ("done", None),
        "one_frame.mp4": ("rejected", "too_short"),
        "sound.mp4": ("rejected", "no_video_stream"),
        "empty.mp4": ("rejected", "empty"),
        "text.mp4": ("rejected", "not_video"),
    }


def test_the_good_clip_beside_bad_input_is_kept_and_others_say_why_not(corpus: Corpus) -> None:
    with corpus.connect() as connection:
        rows = connection.execute(
            "SELECT parse_filename(uri), kept, reject_reasons FROM clips JOIN sources USING (source_id) "
            "WHERE verdict = 'done'"
        ).fetchall()
    by_name = {name: (kept, reasons) for name, kept, reasons in rows}
    assert by_name["gymnast.mp4"] == (True, [])
    assert not by_name["nobody.mp4"][0]
    assert by_name["nobody.mp4"][1]
    assert "black_share_high" in by_name["black.mp4"][1]


def test_arrays_are_as_long_as_the_stored_video_and_the_check_is_clean(corpus: Corpus) -> None:
    report = check(corpus, deep=True)
    assert report.ok, report.problems
    assert report.videos_decoded == len(corpus.kept_clip_ids()) == 1
    clip_id = corpus.kept_clip_ids()[0]
    annotation, media = corpus.annotation(clip_id), corpus.media(clip_id)
    with av.open(io.BytesIO(media.video)) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert annotation.tracks.xy_NT2.shape[1] == frames
    assert all(person.pose.xy_TJ2.shape == (frames, 33, 2) for person in annotation.persons)
    assert all(len(person.mask.rle) == frames for person in annotation.persons)


def test_the_tables_open_in_plain_pyarrow_pandas_and_duckdb(corpus: Corpus) -> None:
    folder = corpus.root / "clips"
    kept = pd.concat(pd.read_parquet(path) for path in sorted(folder.glob("*.parquet")))["kept"].sum()
    assert kept == sum(pq.read_table(path).column("kept").to_pylist().count(True) for path in folder.glob("*.parquet"))
    count = f"SELECT count(*) FROM read_parquet('{folder}/*.parquet') WHERE kept"
    assert duckdb.connect().execute(count).fetchall() == [(kept,)]
    assert kept == 1


def test_joints_and_points_come_out_in_long_form(corpus: Corpus) -> None:
    sql = "SELECT count(*) AS n FROM keypoints WHERE joint = 'left_knee' AND person = 0"
    run = figureground("query", corpus.root, sql, "--format", "json", check=True)
    frames = json.loads(run.stdout)[0]["n"]
    run = figureground("query", corpus.root, "SELECT count(DISTINCT frame) AS n FROM points", "--format", "json")
    assert json.loads(run.stdout) == [{"n": frames}]


def test_running_again_does_nothing_and_changes_nothing(corpus: Corpus, inputs: Path) -> None:
    before = check(corpus).digest
    run = figureground("curate", inputs, "--corpus", corpus.root, *SHORT_TAKES)
    assert "9 done earlier" in run.stdout
    assert check(Corpus(corpus.root)).digest == before


def test_another_configuration_is_refused_by_name(corpus: Corpus, inputs: Path) -> None:
    run = figureground("curate", inputs, "--corpus", corpus.root, "--set", "clips.min_s=1.2")
    assert run.returncode == 1
    assert "clips.min_s: 1.5 -> 1.2" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_clip_can_be_looked_at(corpus: Corpus, tmp_path: Path) -> None:
    clip_id = corpus.kept_clip_ids()[0]
    figureground("view", corpus.root, clip_id, "--out", tmp_path, check=True)
    with av.open(str(tmp_path / f"{clip_id}.mp4")) as container:
        drawn = sum(1 for _ in container.decode(video=0))
    assert drawn == corpus.clip(clip_id)["frames"]
    assert (tmp_path / "contact_sheet.png").stat().st_size > 10_000


def test_the_funnel_adds_up(corpus: Corpus) -> None:
    funnel = json.loads(figureground("stats", corpus.root, "--json", check=True).stdout)
    assert funnel["sources"]["number"] == 9
    assert funnel["kept"]["number"] == 1
    candidates = sum(funnel[fate]["number"] for fate in ("kept", "rejected", "failed"))
    assert candidates == funnel["candidates"]["number"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, gymnast: Path) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("killed")
    shutil.copy(gymnast, folder / "gymnast.mp4")
    write_video(folder / "nobody.mp4", moving(60))
    figureground("curate", folder, "--corpus", folder / "whole", *SHORT_TAKES, check=True)
    digest = check(folder / "whole").digest
    assert digest is not None
    return folder, digest


@pytest.mark.parametrize("place", KILL_AT)
def test_a_run_killed_anywhere_and_run_again_gives_the_same_corpus(undisturbed: tuple[Path, str], place: str) -> None:
    folder, digest = undisturbed
    sources = [folder / "gymnast.mp4", folder / "nobody.mp4"]
    corpus = folder / place
    command = ("curate", *sources, "--corpus", corpus, *SHORT_TAKES)
    killed = figureground(*command, "--quiet", FIGUREGROUND_FAILPOINT=place)
    assert killed.returncode == -signal.SIGKILL
    figureground(*command, check=True)
    report = check(corpus, deep=True)
    assert report.ok, report.problems
    assert report.digest == digest


def test_a_second_driver_is_told_who_holds_the_corpus(undisturbed: tuple[Path, str]) -> None:
    folder, _ = undisturbed
    from pipelines.corpus.committer import Committer

    corpus = Corpus(folder / "whole")
    with Committer(corpus.root, corpus.config):
        run = figureground("curate", folder / "nobody.mp4", "--corpus", corpus.root, *SHORT_TAKES)
    assert run.returncode == 1
    assert "is being written by process" in run.stderr


def test_interrupting_once_stops_cleanly_and_says_how_to_go_on(gymnast: Path, tmp_path: Path) -> None:
    from tests.command_line import COMMAND, REPOSITORY

    with socket.create_server(("127.0.0.1", 0)) as silent:
        sources = [str(gymnast), f"http://127.0.0.1:{silent.getsockname()[1]}/never.mp4"]
        options = ["--corpus", str(tmp_path / "corpus"), "--allow-private-network", *SHORT_TAKES]
        command = [*COMMAND, "curate", *sources, *options]
        process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        silent.settimeout(120)
        with silent.accept()[0]:  # at work, and waiting for an answer that never comes
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Run the same command again" in said
    assert "Traceback" not in said
