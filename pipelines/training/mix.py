"""What a stage is fed from: corpora and synthetic video, each as often as its weight says."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipelines.training_data.dataset import Share
from schemas.errors import ConfigError

SYNTHETIC = "synthetic"
"""In the place of a corpus: puppets before moving scenes, drawn as they are needed."""


def read_mix(texts: Sequence[str]) -> tuple[Share, ...]:
    """`CORPUS` or `CORPUS=WEIGHT` each, the weight 1 where none is given; a number after the last `=` is a weight.

    Raises ConfigError for no corpus, one given twice, and weights that are not above 0.
    """
    mix = tuple(map(_read, texts))
    names = [str(share.corpus) for share in mix]
    if not mix or len(set(names)) != len(names):
        raise ConfigError(f"--corpus: give one or more, each once; got {', '.join(names) or 'none'}")
    return mix


def _read(text: str) -> Share:
    corpus, equals, tail = text.rpartition("=")
    try:
        weight = float(tail) if equals else 1.0
    except ValueError:
        corpus, weight = text, 1.0
    if not equals:
        corpus = text
    if not corpus or not (math.isfinite(weight) and weight > 0):
        raise ConfigError(f"--corpus {text}: give CORPUS or CORPUS=WEIGHT, the weight a number above 0")
    return Share(corpus, weight)


def in_words(mix: Sequence[Share]) -> list[str]:
    """Names and weights: what a resumed run must be fed with again. A corpus may have moved to another folder."""
    return [f"{str(share.corpus).rstrip('/').rpartition('/')[2]}={share.weight:g}" for share in mix]
