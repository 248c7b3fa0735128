"""What is known of a weights file."""

from __future__ import annotations

from dataclasses import dataclass

from models.weights.origins import Origin, WheelMember

UNPINNED = ""
"""Digest of a file whose publisher's digest we could not check; such a file is not loaded."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of weights, pinned by its digest.

    size_bytes: None where it is not known beforehand. publisher: set where the file is a pickle that its publisher is
    known for; only such pickles are read. terms: what a user must know before using it, beyond the licence's name.
    """

    name: str
    origin: Origin
    sha256: str
    size_bytes: int | None
    licence: str
    purpose: str
    publisher: str = ""
    terms: str = ""

    @property
    def cached_name(self) -> str:
        """Name in the cache and on a mirror: `<first 16 hex of the sha256>-<name>`."""
        return f"{self.sha256[:16]}-{self.name}"

    @property
    def embedded(self) -> bool:
        """One of the files that the default configuration needs; they come from the package index."""
        return isinstance(self.origin, WheelMember)
