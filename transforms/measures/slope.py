"""How a figure changes from clip to clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def slope(values: Sequence[float], first: int = 0) -> float:
    """Change per clip by a straight line through the values of clip `first` and later; NaN for fewer than two."""
    kept = np.asarray(values, np.float64)[first:]
    if len(kept) < 2:
        return float("nan")
    return float(np.polyfit(np.arange(len(kept)), kept, 1)[0])
