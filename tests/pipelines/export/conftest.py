from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.corpus.read import Corpus
from tests.pipelines.small_corpus import small_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus(small_corpus(tmp_path_factory.mktemp("export") / "corpus"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "an export"
