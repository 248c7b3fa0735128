from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.corpus.read import Corpus
from tests.pipelines.render_corpus import puppet, write_render_corpus

FRAMES = 32


@pytest.fixture(scope="session")
def ids(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("evaluated") / "corpus"
    clips = {"pan": puppet(11, "pan", FRAMES), "zoom": puppet(18, "zoom", FRAMES), "still": puppet(4, "static", FRAMES)}
    return write_render_corpus(root, clips) | {"root": str(root)}


@pytest.fixture(scope="session")
def corpus(ids: dict[str, str]) -> Corpus:
    return Corpus(Path(ids["root"]))
