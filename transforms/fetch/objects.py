"""Sources in object stores, as through fsspec: s3 and gs by obstore, hf by huggingface-hub."""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import urlsplit

import stamina

from schemas.errors import MediaError
from schemas.extras import needs
from schemas.fetch import FetchConfig
from schemas.reasons import SourceReason
from transforms.fetch.gates import SpeedGuard
from transforms.fetch.sniff import is_text
from transforms.fetch.store import PartFile, SourceStore, Stored, Validators

_BLOCK_BYTES = 1 << 20
_LONGEST_WAIT_S = 60.0


class Stopped(Exception):
    """Nobody waits for the copy any more."""


def copy_object(uri: str, shown: str, store: SourceStore, config: FetchConfig, stopping: threading.Event) -> Stored:
    """Copy an object into the store, going on where an earlier try broke off if the object is still the same.

    stopping: once set, the copy ends with Stopped, and its bytes stay for another time.

    Endpoints and credentials come from the environment of the stores' own tools, never from the address.
    Raises MediaError with the reason if that cannot be done.
    """
    scheme, path = uri.split("://", 1)
    if urlsplit(uri).query:
        raise MediaError(SourceReason.REFUSED, "an address of an object store has no query")
    part, give_up_at = store.part(shown), time.monotonic() + config.deadline_s
    tries = stamina.retry_context(
        on=_worth_another_try,
        attempts=config.attempts,
        timeout=config.deadline_s,
        wait_initial=config.wait_s,
        wait_jitter=config.wait_s,
        wait_max=_LONGEST_WAIT_S,
    )
    try:
        for attempt in tries:
            with attempt:
                _copy(_file_system(scheme), path, part, config, give_up_at, stopping)
        return store.finish(part)
    except FileNotFoundError:
        part.discard()
        raise MediaError(SourceReason.GONE, "there is no such object") from None
    except MediaError:
        part.discard()
        raise
    finally:
        part.close()


def _copy(
    files: Any, path: str, part: PartFile, config: FetchConfig, give_up_at: float, stopping: threading.Event
) -> None:
    facts = files.info(path)
    size_bytes, validators = facts["size"], _validators(facts)
    if facts["type"] != "file":
        raise FileNotFoundError(path)
    if size_bytes > config.max_bytes:
        raise MediaError(SourceReason.TOO_LARGE, f"{size_bytes} bytes are more than fetch.max_bytes")
    if not (part.resumable and part.validators == validators and part.total_bytes == size_bytes):
        part.restart(validators, size_bytes)
    speed = SpeedGuard(config.min_bytes_per_s, config.min_speed_window_s)
    with files.open(path, "rb", block_size=_BLOCK_BYTES) as file:
        file.seek(part.size_bytes)
        while part.size_bytes < size_bytes:
            block = file.read(min(_BLOCK_BYTES, size_bytes - part.size_bytes))
            if not block:
                raise OSError(f"the object ended after {part.size_bytes} of {size_bytes} bytes")
            part.append(block)
            if stopping.is_set():
                raise Stopped
            if is_text(part.head):
                raise MediaError(SourceReason.NOT_VIDEO, "the object is text instead of video")
            if time.monotonic() > give_up_at:
                raise MediaError(
                    SourceReason.TOO_SLOW, f"not finished within fetch.deadline_s, {config.deadline_s:g} s"
                )
            speed.note(len(block))


def _file_system(scheme: str) -> Any:
    try:
        if scheme == "hf":
            from huggingface_hub import HfFileSystem

            return HfFileSystem()
        from obstore.fsspec import FsspecStore
    except ImportError as error:
        raise MediaError(SourceReason.FETCH_FAILED, needs(f"an address of {scheme}:", error.name)) from None
    protocol: Any = scheme
    return FsspecStore(protocol)


def _validators(facts: dict[str, Any]) -> Validators:
    version = facts.get("e_tag") or facts.get("blob_id")
    return Validators(None if version is None else str(version), None)


def _worth_another_try(error: Exception) -> bool:
    return isinstance(error, OSError) and not isinstance(error, FileNotFoundError | PermissionError)
