"""Named starting points of the configuration. A recipe only sets thresholds; any can be overridden."""

from __future__ import annotations

from typing import Any

from schemas.scores import BACKGROUND_MOVES

_PICTURE: dict[str, Any] = {
    "short_side": {"min": 240},
    "luminance": {"min": 0.06, "max": 0.99},
    "contrast": {"min": 0.03},
    "black_share": {"max": 0.05},
    "sharpness": {"min": 1.2},
    "frozen_share": {"max": 0.5},
    "bars_area": {"max": 0.5},
    "text_area": {"max": 0.2},
}

_PERSON: dict[str, Any] = {
    "person_count": {"min": 1, "max": 3},
    "person_share": {"min": 0.8},
    "person_area_mean": {"min": 0.02, "max": 0.7},
    "person_area_min": {"min": 0.005},
    "person_cut_off": {"max": 0.6},
}

_MOVING_GROUND: dict[str, Any] = {
    "background_motion": {"min": BACKGROUND_MOVES},
    # Where too few points can be followed the motion is not known, and what is not known breaks no rule.
    "background_tracked": {"min": 0.5},
}

RECIPES: dict[str, dict[str, Any]] = {
    "human5000": {
        "recipe": "human5000",
        "screening": _PICTURE | _PERSON,
        "near_duplicate_bits": 6,
    },
    "moving-ground": {
        "recipe": "moving-ground",
        "screening": _PICTURE | _PERSON | _MOVING_GROUND,
        "near_duplicate_bits": 6,
    },
    "everything": {"recipe": "everything", "screening": {}, "near_duplicate_bits": None},
}
"""human5000: one main person, ground still or moving. moving-ground: the ground clearly moves.
everything: nothing is rejected, everything is scored."""
