"""Why an input did not become clips. Clip reasons are derived from the thresholds: see `rules`."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What became of a source."""

    DONE = "done"
    REJECTED = "rejected"
    FAILED = "failed"


class SourceReason(StrEnum):
    """Why a source was rejected (it is not usable video) or failed (it should have worked)."""

    EMPTY = "empty"
    NOT_VIDEO = "not_video"
    NO_VIDEO_STREAM = "no_video_stream"
    NO_FRAMES = "no_frames"
    TOO_SHORT = "too_short"
    TOO_LARGE = "too_large"
    UNSUPPORTED_CODEC = "unsupported_codec"
    DUPLICATE = "duplicate"
    UNREADABLE = "unreadable"
    DAMAGED = "damaged"
    CRASHED = "crashed"
    STALLED = "stalled"
    REFUSED = "refused"
    GONE = "gone"
    FETCH_FAILED = "fetch_failed"
    TOO_SLOW = "too_slow"
    ERROR = "error"


REJECTING = frozenset(
    {
        SourceReason.EMPTY,
        SourceReason.NOT_VIDEO,
        SourceReason.NO_VIDEO_STREAM,
        SourceReason.NO_FRAMES,
        SourceReason.TOO_SHORT,
        SourceReason.TOO_LARGE,
        SourceReason.UNSUPPORTED_CODEC,
        SourceReason.DUPLICATE,
        SourceReason.REFUSED,
        SourceReason.GONE,
    }
)
"""Reasons that say the input is unusable; the others say that the work on it failed."""


NEAR_DUPLICATE = "near_duplicate"
"""The one clip reason that is given at the end of a run, over all clips, and may be taken back."""


def verdict_of(reason: SourceReason) -> Verdict:
    """`rejected` for inputs that are no usable video, `failed` for the rest."""
    return Verdict.REJECTED if reason in REJECTING else Verdict.FAILED
