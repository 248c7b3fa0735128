"""The GPUs of this machine."""

from __future__ import annotations

import os
from importlib.util import find_spec


def visible_gpus() -> tuple[str, ...]:
    """Those that this process may use, by the names that CUDA_VISIBLE_DEVICES takes, in CUDA's order.

    One where torch, which counts them, is not installed: an annotator that does without it looks for itself.
    """
    if find_spec("torch") is None:
        return ("0",)
    import torch

    count = torch.cuda.device_count()  # asks the driver's library, and starts no CUDA in this process
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return tuple(named.split(",")[:count]) if named else tuple(map(str, range(count)))
