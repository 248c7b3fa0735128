"""What the documentation shows works: commands parse, those that are quick are run, snippets are executed, links lead
somewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
import typer
import yaml

from infra.schema_reference import reference
from pipelines.cli.app import app
from schemas.config_loading import load_config
from tests.pipelines.small_corpus import small_corpus

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "infra/README.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
RUN = ("stats", "check", "query", "compact", "duckdb", "view", "export")
"""Verbs that are quick on a small corpus; the commands of the others are parsed, and run by tests of their own."""
NOT_RUN = ("--repair",)
LINKED = sorted({*PAGES, *(p for top in ("infra", "models") for p in (REPOSITORY / top).rglob("*.md"))})
"""Pages whose links are looked at, beside those whose commands are run."""
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(rf"{FENCED.pattern}|^    [^\n]*$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$|((?:^    [^\n]*\n)+)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """language: shell, python, yaml, or none that is run."""

    page: Path
    language: str
    text: str


def snippets(page: Path) -> Iterator[Snippet]:
    for language, fenced, indented in BLOCK.findall(page.read_text()):
        text = fenced or re.sub(r"^    ", "", indented, flags=re.MULTILINE)
        first = text.split(maxsplit=1)[0]
        known = {"figureground": "shell", "import": "python", "from": "python"}
        yield Snippet(page, language or known.get(first, ""), text)


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = [s.text for s in snippets(page) if s.language == "shell"]
        lines = "\n".join(text).splitlines()
        found += [(page.name, line.strip()) for line in lines if line.startswith("figureground ")]
    return found


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documentation")
    small_corpus(folder / "corpus")
    (folder / "trial").symlink_to("corpus")  # as build.md calls the one that keeps everything
    (folder / "docs").symlink_to(REPOSITORY / "docs")
    return folder


def words(command: str) -> tuple[list[str], str | None]:
    """The arguments as a shell would give them, and the file that is standard input."""
    given, _, source = command.partition(" < ")
    return shlex.split(given, comments=True)[1:], source or None


def quick(command: str) -> bool:
    arguments, _ = words(command)
    return arguments[0] in RUN and not set(NOT_RUN) & set(arguments)


@pytest.fixture(scope="module")
def outcomes(workplace: Path) -> dict[str, str | None]:
    """What became of each command that is run."""
    asked = list(dict.fromkeys(command for _, command in commands() if quick(command)))
    given = [(arguments, (workplace / source).read_text() if source else "") for arguments, source in map(words, asked)]
    run = subprocess.run(
        [sys.executable, "-m", "tests.docs.run_commands"],
        cwd=workplace,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(asked, json.loads(run.stdout), strict=True))


@pytest.mark.parametrize(("page", "command"), commands())
def test_a_documented_command_works(page: str, command: str, outcomes: dict[str, str | None]) -> None:
    if quick(command):
        assert outcomes[command] is None, outcomes[command]
    else:
        _parse(typer.main.get_command(app), words(command)[0])


def _parse(command: click.Command, arguments: list[str]) -> None:
    """Raises click.UsageError for an option or a value that there is not."""
    if hasattr(command, "commands"):
        name, *arguments = arguments
        _parse(command.commands[name], arguments)
    else:
        command.make_context(command.name or "", list(arguments))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs_from_top_to_bottom(
    page: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workplace)
    names: dict[str, object] = {}
    for snippet in snippets(page):
        if snippet.language == "python":
            exec(compile(snippet.text, f"{page.name}", "exec"), names)


def test_the_configuration_of_the_guide_is_one(workplace: Path) -> None:
    (text,) = [s.text for s in snippets(REPOSITORY / "docs" / "build.md") if s.language == "yaml"]
    (workplace / "rules.yaml").write_text(text)
    config = load_config(workplace / "rules.yaml")
    assert config.clips.max_s == yaml.safe_load(text)["clips"]["max_s"]


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    """Files and headings of the repository; of other places, addresses that could be one."""
    text = CODE.sub("", page.read_text())
    assert re.findall(r"\]\[|^\[[^]]+\]: ", text, re.MULTILINE) == [], "a kind of link that is not looked at here"
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            parts = urlsplit(target)
            assert parts.scheme == "https" and "." in (parts.hostname or "") and not target.endswith("#"), target
            continue
        name, _, heading = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        assert not heading or heading in headings(file), target


def headings(page: Path) -> set[str]:
    """What the headings of a page are called in addresses, by the rules of GitHub."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ +(.+)$", FENCED.sub("", page.read_text()), re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found[name] = found.get(name, -1) + 1
    return {f"{name}-{n}" if n else name for name, times in found.items() for n in range(times + 1)}


def test_the_reference_of_tables_is_that_of_the_schemas() -> None:
    said = (REPOSITORY / "docs" / "schema.md").read_text()
    assert said == reference() + "\n", "run: python -m infra.schema_reference > docs/schema.md"


def test_every_recipe_is_in_the_guide() -> None:
    guide = (REPOSITORY / "docs" / "query.md").read_text()
    for path in (REPOSITORY / "docs" / "recipes").glob("*.sql"):
        assert f"recipes/{path.name}" in guide


def test_every_verb_has_an_example_in_its_help() -> None:
    main = typer.main.get_command(app)
    assert isinstance(main, click.Group) or hasattr(main, "commands")
    for name, command in main.commands.items():
        for verb in getattr(command, "commands", {name: command}).values():
            assert "Example: figureground " in (verb.help or ""), verb.name
