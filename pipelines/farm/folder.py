"""Where things lie in a folder of renders, and in which order they are put there. The only module that names its paths.

A folder on a disk or, the same in every name, a prefix in a bucket.

figureground-renders.json   what renders here: model, how it is sampled, grid; another is refused
_lock                       held by the one driver that renders
_status.json                how far the driver has come, for `status`
videos/<job>.mp4            finished videos
verdicts/<job>.json         what became of a job, written after its video: from then on it has its verdict
scores/<job>.json           what `evaluate` measured of a video, with the video's digest
work/<job>/                 a video under way: a piece per clip, the state after them, progress.json that names both
renders.parquet             the verdicts as a table
index.html                  a page of the videos

A file is there whole or not at all, and what refers to another is written after it and carries its digest; so a kill at
any moment costs one clip, and equal jobs give equal bytes whatever was killed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipelines.corpus.layout import Layout, Place, as_file, file_sha256, sync, write_atomically
from pipelines.corpus.objects import ObjectPath
from pipelines.failpoints import failpoint
from pipelines.render_options import RenderOptions
from schemas.errors import ConfigError, CorpusError
from schemas.render_jobs import RenderJob

SETTINGS = "figureground-renders.json"
TABLE = "renders.parquet"
_FORMAT = 1
_PROGRESS = "progress.json"
Row = dict[str, Any]
Save = Callable[[Path], None]
"""Writes a state as one file, all or nothing."""


@dataclass(frozen=True, slots=True)
class Piece:
    """An encoded clip. seconds: that it took."""

    sha256: str
    frames: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """A video under way. clips: of the whole. pieces: of its first ones. state: digest of the state after them."""

    clips: int
    fps: Fraction
    size: tuple[int, int]
    pieces: tuple[Piece, ...] = ()
    state: str | None = None

    @property
    def whole(self) -> bool:
        """Every clip is made."""
        return len(self.pieces) == self.clips


@dataclass(frozen=True, slots=True)
class RendersFolder:
    """A folder of renders. Picklable; any number of processes may write different jobs into it."""

    root: Place

    @classmethod
    def at(cls, address: str | Place) -> RendersFolder:
        """In a folder, or at `s3://bucket/prefix` or `gs://bucket/prefix`. Raises CorpusError for no such place."""
        return cls(Layout.at(address).root)

    @property
    def status(self) -> Place:
        """How far the driver has come."""
        return self.root / "_status.json"

    @property
    def lock(self) -> Place:
        """Held by the driver."""
        return Layout(self.root).lock

    def refuse_strangers(self) -> None:
        """Raise ConfigError if the folder is of something else."""
        if (self.root / SETTINGS).exists():
            return
        ours = {"videos", "verdicts", "scores", "work", "_lock"}
        strangers = sorted(p.name for p in _in(self.root) if p.name not in ours and not p.name.startswith(".tmp-"))
        if strangers:
            raise ConfigError(f"{self.root} holds other things ({strangers[0]}); choose a new folder for the renders")

    def settle(self, settings: Row) -> None:
        """Make the folder one of these settings. Raises ConfigError if it is one of others."""
        unsaid = RenderOptions().facts
        place, wanted = self.root / SETTINGS, {"format": _FORMAT} | unsaid | settings
        if not place.exists():
            for name in ("videos", "verdicts", "scores", "work"):
                _make(self.root / name)
            write_atomically(place, _json(wanted))
            return
        there = unsaid | self.settings()
        different = sorted(name for name in there.keys() | wanted.keys() if there.get(name) != wanted.get(name))
        if different:
            said = "; ".join(
                f"{name}: {_short(there.get(name))} there, {_short(wanted.get(name))} now" for name in different
            )
            raise ConfigError(f"{self.root} was begun with other settings ({said}); choose another folder for these")

    def settings(self) -> Row:
        """Raises ConfigError where the folder holds no renders."""
        try:
            settings: Row = json.loads((self.root / SETTINGS).read_text())
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self.root} is no folder of renders: {error}") from None
        return settings

    def progress(self, job_id: str) -> Progress | None:
        """How far a video is; None if it isn't begun, or what is there of it is damaged."""
        folder = self._work(job_id)
        try:
            told = json.loads((folder / _PROGRESS).read_text())
            pieces = tuple(Piece(**piece) for piece in told["pieces"])
            width, height = told["size"]
            found = Progress(told["clips"], Fraction(told["fps"]), (width, height), pieces, told["state"])
            digests = [file_sha256(_piece(folder, number)) for number in range(len(pieces))]
            if found.state is not None and file_sha256(_state(folder, len(pieces))) != found.state:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if digests == [piece.sha256 for piece in pieces] else None

    def state(self, job_id: str, clips: int) -> AbstractContextManager[Path]:
        """A file with the state after so many clips, for as long as it is needed."""
        return as_file(_state(self._work(job_id), clips))

    def add(
        self, job_id: str, before: Progress, piece: bytes, frames: int, seconds: float, save: Save | None
    ) -> Progress:
        """Keep a clip: its piece, then the state after it, then the word that both are there.

        Raises CorpusError if it cannot be written.
        """
        folder, done = self._work(job_id), len(before.pieces)
        _make(folder)
        failpoint("render.piece.before")
        write_atomically(_piece(folder, done), piece)
        failpoint("render.piece.after")
        state = None
        if save is not None:
            _write_state(_state(folder, done + 1), save)
            state = file_sha256(_state(folder, done + 1))
        failpoint("render.state.after")
        made = Piece(hashlib.sha256(piece).hexdigest(), frames, round(seconds, 4))
        after = Progress(before.clips, before.fps, before.size, (*before.pieces, made), state)
        write_atomically(folder / _PROGRESS, _json(asdict(after) | {"fps": str(after.fps)}))
        failpoint("render.progress.after")
        _state(folder, done).unlink(missing_ok=True)
        return after

    def pieces(self, job_id: str, count: int) -> list[bytes]:
        """The encoded clips."""
        return [_piece(self._work(job_id), number).read_bytes() for number in range(count)]

    def video(self, job_id: str) -> Place:
        """The finished video."""
        return self.root / "videos" / f"{job_id}.mp4"

    def finish(self, job: RenderJob, video: bytes, verdict: Row) -> None:
        """Keep a finished video, then its verdict; what was needed to make it goes."""
        failpoint("render.video.before")
        write_atomically(self.video(job.job_id), video)
        failpoint("render.video.after")
        self.judge(job, {"verdict": "done", "sha256": hashlib.sha256(video).hexdigest()} | verdict)
        failpoint("render.verdict.after")
        _remove(self._work(job.job_id))

    def judge(self, job: RenderJob, verdict: Row) -> None:
        """Write what became of a job."""
        write_atomically(self._verdict(job.job_id), _json({"job_id": job.job_id, "job": asdict(job)} | verdict))

    def verdict(self, job_id: str) -> Row | None:
        """What became of a job; None if it has no verdict."""
        with suppress(OSError, ValueError):
            told: Row = json.loads(self._verdict(job_id).read_text())
            return told
        return None

    def scores(self, job_id: str, sha256: str) -> dict[str, float]:
        """What was measured of a video; nothing if that was another one."""
        with suppress(OSError, ValueError):
            told: Row = json.loads(self._scores(job_id).read_text())
            return dict(told["scores"]) if told["sha256"] == sha256 else {}
        return {}

    def keep_scores(self, job_id: str, sha256: str, scores: Mapping[str, float]) -> None:
        """Add to what was measured of a video."""
        _make(self.root / "scores")
        known = self.scores(job_id, sha256) | dict(scores)
        write_atomically(self._scores(job_id), _json({"sha256": sha256, "scores": known}))

    def verdicts(self) -> Iterator[Row]:
        """All verdicts, by job id."""
        for name in sorted(place.name for place in _in(self.root / "verdicts") if place.suffix == ".json"):
            if (verdict := self.verdict(name.removesuffix(".json"))) is not None:
                yield verdict

    def sweep(self, done: Iterable[str]) -> None:
        """Remove what dead workers left: files that were not finished, and work on jobs that are done."""
        for partial in self.root.rglob(".tmp-*") if isinstance(self.root, Path) else ():
            partial.unlink(missing_ok=True)
        begun = {place.name for place in _in(self.root / "work")}
        for job_id in begun.intersection(done):
            _remove(self._work(job_id))

    def clips_made(self) -> dict[str, int]:
        """How many clips of videos under way are there."""
        return {work.name: sum(place.suffix == ".mp4" for place in _in(work)) for work in _in(self.root / "work")}

    def _work(self, job_id: str) -> Place:
        return self.root / "work" / job_id

    def _scores(self, job_id: str) -> Place:
        return self.root / "scores" / f"{job_id}.json"

    def _verdict(self, job_id: str) -> Place:
        return self.root / "verdicts" / f"{job_id}.json"


def _piece(folder: Place, number: int) -> Place:
    return folder / f"{number:06d}.mp4"


def _state(folder: Place, clips: int) -> Place:
    return folder / f"{clips:06d}.safetensors"


def _write_state(place: Place, save: Save) -> None:
    from safetensors import SafetensorError

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / place.name if isinstance(place, ObjectPath) else place
        try:
            save(path)
            place.write(path) if isinstance(place, ObjectPath) else sync(path)
        except (OSError, SafetensorError) as error:
            for partial in path.parent.glob(f"{path.name}*"):
                partial.unlink(missing_ok=True)
            raise CorpusError(f"cannot write {place}: {error}; make room and run again") from error


def _in(folder: Place) -> Iterator[Place]:
    """What lies in a folder that may not be there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        yield from folder.iterdir()


def _make(folder: Place) -> None:
    """Make a folder; buckets have none."""
    if isinstance(folder, Path):
        folder.mkdir(parents=True, exist_ok=True)


def _remove(folder: Place) -> None:
    """Remove a folder that holds files alone; what cannot be removed now is removed another time."""
    if isinstance(folder, Path):
        shutil.rmtree(folder, ignore_errors=True)
        return
    with suppress(OSError):
        for place in folder.iterdir():
            place.unlink()


def _json(tree: Row) -> bytes:
    return json.dumps(tree, indent=1).encode() + b"\n"


def _short(value: object) -> str:
    return str(value)[:16]
