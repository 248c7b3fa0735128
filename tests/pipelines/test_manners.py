"""How the command line behaves towards people and pipes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import REPOSITORY, figureground


def test_an_error_has_no_traceback_unless_asked_for(tmp_path: Path) -> None:
    plain = figureground("stats", tmp_path)
    asked = figureground("stats", tmp_path, "--debug")
    assert (plain.returncode, asked.returncode) == (1, 1)
    assert plain.stderr == f"figureground: {tmp_path} is no corpus: it has no figureground.json\n"
    assert "Traceback" in asked.stderr
    assert asked.stderr.rstrip().endswith("it has no figureground.json")


def test_a_file_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pipelines.cli import app

    def fails() -> None:
        Path("/proc/no/such/file").write_text("")

    app.app.command("fails")(fails)
    monkeypatch.setattr(sys, "argv", ["figureground", "fails"])
    try:
        with pytest.raises(SystemExit) as left:
            app.main()
    finally:
        app.app.registered_commands.pop()
    assert left.value.code == 1
    assert capsys.readouterr().err == "figureground: /proc/no/such/file: No such file or directory\n"


def test_the_shell_completes_verbs() -> None:
    code = "import sys; sys.argv[0] = 'figureground'; from pipelines.cli import main; main()"
    asked = {"_FIGUREGROUND_COMPLETE": "complete_bash", "COMP_WORDS": "figureground ex", "COMP_CWORD": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.split() == ["export"]


def test_results_in_a_pipe_have_no_colours(tmp_path: Path) -> None:
    from pipelines.corpus.committer import Committer
    from schemas.config import Config

    with Committer(tmp_path / "corpus", Config()):
        pass
    run = figureground("stats", tmp_path / "corpus", check=True)
    assert "kept clips" in run.stdout
    assert "\x1b" not in run.stdout + run.stderr
