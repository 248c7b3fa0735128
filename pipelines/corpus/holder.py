"""Who holds a corpus's lock, as written into it."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Holder = dict[str, Any]


def this_process() -> Holder:
    """What this process writes into a lock it takes."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": since, "machine": _machine()}


def in_words(content: str | bytes) -> str:
    """The holder, for the user."""
    holder = _parse(content)
    try:
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except KeyError:
        return "another process"


def is_gone(content: str | bytes) -> bool:
    """The holder was a process of this machine, and there is none of its number; False where that is not known."""
    holder = _parse(content)
    if holder.get("machine") != _machine():
        return False
    try:
        os.kill(int(holder["pid"]), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, KeyError, ValueError):
        return False
    return False


def _machine() -> str:
    """Where process ids mean the same as here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _parse(content: str | bytes) -> Holder:
    try:
        holder = json.loads(content)
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}
