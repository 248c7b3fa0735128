"""The notebook of the guides runs from top to bottom and draws what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.corpus.read import Corpus
from tests.pipelines.small_corpus import small_corpus

REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOK = REPOSITORY / "docs" / "notebook.ipynb"
pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def test_its_cells_run_in_order_and_draw_the_corpus(tmp_path: Path) -> None:
    corpus = Corpus(small_corpus(tmp_path / "demo" / "corpus"))
    run = subprocess.run(
        [sys.executable, "-m", "tests.docs.run_notebook", NOTEBOOK],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    motions, reasons, speeds, clip = json.loads(run.stdout)
    measured = corpus.clips("person_motion IS NOT NULL AND background_motion IS NOT NULL")
    assert motions["points"] == len(measured) > 0
    assert reasons["patches"] == 2
    assert speeds["patches"] == 2
    assert (clip["pictures"], clip["points"] > 5, clip["lines"] > 5) == (1, True, True)


def test_it_is_a_notebook_without_results_and_without_commands_of_a_shell() -> None:
    tree = json.loads(NOTEBOOK.read_text())
    assert (tree["nbformat"], tree["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in tree["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in tree["cells"]:
        assert cell.get("outputs", []) == []
        assert not any(line.startswith(("!", "%")) for line in cell["source"])
