"""The command line over stages that pretend: `python -m tests.pipelines.simulated curate ...` as `figureground` would.

A source is any small file; what it holds is what its clips are made from. Everything else is real: the engine, its
workers, the corpus, the failpoints, the exit codes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from schemas.outcomes import Kept, Outcome, Rejected
from schemas.records import Clip, Source, SourceReport
from tests.command_line import REPOSITORY
from tests.pipelines.corpus_records import make_clip, make_report
from transforms.stage import Stage

SECONDS_VARIABLE = "SIMULATED_SECONDS_A_CLIP"
CLIPS_VARIABLE = "SIMULATED_CLIPS"
KEEP_NONE_VARIABLE = "SIMULATED_KEEP_NONE"
CLIPS = 3


@dataclass
class PretendToDecode(Stage[Source, Clip]):
    """Clips of a source, of which the second is turned away, or all; then the report."""

    clips: int
    keep: bool = True

    name = "decode"
    accepts = Source

    def setup(self) -> None:
        without_pandas()

    def process(self, item: Source) -> Iterable[Outcome[Clip | SourceReport]]:
        for index in range(self.clips):
            rejected = index % 3 == 1 or not self.keep
            clip = make_clip(item, index, reasons=("luminance_low",) if rejected else ())
            yield Rejected(clip, ("luminance_low",)) if rejected else Kept(clip)
        yield Kept(replace(make_report(item, self.clips), source=item))


@dataclass
class PretendToAnnotate(Stage[Clip, Clip]):
    """Takes its time."""

    seconds: float

    name = "annotate"
    accepts = Clip

    def process(self, item: Clip) -> Iterable[Outcome[Clip]]:
        time.sleep(self.seconds)
        yield Kept(item)


@dataclass
class Pause(Stage[int, int]):
    """Does nothing for a while."""

    seconds: float

    name = "pause"
    accepts = int

    def process(self, item: int) -> Iterable[Outcome[int]]:
        time.sleep(self.seconds)
        yield Kept(item)


def pretended_stages(_: Any = None) -> tuple[Stage[Any, Any], ...]:
    clips, seconds = os.environ.get(CLIPS_VARIABLE, str(CLIPS)), os.environ.get(SECONDS_VARIABLE, "0")
    return PretendToDecode(int(clips), KEEP_NONE_VARIABLE not in os.environ), PretendToAnnotate(float(seconds))


def write_sources(folder: Path, count: int) -> Path:
    """A list of so many sources, in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number:06d}.mp4").write_text(f"pretended video {number}")
    listed = folder / "sources.txt"
    listed.write_text("".join(f"{number:06d}.mp4\n" for number in range(count)))
    return listed


def pretend(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line over pretended stages to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=REPOSITORY,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def command(*arguments: object) -> Sequence[str]:
    return [sys.executable, "-m", "tests.pipelines.simulated", *map(str, arguments)]


def without_pandas() -> None:
    """Arrow imports it where it finds it, and turns Python objects into arrays without it just as well."""
    if not any(isinstance(finder, _NoPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _NoPandas())


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is left out", name=fullname)


def main() -> None:
    without_pandas()
    import pipelines.curate
    from pipelines.cli import main as command_line

    pipelines.curate.CurationStages = pretended_stages  # type: ignore[assignment,misc]
    command_line()


if __name__ == "__main__":
    # Workers look the stages up where they can be imported from, not in the program that was started.
    from tests.pipelines import simulated

    simulated.main()
