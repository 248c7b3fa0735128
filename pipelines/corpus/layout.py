"""Where things lie in a corpus, and how a file is put there. The only module that names paths.

A corpus lies in a folder or, the same in every name, below a prefix in a bucket.

figureground.json    format version, configuration and its digest; written last, so its presence means created
_lock                held by the one process that writes
_batches/            redo records of batches that are not fully committed yet
_sources/            downloads of sources, as long as they are kept
<table>/             one Delta table each: Parquet files and `_delta_log/`
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipelines.corpus.objects import SCHEMES, ObjectPath
from schemas.errors import CorpusError
from schemas.tables import TABLES

MANIFEST = "figureground.json"
_BATCHES = "_batches"
_SOURCES = "_sources"
_LOCK = "_lock"
_TEMPORARY = ".tmp-"

Place = Path | ObjectPath
"""A file or a folder, on a disk or in a bucket."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of a corpus. root: absolute."""

    root: Place

    @classmethod
    def at(cls, address: str | Place) -> Layout:
        """Layout of the corpus in a folder, `s3://bucket/prefix` or `gs://bucket/prefix`, which need not exist yet.

        Raises CorpusError for an address that names no such place.
        """
        return cls(address if isinstance(address, ObjectPath) else _place(str(address)))

    def make_folders(self) -> None:
        """Make the folders that must be there before the tables are; buckets have none."""
        if isinstance(self.root, Path):
            (self.root / _BATCHES).mkdir(parents=True, exist_ok=True)

    @property
    def manifest(self) -> Place:
        """The file that makes a folder a corpus."""
        return self.root / MANIFEST

    @property
    def lock(self) -> Place:
        """The writer's lock file."""
        return self.root / _LOCK

    @property
    def sources(self) -> Place:
        """Folder of downloads."""
        return self.root / _SOURCES

    def redo(self, sequence: int) -> Place:
        """Redo record of a batch."""
        return self.root / _BATCHES / f"{sequence:012d}.json"

    def redo_records(self) -> list[Place]:
        """Redo records that are there, by sequence."""
        folder = self.root / _BATCHES
        if isinstance(folder, Path) and not folder.exists():
            return []
        return sorted((place for place in folder.iterdir() if place.suffix == ".json"), key=lambda place: place.name)

    def table(self, name: str) -> Place:
        """Folder of a table."""
        return self.root / name

    def data_files(self, name: str) -> Iterator[Place]:
        """Parquet and temporary files that lie in a table's folder, committed or not."""
        for path in self.table(name).iterdir():
            if path.suffix == ".parquet" or path.name.startswith(_TEMPORARY):
                yield path

    def strangers(self) -> list[str]:
        """Names in the folder that no corpus has: a sign that this is somebody else's folder."""
        ours = {MANIFEST, _BATCHES, _SOURCES, _LOCK, *TABLES}
        if isinstance(self.root, Path) and not self.root.exists():
            return []
        return sorted(p.name for p in self.root.iterdir() if p.name not in ours and not p.name.startswith(_TEMPORARY))


def content_name(stem: str, content_sha256: str) -> str:
    """File name that carries the content's digest, so that equal names mean equal bytes and `check` sees damage."""
    return f"{stem}-{content_sha256[:16]}.parquet"


def named_digest(name: str) -> str:
    """The digest prefix in a name made by `content_name`."""
    return name.removesuffix(".parquet").rpartition("-")[2]


def file_sha256(place: Place) -> str:
    """SHA-256 of a file, hex."""
    if isinstance(place, ObjectPath):
        return place.sha256()
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_bytes(place: Place) -> int:
    """Length of a file."""
    return place.size_bytes() if isinstance(place, ObjectPath) else place.stat().st_size


@contextmanager
def as_file(place: Place) -> Iterator[Path]:
    """A file on a disk, for as long as it is needed: the place itself, or a copy of an object. Raises OSError."""
    if isinstance(place, Path):
        yield place
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / place.name
        copy.write_bytes(place.read_bytes())
        yield copy


def temporary_beside(place: Place) -> Path:
    """A name on a disk that no other process uses: in the same folder, or among the machine's temporary files."""
    folder = Path(tempfile.gettempdir()) if isinstance(place, ObjectPath) else place.parent
    return folder / f"{_TEMPORARY}{os.getpid()}-{place.name}"


def publish(temporary: Path, place: Place) -> None:
    """Make a finished temporary file durable under its name, replacing what was there, all or nothing."""
    if isinstance(place, ObjectPath):
        place.write(temporary)
        temporary.unlink()
        return
    sync(temporary)
    temporary.replace(place)
    sync(place.parent)


def write_atomically(place: Place, content: bytes | memoryview) -> None:
    """Write a file that is either wholly there or not at all, and stays after a power cut.

    Raises CorpusError if it cannot be written: no space, no permission.
    """
    temporary = temporary_beside(place)
    try:
        if isinstance(place, ObjectPath):
            place.write(content)
            return
        temporary.write_bytes(content)
        publish(temporary, place)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CorpusError(f"cannot write {place}: {error.strerror}; make room and run again") from error


def sync(place: Place) -> None:
    """Flush a file or a folder to the disk; what a bucket has answered for is durable."""
    if isinstance(place, ObjectPath):
        return
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _place(address: str) -> Place:
    scheme, separator, _ = address.partition("://")
    if not separator:
        return Path(address).expanduser().resolve()
    if scheme == "file":
        return Path(unquote(urlsplit(address).path))
    if scheme in SCHEMES:
        return ObjectPath.parse(address)
    if scheme == "memory":
        raise CorpusError(f"{address}: the memory of this process is not seen by workers; use a folder or a bucket")
    raise CorpusError(f"{address}: a corpus lies in a folder, or in a bucket of {' or '.join(SCHEMES)}")
