"""What a stage answers for an item: kept, rejected with reasons, or failed. Data, never a lost exception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Kept(Generic[T_co]):
    """The item goes on to the next stage."""

    item: T_co


@dataclass(frozen=True, slots=True)
class Rejected(Generic[T_co]):
    """The item stays a row with its reasons and goes no further."""

    item: T_co
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed(Generic[T_co]):
    """The stage raised on this item; `error` is the exception in words."""

    item: T_co
    error: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """An item a stage may keep to say only that work goes on; engines take it out of the stream.

    reached_s: how far the stage has come in the source, seconds of video, where that means something.
    """

    reached_s: float | None = None


Outcome = Kept[T_co] | Rejected[T_co] | Failed[T_co]
