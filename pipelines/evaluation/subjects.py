"""Which videos are measured, and what each is measured against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.corpus.layout import Place, file_sha256
from pipelines.corpus.read import Corpus
from pipelines.evaluation.footage import PICTURES, VIDEOS
from pipelines.export.splits import Splits
from pipelines.farm.folder import RendersFolder
from pipelines.render_terms import preset_of
from schemas.errors import ConfigError
from schemas.render_jobs import RenderJob

SELF = "self"
_CLIP_FRAMES = 16
"""Of renders that do not say how many frames their clips have."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A video. name: of its rows; with a job its id. digest: SHA-256 of the file. truth: a file, or pictures' folder.

    true_clip: the clip that the video should repeat, where its job says so. clip_frames: of the clips it was made in.
    """

    name: str
    video: Place
    digest: str
    truth: Path | None = None
    true_clip: str | None = None
    job: RenderJob | None = None
    clip_frames: int = _CLIP_FRAMES

    @property
    def has_truth(self) -> bool:
        """Whether there is something to compare with."""
        return self.truth is not None or self.true_clip is not None

    @property
    def against(self) -> str:
        """What it is measured against, so that a figure is measured again when that is another."""
        truth = "" if self.truth is None else f"{self.truth}:{_stamp(self.truth)}"
        return f"{self.digest} {truth or self.true_clip} {self.job and self.job.job_id} {self.clip_frames}"


def rendered(folder: str | Place, truth: str) -> list[Subject]:
    """Finished videos of a folder of renders, by job id.

    truth: `self`: the clip, of jobs whose reference, pose and background are all the same one; or a folder that holds a
    video or pictures by the name of the job. Raises ConfigError for a folder that is none, or of pictures in a grid.
    """
    renders = RendersFolder.at(folder)
    settings = renders.settings()
    if settings.get("grid"):
        raise ConfigError(f"{folder} holds grids of pictures; render without --grid to measure the videos")
    if truth != SELF and not Path(truth).is_dir():
        raise ConfigError(f"{truth} is no folder; --truth takes `{SELF}`, or a folder of true videos")
    frames = int(settings.get("clip_frames") or _CLIP_FRAMES)
    found = []
    for row in renders.verdicts():
        if row.get("verdict") != "done":
            continue
        job = RenderJob(**row["job"])
        own = repeats(job) if truth == SELF else None
        given = None if truth == SELF else _named(Path(truth), job.job_id)
        found.append(Subject(job.job_id, renders.video(job.job_id), row["sha256"], given, own, job, frames))
    return found


def paired(videos: Path, truth: Path) -> list[Subject]:
    """Videos (files, or folders of pictures) of a folder, each with what has its name in the other, by name.

    The layout of the TikTok data set is one such: numbered folders, each with its pictures in `images`.
    Raises ConfigError where a folder is missing, holds no video, or one has no counterpart.
    """
    for folder in (videos, truth):
        if not folder.is_dir():
            raise ConfigError(f"{folder} is no folder")
    found = []
    for path in sorted(videos.iterdir()):
        if not (path.suffix.lower() in VIDEOS or _has_pictures(path)):
            continue
        true = _named(truth, path.stem)
        if true is None:
            raise ConfigError(f"{truth} holds nothing named {path.stem}, the truth of {path}")
        found.append(Subject(path.stem, path, file_sha256(path) if path.is_file() else _stamp(path), true))
    if not found:
        raise ConfigError(f"{videos} holds no video ({', '.join(VIDEOS)}) and no folder of pictures")
    return found


def repeats(job: RenderJob) -> str | None:
    """The clip that a job's video should repeat; None where its parts come from several."""
    return job.reference if job.reference == job.pose == job.background else None


def of_part(subjects: Iterable[Subject], corpus: Corpus, splits: Splits, part: str) -> list[Subject]:
    """Those all of whose clips are of sources in a part of the corpus: nothing that another part has seen.

    Raises ConfigError for a part that is none.
    """
    names = [name for name, _ in splits.shares]
    if part not in names:
        raise ConfigError(f"no part named {part!r}; the splits are {', '.join(names)}")
    return [s for s in subjects if s.job and all(splits.of(i) == part for i in _sources(corpus, s.job))]


def _sources(corpus: Corpus, job: RenderJob) -> Iterator[str]:
    clips = {job.pose}
    if preset_of(job.background) is None:
        clips.add(job.background)
    if not Path(job.reference).is_file():
        clips.add(job.reference)
    for clip_id in clips:
        yield corpus.clip(clip_id)["source_id"]


def _named(folder: Path, stem: str) -> Path | None:
    """The video, or the folder of pictures, of that name."""
    for path in (folder / f"{stem}{suffix}" for suffix in VIDEOS):
        if path.is_file():
            return path
    return folder / stem if _has_pictures(folder / stem) else None


def _has_pictures(path: Path) -> bool:
    return path.is_dir() and any(p.suffix.lower() in PICTURES for place in (path, path / "images") for p in _in(place))


def _in(folder: Path) -> Iterator[Path]:
    return folder.iterdir() if folder.is_dir() else iter(())


def _stamp(path: Path) -> str:
    """Of a file its size and time; of a folder those of what is in it."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    return " ".join(f"{p.name}:{p.stat().st_size}:{p.stat().st_mtime_ns}" for p in files)
