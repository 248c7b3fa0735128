"""Names of what a generator is sampled with."""

from __future__ import annotations

from enum import StrEnum


class Sampler(StrEnum):
    """A way down from noise to pictures."""

    DDIM = "ddim"
    DPM_SOLVER = "dpmsolver++"
    UNIPC = "unipc"


class Precision(StrEnum):
    """What a network computes in, as torch names it."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
