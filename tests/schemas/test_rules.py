from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import Limit
from schemas.rules import broken_rules
from schemas.scores import SCORE_NAMES, Scores

LIMITS = {"luminance": Limit(min=0.1, max=0.9), "sharpness": Limit(min=8), "text_area": Limit(max=0.2)}


def test_every_broken_rule_is_named_with_its_side_in_the_order_of_the_limits() -> None:
    assert broken_rules(Scores(text_area=0.5, luminance=0.95, sharpness=1), LIMITS) == (
        "luminance_high",
        "sharpness_low",
        "text_area_high",
    )


@pytest.mark.parametrize(("value", "reasons"), [(0.1, ()), (0.9, ()), (0.0999, ("luminance_low",))])
def test_a_score_on_the_limit_is_within_it(value: float, reasons: tuple[str, ...]) -> None:
    assert broken_rules(Scores(luminance=value), LIMITS) == reasons


def test_a_score_that_was_not_measured_breaks_no_rule() -> None:
    assert broken_rules(Scores(), LIMITS) == ()


def test_only_the_scores_asked_for_are_judged() -> None:
    assert broken_rules(Scores(luminance=0, sharpness=0), LIMITS, ["sharpness"]) == ("sharpness_low",)


@given(st.dictionaries(st.sampled_from(SCORE_NAMES), st.floats(0, 10)))
def test_without_limits_nothing_is_rejected(values: dict[str, float]) -> None:
    assert broken_rules(Scores(**values), {}) == ()


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_value_is_rejected_exactly_if_it_lies_outside(value: float, low: float, high: float) -> None:
    reasons = broken_rules(Scores(person_motion=value), {"person_motion": Limit(min=low, max=high)})
    assert bool(reasons) == (value < low or value > high)


def test_every_score_says_its_unit_and_meaning() -> None:
    for field in fields(Scores):
        assert field.metadata["unit"]
        assert field.metadata["description"].endswith(".")
