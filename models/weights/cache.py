"""The folder of fetched files, safe for processes that fill it at the same time."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO


def cache_folder() -> Path:
    """`$FIGUREGROUND_CACHE`, or `~/.cache/figureground`."""
    chosen = os.environ.get("FIGUREGROUND_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "figureground"


def write_atomically(target: Path, content: IO[bytes]) -> None:
    """Copy `content` to `target`: readers see the whole file or none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as part:
        try:
            shutil.copyfileobj(content, part)
            part.flush()
            os.fsync(part.fileno())
            Path(part.name).replace(target)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


@contextlib.contextmanager
def exclusive(target: Path) -> Iterator[None]:
    """Hold other processes back from making `target`, so that work on it is not done twice.

    Writes are atomic, so Windows, which has no `flock`, does without: there a file may be fetched twice.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f".{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
