"""What the kernel keeps a process from, in which files of strangers are decoded."""

from __future__ import annotations

import resource
import sys


def confine(memory_bytes: int) -> None:
    """Let this process hold no more memory of its own, and leave no core file. For the rest of its life.

    An allocation beyond that fails in the decoder, as a damaged file, before the machine runs short. Memory is what
    Linux counts as data: heap and private mappings that can be written, not the mapped code of large libraries.
    """
    _lower(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        _lower(resource.RLIMIT_DATA, memory_bytes)


def _lower(limit: int, value: int) -> None:
    soft, hard = resource.getrlimit(limit)
    present = [n for n in (soft, hard) if n != resource.RLIM_INFINITY]
    resource.setrlimit(limit, (min([value, *present]), hard))
