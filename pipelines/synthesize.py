"""Videos of puppets before moving scenes, as files and as a corpus with exact annotations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipelines.corpus.committer import Committer
from pipelines.corpus.layout import file_sha256, write_atomically
from pipelines.corpus.parts import Part, PartWriter, part_id_of
from pipelines.engines.base import Engine
from pipelines.mapping import outcomes_of
from schemas.config_loading import load_config
from schemas.errors import ConfigError
from schemas.outcomes import Failed, Kept, Outcome
from schemas.reasons import Verdict
from schemas.records import Clip, Container, SourceReport
from transforms.stage import Resources, Stage
from transforms.synthesis.clip import make_clip
from transforms.synthesis.drawing import SceneSettings, draw_scene
from transforms.synthesis.photos import PhotoFolder

_SETTINGS = "synthesis.json"
_MOST_PEOPLE = 8
Progress = Callable[[int, int], None]
"""Told how many of how many videos are there."""


@dataclass(slots=True)
class Synthesized:
    """What a run did. failed: one line per video that could not be made."""

    videos: int
    already_done: int = 0
    made: int = 0
    failed: list[str] = field(default_factory=list)


class SynthesizeVideo(Stage[int, Part]):
    """Running number to the part of the corpus that holds its video; the video is written beside it."""

    name = "synthesize"
    accepts = int
    resources = Resources(cpus=1.0, memory_mb=768)

    def __init__(self, out: Path, seed: int, settings: SceneSettings) -> None:
        self._out, self._seed, self._settings = out, seed, settings

    def setup(self) -> None:
        """Leave the other processors to the other workers."""
        import cv2

        cv2.setNumThreads(1)

    def process(self, item: int) -> Iterable[Outcome[Part]]:
        """One kept part."""
        path = video_path(self._out, self._seed, item)
        clip = make_clip(draw_scene((self._seed, item), self._settings), str(path))
        if clip.media is not None:
            write_atomically(path, clip.media.video)
        part_id = part_id_of(clip.source.source_id, 0)
        yield Kept(PartWriter(self._out / "corpus").write(part_id, [clip], _report(clip)))


def video_path(out: Path, seed: int, index: int) -> Path:
    """Where a video lies."""
    return out / "videos" / f"{seed:06d}_{index:06d}.mp4"


def synthesize(
    out: Path,
    videos: int,
    seed: int,
    *,
    size: int = 512,
    seconds: float = 4.0,
    fps: int = 24,
    people: tuple[int, int] = (1, 2),
    textures: Path | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Synthesized:
    """Write `videos` MP4 files to out/videos and their truth to out/corpus; running it again does what is left.

    Equal arguments give equal videos, whatever the engine; video i depends on (seed, i) alone, so disjoint seeds are
    held-out splits. textures: folder of images or videos for the far background. engine: None works in this process.
    Raises ConfigError for impossible settings, or ones other than the folder was begun with.
    """
    out = out.expanduser().resolve()
    settings = _settings(size, seconds, Fraction(fps), people, textures)
    _require_same(out, settings)
    (out / "videos").mkdir(parents=True, exist_ok=True)
    done, config = Synthesized(videos), load_config(recipe="everything", settings=(f"frames.short_side={size}",))
    with Committer(out / "corpus", config) as committer:
        left = [index for index in range(videos) if not _is_done(committer, video_path(out, seed, index))]
        done.already_done = videos - len(left)
        with closing(outcomes_of(SynthesizeVideo(out, seed, settings), left, engine)) as outcomes:
            for outcome in outcomes:
                _take(outcome, committer, done)
                if progress is not None:
                    progress(done.already_done + done.made + len(done.failed), videos)
    return done


def _take(outcome: Outcome[Part], committer: Committer, done: Synthesized) -> None:
    if isinstance(outcome, Kept):
        committer.add(outcome.item)
        done.made += 1
    elif isinstance(outcome, Failed):
        done.failed.append(f"video {outcome.item}: {outcome.error}")


def _is_done(committer: Committer, path: Path) -> bool:
    return path.exists() and committer.progress().is_reported(str(path), file_sha256(path))


def _settings(
    size: int, seconds: float, fps: Fraction, people: tuple[int, int], textures: Path | None
) -> SceneSettings:
    frames = round(seconds * fps)
    if size < 64 or size % 2:
        raise ConfigError(f"size is {size}: it must be even and at least 64 px")
    if frames < 2:
        raise ConfigError(f"{seconds} s at {fps} frames per second are fewer than two frames")
    if not 1 <= people[0] <= people[1] <= _MOST_PEOPLE:
        raise ConfigError(f"people are {people[0]} to {people[1]}: choose within 1 to {_MOST_PEOPLE}, least first")
    photograph = PhotoFolder.at(textures.expanduser().resolve()) if textures else None
    return SceneSettings(size, frames, fps, people, photograph=photograph)


def _require_same(out: Path, settings: SceneSettings) -> None:
    """Write the settings down, or raise ConfigError if the folder was begun with others."""
    photos = list(settings.photograph.paths) if isinstance(settings.photograph, PhotoFolder) else []
    now: dict[str, Any] = {
        "size": settings.size,
        "frames": settings.frames,
        "fps": str(settings.fps),
        "people": list(settings.people),
        "textures": photos,
    }
    path = out / _SETTINGS
    if not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(now, indent=2).encode())
        return
    before = json.loads(path.read_text())
    changed = [f"{key}: {before.get(key)!r} -> {value!r}" for key, value in now.items() if before.get(key) != value]
    if changed:
        raise ConfigError(f"{out} was begun with other settings: {'; '.join(changed)}. Use them, or another folder.")


def _report(clip: Clip) -> SourceReport:
    container = Container(
        format="mov,mp4,m4a,3gp,3g2,mj2",
        codec="h264",
        width=clip.width,
        height=clip.height,
        pixel_format="yuv420p",
        sample_aspect=Fraction(1),
        rotation=0,
        average_fps=clip.fps,
        declared_frames=clip.frame_count,
        declared_duration_s=float(clip.span.end),
        has_audio=False,
    )
    return SourceReport(
        source=clip.source,
        verdict=Verdict.DONE,
        container=container,
        duration_s=float(clip.span.end),
        frames_decoded=clip.frame_count,
        shots=1,
        clips=1,
    )
