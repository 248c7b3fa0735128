"""Named starting points of the configuration. A recipe only sets thresholds; any can be overridden."""

from __future__ import annotations

from schemas.config import Config, Limit
from schemas.scores import BACKGROUND_MOVES

_PICTURE: dict[str, Limit] = {
    "short_side": Limit(min=240.0),
    "luminance": Limit(0.06, 0.99),
    "contrast": Limit(min=0.03),
    "black_share": Limit(max=0.05),
    "sharpness": Limit(min=1.2),
    "frozen_share": Limit(max=0.5),
    "bars_area": Limit(max=0.5),
    "text_area": Limit(max=0.2),
}

_PERSON: dict[str, Limit] = {
    "person_count": Limit(1.0, 3.0),
    "person_share": Limit(min=0.8),
    "person_area_mean": Limit(0.02, 0.7),
    "person_area_min": Limit(min=0.005),
    "person_cut_off": Limit(max=0.6),
}

_MOVING_GROUND: dict[str, Limit] = {
    "background_motion": Limit(min=BACKGROUND_MOVES),
    # Where too few points can be followed the motion is not known, and what is not known breaks no rule.
    "background_tracked": Limit(min=0.5),
}

RECIPES = {
    recipe.recipe: recipe
    for recipe in (
        Config("human5000", screening=_PICTURE | _PERSON, near_duplicate_bits=6.0),
        Config("moving-ground", screening=_PICTURE | _PERSON | _MOVING_GROUND, near_duplicate_bits=6.0),
        Config("everything"),
    )
}
"""human5000: one main person, ground still or moving. moving-ground: the ground clearly moves.
everything: nothing is rejected, everything is scored."""
