"""Without the extras, whatever needs one says which."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import PartWriter
from schemas.config import Config
from schemas.extras import extras_of, needs
from tests.command_line import REPOSITORY
from tests.core_only import modules_of_extras
from tests.pipelines.corpus_records import make_clip, make_report, make_source

OURS = ("pipelines", "transforms", "models", "schemas")
CORE = {
    "numpy",
    "pyarrow",
    "duckdb",
    "deltalake",
    "fsspec",
    "obstore",
    "pydantic",
    "annotated_types",
    "yaml",
    "rich",
    "typer",
}
ELSEWHERE = {"cotracker": "on no package index", "httpcore": "comes with httpx"}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module))
    return {name.partition(".")[0] for name in names}


def test_every_module_that_the_code_imports_is_of_the_core_or_of_an_extra_that_can_be_named() -> None:
    found = set().union(*(imported(path) for folder in OURS for path in (REPOSITORY / folder).rglob("*.py")))
    others = found - set(sys.stdlib_module_names) - set(OURS) - CORE - set(ELSEWHERE)
    assert {"av", "cv2", "psutil", "rerun", "torch", "scenedetect"} <= others
    assert [name for name in others if not extras_of(name)] == []


def test_the_extras_of_a_module_are_those_of_the_project() -> None:
    declared = modules_of_extras()
    for module in set().union(*declared.values()):
        assert set(extras_of(module)) - {"dev"} == {extra for extra, modules in declared.items() if module in modules}


def test_of_several_extras_the_one_is_named_that_is_wanted() -> None:
    said = needs("training", "torch.nn", wanted="generate")
    assert said == "training needs torch.nn: pip install 'figureground[generate]'"
    assert needs("it", "torch", "torchvision", wanted="pages").startswith("it needs torch and torchvision: pip install")
    assert needs("it", "nothing_of_ours") == "it needs nothing_of_ours, which is not installed"
    assert extras_of("") == []


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root, source = tmp_path_factory.mktemp("core") / "corpus", make_source("a")
    with Committer(root, Config()) as committer:
        committer.add(PartWriter(root).write("a", [make_clip(source, 0)], make_report(source, 1)))
    return root


def core_only(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.core_only", *map(str, arguments)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("curate {corpus} --corpus {out}", "the engine 'local' needs psutil: pip install 'figureground[curate]'"),
        ("curate {corpus} --corpus {out} --engine ray", "the engine 'ray' needs ray: pip install 'figureground[ray]'"),
        ("view {corpus} --out {out}", "this command needs psutil: pip install 'figureground[curate]'"),
        ("demo --out {out}", "this command needs av: pip install 'figureground[curate]'"),
        ("check {corpus} --deep", "decoding stored videos needs av: pip install 'figureground[curate]'"),
        ("export {corpus} --format coco --out {out}", "format coco needs cv2: pip install 'figureground[curate]'"),
        ("train --corpus {corpus} --config pocket-images --out {out}", "torch: pip install 'figureground[generate]'"),
    ],
)
def test_a_verb_names_the_extra_it_needs(corpus: Path, tmp_path: Path, verb: str, said: str) -> None:
    run = core_only(*verb.format(corpus=corpus, out=tmp_path / "out").split())
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.rstrip().endswith(said)
    assert "--debug" not in run.stderr


def test_what_reads_a_corpus_needs_no_extra(corpus: Path) -> None:
    for verb in (["stats"], ["check"], ["query", "SELECT count(*) FROM clips"]):
        run = core_only(verb[0], corpus, *verb[1:])
        assert run.returncode == 0, run.stderr
