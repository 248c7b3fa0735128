from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
CURATION_ONLY = ("av", "cv2", "scenedetect", "ai_edge_litert", "onnxruntime", "pycocotools", "psutil", "torch")


def imported_by(statement: str) -> set[str]:
    """Top-level names of the modules that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        "from figureground import Corpus; Corpus",
        "import pipelines.corpus.query, pipelines.corpus.stats, pipelines.corpus.check",
        "import pipelines.cli.app",
        "import schemas.tables, schemas.config",
    ],
)
def test_reading_a_corpus_needs_none_of_the_libraries_of_curation(statement: str) -> None:
    assert not imported_by(statement) & set(CURATION_ONLY)


def test_the_command_line_starts_without_the_libraries_of_tables() -> None:
    assert not imported_by("import pipelines.cli.app") & {"pyarrow", "duckdb", "deltalake", "numpy", "pydantic"}


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    import figureground

    with pytest.raises(AttributeError, match="Clips"):
        _ = figureground.Clips


def test_every_public_name_is_where_it_is_said_to_be() -> None:
    import figureground

    assert [name for name in figureground.__all__ if getattr(figureground, name).__name__ != name] == []
    assert sorted(figureground.__all__) == sorted(figureground._HOMES)
