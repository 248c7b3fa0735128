"""The formats by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import ConfigError
from schemas.extras import needs

if TYPE_CHECKING:
    from pipelines.export.base import Format

HOMES = {
    "coco": "Coco",
    "moore": "Moore",
    "parquet": "ParquetTables",
    "rerun": "RerunRecordings",
    "tapvid": "TapVid",
    "videofolder": "VideoFolder",
    "webdataset": "WebDataset",
}
"""Class of each format; it lives in the module of the format's name."""


def format_named(name: str) -> type[Format]:
    """Raises ConfigError if there is no such format, or a package it needs is not installed."""
    from importlib import import_module

    if name not in HOMES:
        raise ConfigError(f"no format {name!r}; there are {', '.join(HOMES)}")
    try:
        found: type[Format] = getattr(import_module(f"pipelines.export.{name}_format"), HOMES[name])
    except ModuleNotFoundError as error:
        raise ConfigError(needs(f"format {name}", error.name)) from None
    return found
