from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.corpus.read import Corpus
from pipelines.gallery.site import write_site
from tests.pipelines.small_corpus import small_corpus


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus(small_corpus(tmp_path_factory.mktemp("gallery") / "<i>corpus"))


@pytest.fixture(scope="session")
def site(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site(corpus, tmp_path_factory.mktemp("site")).index.parent
