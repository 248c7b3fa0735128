from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from schemas.config import Limit
from schemas.outcomes import Kept, Rejected
from schemas.rules import broken_rules
from schemas.scores import SCORE_NAMES, Scores
from tests.transforms.screening_scenes import clip_of, ground
from transforms.screening.verdict import judge

numbers = st.floats(-100, 100)
names = st.sampled_from(SCORE_NAMES)
bounds = st.builds(Limit, min=st.none() | numbers, max=st.none() | numbers)
scores_of = st.dictionaries(names, numbers).map(lambda values: Scores(**values))
CLIP = clip_of([ground()] * 2)


@given(scores_of, st.dictionaries(names, bounds))
def test_a_reason_names_exactly_the_scores_outside_their_limits(scores: Scores, limits: dict[str, Limit]):
    reasons = broken_rules(scores, limits)
    for name, limit in limits.items():
        value = getattr(scores, name)
        low = value is not None and limit.min is not None and value < limit.min
        high = value is not None and limit.max is not None and value > limit.max
        assert (f"{name}_low" in reasons) == low
        assert (f"{name}_high" in reasons) == (high and not low)
    assert len(reasons) == len(set(reasons)) <= len(limits)


@given(scores_of, st.dictionaries(names, bounds), st.sets(names))
def test_judging_in_parts_finds_what_judging_at_once_finds(scores, limits, first):
    rest = set(SCORE_NAMES) - first
    parts = {*broken_rules(scores, limits, first), *broken_rules(scores, limits, rest)}
    assert parts == set(broken_rules(scores, limits))


@given(scores_of, names, numbers, numbers)
def test_a_tighter_limit_never_keeps_what_a_looser_one_rejects(scores, name, a, b):
    loose, tight = sorted((a, b))
    rejected = broken_rules(scores, {name: Limit(min=loose)})
    assert set(rejected) <= set(broken_rules(scores, {name: Limit(min=tight)}))


@given(scores_of, st.dictionaries(names, bounds))
def test_a_rejected_clip_keeps_its_scores_and_reasons_but_nothing_heavy(scores, limits):
    clip = replace(CLIP, scores=scores)
    outcome = judge(clip, limits)
    reasons = broken_rules(scores, limits)
    if not reasons:
        assert outcome == Kept(clip)
        return
    assert isinstance(outcome, Rejected)
    assert outcome.reasons == outcome.item.reject_reasons == reasons
    assert outcome.item.scores == scores
    assert outcome.item.frames is None
    assert outcome.item.annotation is None
    assert not outcome.item.kept
