"""A corpus of two puppets, a tiny generator at random weights, and small jobs over them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.farm.folder import RendersFolder
from pipelines.farm.jobfile import write_jobs
from pipelines.farm.run import Batch
from pipelines.render_card import read_card
from schemas.render_jobs import RenderJob
from tests.models.generator.tiny_generators import tiny_pocket
from tests.pipelines.render_corpus import puppet, widened, write_render_corpus

SIZE, CLIP_FRAMES, STEPS, FPS = 32, 6, 2, 12


@dataclass(frozen=True)
class SmallFarm:
    """corpus, model: where they lie. ids: of the clips, by what they show."""

    corpus: Path
    model: Path
    ids: dict[str, str]

    @classmethod
    def at(cls, root: Path) -> SmallFarm:
        return cls(root / "corpus", write_model(root / "model"), write_corpus(root / "corpus"))

    def batch(self, out: Path, count: int, model: str = "", **more: object) -> Batch:
        """Jobs by the tiny generator, or another model."""
        card = read_card(model or str(self.model), STEPS)
        return Batch(jobs_of(self.ids, count), str(self.corpus), out, card, **more)


def write_corpus(root: Path) -> dict[str, str]:
    """Two square clips and a wide one, by camera; their ids."""
    clips = {"static": puppet(4, "static"), "pan": puppet(11, "pan"), "wide": widened(puppet(20, "zoom"))}
    return write_render_corpus(root, clips)


def write_model(folder: Path, condition: str = "warped-last12") -> Path:
    pipeline = tiny_pocket(condition=condition, residual=condition != "repeat")
    pipeline.register_to_config(size=SIZE, clip_frames=CLIP_FRAMES)
    pipeline.save_pretrained(folder)
    return folder


def jobs_of(ids: dict[str, str], count: int, frames: int = 16) -> list[RenderJob]:
    """Jobs of different length, shape, seed and priority."""
    who = (ids["static"], ids["wide"], ids["pan"])
    first = RenderJob(who[0], ids["pan"], "pan", seconds=frames / FPS, size=SIZE)
    return [
        replace(
            first,
            reference=who[number % 3],
            background=("pan", "static", ids["pan"])[number % 3],
            seed=number,
            seconds=(frames - number % 7) / FPS,
            priority=number % 2,
        )
        for number in range(count)
    ]


def write_list(path: Path, jobs: list[RenderJob]) -> Path:
    write_jobs(path, jobs)
    return path


def digests(renders: Path) -> dict[str, str]:
    """SHA-256 of every finished video by job id, as the bytes are; their verdicts say the same."""
    folder = RendersFolder(renders)
    found = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in (renders / "videos").glob("*.mp4")}
    told = {row["job_id"]: row["sha256"] for row in folder.verdicts() if row["verdict"] == "done"}
    assert found == told
    return found
