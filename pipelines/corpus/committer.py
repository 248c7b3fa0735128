"""The one committer: takes parts from the workers and makes them visible, each exactly once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from pipelines.corpus.delta import Tables
from pipelines.corpus.layout import Layout, Place
from pipelines.corpus.lock import Require, writer_lock
from pipelines.corpus.manifest import require_same_config, write_manifest
from pipelines.corpus.parts import DataFile, Part, write_rows
from pipelines.corpus.progress import Progress, read_progress
from pipelines.corpus.redo import COMMIT_ORDER, Batch, commit_batch, roll_forward
from pipelines.corpus.rows import Row
from pipelines.failpoints import failpoint
from schemas.config import Config
from schemas.errors import CorpusError

_MANY = 64
_LEAST_S = 10.0
_MOST_ROWS = 1024


class Committer:
    """A corpus open for writing; use as a context manager.

    Entering creates the corpus or checks its configuration, takes the lock and completes what a killed run left.
    Leaving without an exception commits what is pending and sweeps files that no table knows.
    Raises ConfigError for another configuration, CorpusError for a corpus in use or a folder that is none.
    """

    def __init__(
        self,
        corpus: str | Place,
        config: Config,
        *,
        parts_per_batch: int | None = None,
        seconds_per_batch: float = 20.0,
    ) -> None:
        """parts_per_batch: default, many, but no batch within ten seconds: there are no more commits for more clips.

        No more than a thousand rows wait in memory: they go to data files, which the batch then commits.
        """
        self.layout = Layout.at(corpus)
        self.tables = Tables(self.layout)
        self._config = config
        self._parts_per_batch, self._least_s = (_MANY, _LEAST_S) if parts_per_batch is None else (parts_per_batch, 0.0)
        self._seconds_per_batch = seconds_per_batch
        self._held = ExitStack()
        self._require_lock: Require = lambda: None
        self._progress: Progress | None = None
        self._sequence = 0
        self._since = 0.0
        self._clear()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._create_folders()
            self._require_lock = stack.enter_context(writer_lock(self.layout))
            self._create_or_check()
            roll_forward(self.layout, self.tables)
            self._sequence = max(self.tables.sequence(name) for name in COMMIT_ORDER)
            self._held = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        with self._held:
            if kind is None:
                failpoint("close.flush")
                self.flush()
                failpoint("close.sweep")
                self.sweep()
        failpoint("close.end")

    def progress(self) -> Progress:
        """What is committed or about to be; read when first asked for. Live: it grows as parts are added."""
        if self._progress is None:
            self._progress = read_progress(self.layout, self.tables)
        return self._progress

    def add(self, part: Part) -> bool:
        """Take a part; commits when a batch is full or old. False if the corpus held all of it already."""
        if not self._parts:
            self._since = time.monotonic()
        progress = self.progress()
        new_clips = not progress.has_clips(part)
        new_source = part.source is not None and not progress.is_reported(part.source["uri"], part.source["sha256"])
        if new_clips:
            progress.take_clips(part)
            self._files += part.files
            self._clips += part.clips
        if new_source and part.source is not None:
            progress.take_source(part.source)
            self._sources.append(part.source)
        self._parts += new_clips or new_source
        self.flush_if_due()
        return new_clips or new_source

    def add_annotations(self, files: Sequence[DataFile]) -> None:
        """Take rows of another annotator, written for clips that are committed."""
        if not self._parts:
            self._since = time.monotonic()
        self._files += files
        self._parts += 1
        self.flush_if_due()

    def flush_if_due(self) -> None:
        """Commit if the pending batch is full or old; call it while waiting for parts."""
        age_s = time.monotonic() - self._since
        full = self._parts >= self._parts_per_batch and age_s >= self._least_s
        if full or (self._parts and age_s >= self._seconds_per_batch):
            self.flush()
        elif len(self._clips) + len(self._sources) >= _MOST_ROWS:
            self._write_rows()

    def flush(self) -> None:
        """Commit everything pending as one batch.

        If this raises, the batch is finished by the next run: completed, or its clips made again.
        """
        if not self._parts:
            return
        failpoint("batch.begin")
        self._write_rows()
        files = self._files
        self._clear()
        self._commit(files)
        failpoint("batch.end")

    def add_run(self, row: dict[str, Any]) -> None:
        """Record a finished run: a row of the table `runs`, committed at once."""
        self.flush()
        self._commit([write_rows(self.layout, "runs", self._stem(), [row])])

    def sweep(self) -> int:
        """Remove data files that no table refers to; returns how many. Only while no worker writes."""
        removed = 0
        for name in COMMIT_ORDER:
            known = {file.path for file in self.tables.files(name)}
            for path in list(self.layout.data_files(name)):
                if path.name not in known:
                    path.unlink()
                    removed += 1
        return removed

    def _write_rows(self) -> None:
        for table, rows in (("clips", self._clips), ("sources", self._sources)):
            if rows:
                self._files.append(write_rows(self.layout, table, self._stem(), rows))
                rows.clear()

    def _commit(self, files: list[DataFile]) -> None:
        self._require_lock()
        self._sequence += 1
        commit_batch(self.layout, self.tables, Batch(self._sequence, tuple(files)))

    def _stem(self) -> str:
        return f"batch-{self._sequence + 1:08d}"

    def _clear(self) -> None:
        self._files: list[DataFile] = []
        self._clips: list[Row] = []
        self._sources: list[Row] = []
        self._parts = 0

    def _create_folders(self) -> None:
        try:
            strangers = self.layout.strangers()
            if strangers:
                raise CorpusError(
                    f"{self.layout.root} holds other things ({strangers[0]}, ...); choose an empty folder"
                )
            self.layout.make_folders()
        except OSError as error:
            raise CorpusError(f"cannot create a corpus in {self.layout.root}: {error.strerror}") from None

    def _create_or_check(self) -> None:
        if self.layout.manifest.exists():
            require_same_config(self.layout, self._config)
            return
        failpoint("create.before")
        self.tables.create()
        failpoint("create.tables")
        write_manifest(self.layout, self._config)
        failpoint("create.after")
