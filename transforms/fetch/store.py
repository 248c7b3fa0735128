"""Downloaded sources on disk: by their address and, once they are whole, the digest of their content."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PART = ".part"
_FINISHED = re.compile(r"(?P<key>[0-9a-f]{32})-(?P<sha256>[0-9a-f]{64})")
_HEAD_BYTES = 512
_BLOCK_BYTES = 1 << 20
_NOTED_FROM_BYTES = 1 << 20
"""Smaller parts are told what they belong to when they are put aside: most are whole before anyone could ask."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A finished download. path: absolute."""

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

    `<key>-<sha256>` is a finished download, `<key>.part` and `<key>.part.json` are an unfinished one.
    key: digest of the address as it may be shown; nothing from outside becomes a file name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def knows(self, uri: str) -> bool:
        """There is a finished download of the address; `find` tells whether its bytes are good."""
        return _key(uri) in self._finished

    def find(self, uri: str) -> Stored | None:
        """The finished download of an address (without secrets), if its bytes are still what they were."""
        sha256 = self._finished.get(_key(uri))
        if sha256 is None:
            return None
        path = self._path(uri, sha256)
        try:
            with path.open("rb") as file:
                whole = hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except OSError:
            return None
        return Stored(uri, sha256, path.stat().st_size, path) if whole else None

    def part(self, uri: str) -> PartFile:
        """The unfinished download of an address (without secrets), with what an earlier run left of it."""
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
        return PartFile(self.folder / f"{_key(uri)}{_PART}", uri)

    def finish(self, part: PartFile) -> Stored:
        """Put a complete download under its address and its digest."""
        sha256, size_bytes = part.sha256, part.size_bytes
        path = self._path(part.uri, sha256)
        if self._finished.get(_key(part.uri), sha256) != sha256:
            self.drop(part.uri)
        part.hand_over(path)
        self._finished[_key(part.uri)] = sha256
        return Stored(part.uri, sha256, size_bytes, path)

    def drop(self, uri: str) -> None:
        """Remove the finished download of an address, if there is one."""
        sha256 = self._finished.pop(_key(uri), None)
        if sha256 is not None:
            self._path(uri, sha256).unlink(missing_ok=True)

    def forget(self, uri: str, sha256: str | None = None) -> None:
        """Remove whatever there is of an address, finished or not, and every download of the same content."""
        contents = {sha256, self._finished.get(_key(uri))} - {None}
        for key in [key for key, content in self._finished.items() if content in contents]:
            (self.folder / f"{key}-{self._finished.pop(key)}").unlink(missing_ok=True)
        PartFile(self.folder / f"{_key(uri)}{_PART}", uri).discard()

    def purge(self) -> None:
        """Remove everything."""
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                path.unlink()
        self._finished.clear()
        self.remove_if_empty()

    def remove_if_empty(self) -> None:
        """Leave no empty folder behind."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    @functools.cached_property
    def _finished(self) -> dict[str, str]:
        """Key to digest, for what was there when the store was first asked and what came since."""
        names = (path.name for path in self.folder.iterdir()) if self.folder.is_dir() else ()
        return {match["key"]: match["sha256"] for match in map(_FINISHED.fullmatch, names) if match}

    def _path(self, uri: str, sha256: str) -> Path:
        return (self.folder / f"{_key(uri)}-{sha256}").absolute()


class PartFile:
    """An unfinished download: bytes so far, their digest, and what the host said of the whole.

    What the host said is written down once there is much to lose, and when a try is over; without it, the bytes that a
    killed process left are no use.

    head: the first bytes. total_bytes: size of the whole, None if the host did not say.
    """

    def __init__(self, path: Path, uri: str) -> None:
        self.path, self.uri = path, uri
        self._file: Any = None
        self._clear()
        self._noted = self._facts.exists()
        left = _read_json(self._facts) if self._noted else None
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
        self._release()
        self._forget()
        self._clear()
        self.validators, self.total_bytes = validators, total_bytes
        self._file = self.path.open("wb", buffering=0)

    def append(self, data: bytes) -> None:
        """Add bytes at the end."""
        if self._file is None:
            self._file = self.path.open("ab", buffering=0)
        self._file.write(data)
        self._digest.update(data)
        self.size_bytes += len(data)
        if len(self.head) < _HEAD_BYTES:
            self.head += data[: _HEAD_BYTES - len(self.head)]
        if self.size_bytes >= _NOTED_FROM_BYTES:
            self._note()

    def close(self) -> None:
        """Leave the bytes for another try."""
        if self._file is not None:
            self._note()
            self._release()

    def hand_over(self, path: Path) -> None:
        """Complete: the bytes go to another place."""
        self._release()
        self.path.replace(path)
        self._forget()

    def discard(self) -> None:
        """Remove the bytes and what was known of them."""
        self._release()
        self.path.unlink(missing_ok=True)
        self._forget()
        self._clear()

    def _note(self) -> None:
        if not self._noted and self.resumable:
            _write_json(self._facts, {"uri": self.uri, "total_bytes": self.total_bytes} | asdict(self.validators))
            self._noted = True

    def _forget(self) -> None:
        if self._noted:
            self._facts.unlink(missing_ok=True)
            self._noted = False

    def _release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def _facts(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

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
    """In place: what a crash leaves half written reads as nothing."""
    path.write_text(json.dumps(content))
