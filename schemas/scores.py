"""The scores of a clip. One field here is one column of `clips`, one pair of thresholds in the configuration.

A score is None where it was not measured: a clip rejected by a cheap score is not shown to the dear ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

BACKGROUND_MOVES = 0.045
"""From this background_motion on, the background moves, and the camera is not `static`; frame widths/s."""
_DECODE, _PICTURE, _PEOPLE, _ANNOTATE = "decode", "picture", "people", "annotate"
_CROPPED = "decode, then picture"
_REFINED = "people, then annotate"


def _score(unit: str, description: str, source: str) -> float | None:
    """A numeric score field with its unit, its description, and the stage that measures it."""
    score: float | None = field(default=None, metadata={"unit": unit, "description": description, "source": source})
    return score


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Every score of a clip; see each field's metadata for unit and meaning."""

    duration_s: float | None = _score("s", "Length of the clip.", _DECODE)
    short_side: float | None = _score(
        "px", "Shorter side of the source picture, bars cropped, square pixels.", _CROPPED
    )
    luminance: float | None = _score("0..1", "Mean luma of the clip.", _CROPPED)
    contrast: float | None = _score("0..1", "Mean over frames of the standard deviation of luma.", _CROPPED)
    black_share: float | None = _score("0..1", "Share of frames that are black (nearly all pixels dark).", _DECODE)
    sharpness: float | None = _score(
        "ratio",
        "Strongest luma gradients over the same after a Gaussian blur of 2 px, in a picture of 512 px: "
        "1 is blurred, 1.4 and more in focus. Median over sampled frames.",
        _PICTURE,
    )
    frozen_share: float | None = _score(
        "0..1", "Share of frames identical to the source's frame before, but for noise.", _DECODE
    )
    bars_area: float | None = _score("0..1", "Share of the picture that was black bars and was cropped off.", _PICTURE)
    text_area: float | None = _score(
        "0..1",
        "Share of the picture under text that stays in its place: detected there in most sampled frames.",
        _PEOPLE,
    )
    person_count: float | None = _score("persons", "Number of persons in most of the sampled frames.", _PEOPLE)
    person_share: float | None = _score("0..1", "Share of frames in which the main person is found.", _REFINED)
    person_area_mean: float | None = _score(
        "0..1", "Share of the picture under the main person's mask, mean.", _ANNOTATE
    )
    person_area_min: float | None = _score(
        "0..1", "The same in the frame where it is smallest (5th percentile of the frames with the person).", _ANNOTATE
    )
    person_cut_off: float | None = _score(
        "0..1", "Share of the main person's body joints outside the frame, mean over frames with the person.", _ANNOTATE
    )
    face_visible: float | None = _score("0..1", "Share of frames in which the main person's face is seen.", _ANNOTATE)
    person_motion: float | None = _score(
        "torso lengths/s",
        "Median over time of the mean speed of the main person's joints, relative to the hips. The walker of the "
        "demo's footage has 1.25.",
        _ANNOTATE,
    )
    background_motion: float | None = _score(
        "frame widths/s",
        "Median over time of the median speed of tracked points outside the persons. "
        f"From {BACKGROUND_MOVES:g} on, `camera` is not static.",
        _REFINED,
    )
    background_parallax: float | None = _score(
        "0..1", "Share of the background's motion that one homography per step does not explain.", _REFINED
    )
    background_tracked: float | None = _score(
        "0..1",
        "Share of time in which enough points outside the persons could be followed to measure their motion.",
        _REFINED,
    )
    track_round_trip: float | None = _score(
        "px of 360",
        "Mean distance by which tracked points, followed to the next frame and back, miss where they started; each "
        "counts up to the limit of the way back. Not measured by cotracker3.",
        _ANNOTATE,
    )
    mask_consistency: float | None = _score(
        "0..1",
        "IoU of the main person's mask with the mask of the next frame, moved along with the hips; mean over frames.",
        _ANNOTATE,
    )
    keypoint_jitter: float | None = _score(
        "torso lengths",
        "By how much a sure joint of the main person departs from going straight on, from frame to frame; median.",
        _ANNOTATE,
    )


SCORE_NAMES: tuple[str, ...] = tuple(f.name for f in fields(Scores))
CAMERAS: tuple[str, ...] = ("static", "pan", "zoom", "rotate", "shake", "parallax", "unknown")
"""Kinds of background motion, in the column `camera`."""
