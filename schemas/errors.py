"""The one family of errors a user can meet. Each says what was wrong with which input and what to do."""

from __future__ import annotations


class FiguregroundError(Exception):
    """Base of every error raised on purpose; the command line prints it without a traceback."""


class ConfigError(FiguregroundError):
    """A setting is unknown, out of range, or differs from the one the corpus was built with."""


class CorpusError(FiguregroundError):
    """A corpus is missing, locked by another run, or does not hold what its log says."""


class WeightsError(FiguregroundError):
    """A weights file is missing, cannot be fetched, or does not match its pinned digest."""


class QueryError(FiguregroundError):
    """A query is not one SELECT, failed, or ran past its limits."""


class GenerationError(FiguregroundError):
    """The generator cannot use the conditions it was given, or made values that are no numbers."""


class MediaError(FiguregroundError):
    """A source cannot be read as video. `reason` is a code of `schemas.reasons.SourceReason`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type[MediaError], tuple[str, str]]:
        return MediaError, (self.reason, str(self))
