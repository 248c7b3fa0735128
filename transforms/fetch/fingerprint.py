"""What an input is: digest and size of its content, and the duration its container declares."""

from __future__ import annotations

import hashlib
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import MediaError
from schemas.outcomes import Heartbeat, Kept, Outcome
from schemas.reasons import SourceReason
from schemas.records import Source
from transforms.fetch.uris import as_text
from transforms.stage import Resources, Stage
from transforms.words import in_words

_CHUNK_BYTES = 1 << 20
_HEARTBEAT_S = 1.0


@dataclass(frozen=True, slots=True)
class Fingerprinted:
    """A source named by its content. declared_s: duration by its container, None if it says none or is no video."""

    source: Source
    declared_s: float | None


class Fingerprint(Stage[str, Fingerprinted | Heartbeat]):
    """Path to fingerprinted source; a file that is missing or cannot be read fails."""

    name = "fingerprint"
    accepts = str
    resources = Resources(cpus=1.0, memory_mb=128)

    def process(self, item: str) -> Iterable[Outcome[Fingerprinted | Heartbeat]]:
        """One kept source. Raises MediaError if it is no regular file, or cannot be read."""
        try:
            yield from self._fingerprint(item)
        except OSError as error:
            raise MediaError(SourceReason.UNREADABLE, in_words(error)) from error

    def _fingerprint(self, item: str) -> Iterator[Outcome[Fingerprinted | Heartbeat]]:
        if not stat.S_ISREG(Path(item).stat().st_mode):
            raise OSError("no regular file")  # a pipe or a device may never end
        digest, size_bytes = hashlib.sha256(), 0
        said_at = time.monotonic()
        with Path(item).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                size_bytes += len(chunk)
                if time.monotonic() - said_at > _HEARTBEAT_S:
                    yield Kept(Heartbeat())
                    said_at = time.monotonic()
        uri = as_text(item)
        source = Source(uri, digest.hexdigest(), size_bytes, "" if uri == item else item)
        yield Kept(Fingerprinted(source, declared_duration_s(item)))


def declared_duration_s(path: str) -> float | None:
    """Seconds of video a container declares, read from its header alone; None if there is no such promise."""
    from schemas.config import LimitsConfig
    from transforms.decode.opening import open_video

    try:
        video = open_video(Path(path), LimitsConfig())
    except (MediaError, OSError):
        return None
    with video.container:
        return video.facts.declared_duration_s
