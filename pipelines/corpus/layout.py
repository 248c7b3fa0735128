"""Where things lie in a corpus folder, and how a file is put there. The only module that names paths.

figureground.json    format version, configuration and its digest; written last, so its presence means created
_lock                held by the one process that writes
_batches/            redo records of batches that are not fully committed yet
<table>/             one Delta table each: Parquet files and `_delta_log/`
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import CorpusError
from schemas.tables import TABLES

MANIFEST = "figureground.json"
_BATCHES = "_batches"
_LOCK = "_lock"
_TEMPORARY = ".tmp-"


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of a corpus. root: absolute."""

    root: Path

    @classmethod
    def at(cls, path: str | Path) -> Layout:
        """Layout of the corpus in a local folder, which need not exist yet."""
        return cls(Path(path).expanduser().resolve())

    @property
    def manifest(self) -> Path:
        """The file that makes a folder a corpus."""
        return self.root / MANIFEST

    @property
    def lock(self) -> Path:
        """The writer's lock file."""
        return self.root / _LOCK

    @property
    def batches(self) -> Path:
        """Folder of redo records."""
        return self.root / _BATCHES

    def redo(self, sequence: int) -> Path:
        """Redo record of a batch."""
        return self.batches / f"{sequence:012d}.json"

    def table(self, name: str) -> Path:
        """Folder of a table."""
        return self.root / name

    def data_files(self, name: str) -> Iterator[Path]:
        """Parquet and temporary files that lie in a table's folder, committed or not."""
        for path in self.table(name).iterdir():
            if path.suffix == ".parquet" or path.name.startswith(_TEMPORARY):
                yield path

    def strangers(self) -> list[str]:
        """Names in the folder that no corpus has: a sign that this is somebody else's folder."""
        ours = {MANIFEST, _BATCHES, _LOCK, *TABLES}
        if not self.root.exists():
            return []
        return sorted(p.name for p in self.root.iterdir() if p.name not in ours and not p.name.startswith(_TEMPORARY))


def content_name(stem: str, content_sha256: str) -> str:
    """File name that carries the content's digest, so that equal names mean equal bytes and `check` sees damage."""
    return f"{stem}-{content_sha256[:16]}.parquet"


def named_digest(name: str) -> str:
    """The digest prefix in a name made by `content_name`."""
    return name.removesuffix(".parquet").rpartition("-")[2]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def temporary_beside(path: Path) -> Path:
    """A name in the same folder that no other process uses."""
    return path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")


def publish(temporary: Path, path: Path) -> None:
    """Make a finished temporary file durable under its name, replacing what was there, all or nothing."""
    sync(temporary)
    temporary.replace(path)
    sync(path.parent)


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Write a file that is either wholly there or not at all, and stays after a power cut.

    Raises CorpusError if it cannot be written: no space, no permission.
    """
    temporary = temporary_beside(path)
    try:
        temporary.write_bytes(content)
        publish(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CorpusError(f"cannot write {path}: {error.strerror}; make room and run again") from error


def sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
