"""Downloaded sources on disk: finished ones by the digest of their content, unfinished ones by their address."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PART, _RECORD = ".part", ".json"
_HEAD_BYTES = 512
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Stored:
    """A finished download. path: absolute; its name is the digest of its content."""

    uri: str
    sha256: str
    size_bytes: int
    path: Path


@dataclass(frozen=True, slots=True)
class Validators:
    """By what a host says that its content has not changed: an entity tag, or else a date of change."""

    etag: str | None = None
    modified: str | None = None

    @property
    def if_range(self) -> str | None:
        """Value of the header If-Range (RFC 9110, 13.1.5); None if there is no strong validator."""
        strong = self.etag is not None and not self.etag.startswith("W/")
        return self.etag if strong else self.modified if self.etag is None else None


class SourceStore:
    """A folder of downloads; one process writes it.

    `<sha256>` is a finished download, `<key>.json` says which address it came from, `<key>.part` and `<key>.part.json`
    are an unfinished one. key: digest of the address as it may be shown; nothing from outside becomes a file name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def knows(self, uri: str) -> bool:
        """There is a record of the address; `find` tells whether its bytes are good."""
        return self._record(uri).exists()

    def find(self, uri: str) -> Stored | None:
        """The finished download of an address (without secrets), if its bytes are still what they were."""
        record = _read_json(self._record(uri))
        if record is None or record.get("uri") != uri:
            return None
        path = self.folder / str(record["sha256"])
        try:
            with path.open("rb") as file:
                whole = hashlib.file_digest(file, "sha256").hexdigest() == record["sha256"]
        except OSError:
            return None
        return Stored(uri, record["sha256"], path.stat().st_size, path.absolute()) if whole else None

    def part(self, uri: str) -> PartFile:
        """The unfinished download of an address (without secrets), with what an earlier run left of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return PartFile(self.folder / f"{_key(uri)}{_PART}", uri)

    def finish(self, part: PartFile) -> Stored:
        """Put a complete download under its digest; the same content is kept once."""
        sha256, size_bytes = part.sha256, part.size_bytes
        path = self.folder / sha256
        part.close()
        part.path.replace(path)
        record = {"uri": part.uri, "sha256": sha256, "size_bytes": size_bytes}
        _write_json(self._record(part.uri), record)
        part.forget()
        return Stored(part.uri, sha256, size_bytes, path.absolute())

    def drop(self, uri: str, sha256: str) -> None:
        """Remove a finished download and the record that leads to it from an address."""
        (self.folder / sha256).unlink(missing_ok=True)
        self._record(uri).unlink(missing_ok=True)

    def drop_known(self, uri: str) -> None:
        """Remove the finished download of an address, if there is one."""
        record = _read_json(self._record(uri))
        if record is not None:
            self.drop(uri, str(record["sha256"]))

    def forget(self, uri: str, sha256: str | None = None) -> None:
        """Remove whatever there is of an address and of a content, finished or not, and every record of it."""
        found = _read_json(self._record(uri)) or {}
        for digest in {sha256, found.get("sha256")} - {None}:
            for record in self.folder.glob(f"*{_RECORD}"):
                if (_read_json(record) or {}).get("sha256") == digest:
                    record.unlink(missing_ok=True)
            self.drop(uri, str(digest))
        PartFile(self.folder / f"{_key(uri)}{_PART}", uri).discard()

    def purge(self) -> None:
        """Remove everything."""
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                path.unlink()
        self.remove_if_empty()

    def remove_if_empty(self) -> None:
        """Leave no empty folder behind."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _record(self, uri: str) -> Path:
        return self.folder / f"{_key(uri)}{_RECORD}"


class PartFile:
    """An unfinished download: bytes so far, their digest, and what the host said of the whole.

    head: the first bytes. total_bytes: size of the whole, None if the host did not say.
    """

    def __init__(self, path: Path, uri: str) -> None:
        self.path, self.uri = path, uri
        self._file: Any = None
        self._clear()
        left = _read_json(self._facts)
        if left is not None and left.pop("uri") == uri and path.is_file():
            self.total_bytes = left.pop("total_bytes")
            self.validators = Validators(**left)
            self._hash_what_is_there()

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes so far, hex."""
        return self._digest.hexdigest()

    @property
    def resumable(self) -> bool:
        """There are bytes, and the host can tell whether they still fit."""
        return self.size_bytes > 0 and self.validators.if_range is not None

    def restart(self, validators: Validators, total_bytes: int | None) -> None:
        """Begin anew with what the host says now."""
        self.close()
        self._clear()
        self.validators, self.total_bytes = validators, total_bytes
        self._file = self.path.open("wb", buffering=0)
        if validators.if_range is not None:
            _write_json(self._facts, {"uri": self.uri, "total_bytes": total_bytes} | asdict(validators))

    def append(self, data: bytes) -> None:
        """Add bytes at the end."""
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
        self._file.write(data)
        self._digest.update(data)
        self.size_bytes += len(data)
        if len(self.head) < _HEAD_BYTES:
            self.head += data[: _HEAD_BYTES - len(self.head)]

    def close(self) -> None:
        """Leave the bytes for another try."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def discard(self) -> None:
        """Remove the bytes and what was known of them."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.forget()
        self._clear()

    def forget(self) -> None:
        """Remove what was known of the host's answer."""
        self._facts.unlink(missing_ok=True)

    @property
    def _facts(self) -> Path:
        return self.path.with_name(f"{self.path.name}{_RECORD}")

    def _clear(self) -> None:
        self._digest = hashlib.sha256()
        self.size_bytes, self.head = 0, b""
        self.validators, self.total_bytes = Validators(), None

    def _hash_what_is_there(self) -> None:
        with self.path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                self._digest.update(block)
                self.size_bytes += len(block)
                self.head = self.head or block[:_HEAD_BYTES]


def _key(uri: str) -> str:
    return hashlib.sha256(uri.encode(errors="surrogateescape")).hexdigest()[:32]


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write_json(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    temporary.write_text(json.dumps(content))
    temporary.replace(path)
