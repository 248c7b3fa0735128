"""Splits by source: all clips of a source are in one split, and stay there when the corpus grows."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from schemas.errors import ConfigError

_HEX_DIGITS = 16
_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")


@dataclass(frozen=True, slots=True)
class Splits:
    """Names with their shares of the sources, which add up to 1."""

    shares: tuple[tuple[str, float], ...] = (("train", 1.0),)

    @classmethod
    def parse(cls, text: str) -> Splits:
        """From `train=0.9,test=0.1`. Raises ConfigError for what is none."""
        shares = []
        for part in text.split(","):
            name, _, share = part.partition("=")
            if not _NAME.fullmatch(name.strip()):
                raise ConfigError(f"split {part!r}: expected NAME=SHARE, the name of letters, digits and _")
            shares.append((name.strip(), _number(part, share)))
        names = [name for name, _ in shares]
        total = sum(share for _, share in shares)
        if len(set(names)) < len(names) or not math.isclose(total, 1, abs_tol=1e-6):
            raise ConfigError(f"splits {text!r}: names must differ, and shares must add up to 1, not {total:g}")
        return cls(tuple(shares))

    def of(self, source_id: str) -> str:
        """The split of a source. Its id is part of a SHA-256, hence a random number already."""
        place, reached = int(source_id[:_HEX_DIGITS], 16) / 16**_HEX_DIGITS, 0.0
        for name, share in self.shares:
            reached += share
            if place < reached:
                return name
        return self.shares[-1][0]


def _number(part: str, share: str) -> float:
    try:
        number = float(share)
    except ValueError:
        number = math.nan
    if not 0 < number <= 1:
        raise ConfigError(f"split {part!r}: the share must be a number above 0, at most 1")
    return number
