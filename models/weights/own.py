"""The user's own weights: a JSON list in the file `$FIGUREGROUND_WEIGHTS` names.

    [{"name": "my_sam", "path": "sam.safetensors", "sha256": "...", "licence": "MIT", "purpose": "Segment Anything"}]

An entry has a `path`, relative to the list, or a `repository`, `revision` and `file` on the hub, or a `url`. An entry
named like a built-in one replaces it: that is how a file that we do not pin is pinned.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.weights.features import FEATURE_FILES
from models.weights.origins import Address, HubFile, LocalFile, Origin
from models.weights.research import RESEARCH_FILES
from models.weights.weight_file import WeightFile
from schemas.errors import WeightsError

_SHA256_DIGITS = 64


def own_files() -> dict[str, WeightFile]:
    """The user's files by name; none without the variable. Raises WeightsError if the list cannot be read."""
    named = os.environ.get("FIGUREGROUND_WEIGHTS")
    if not named:
        return {}
    path = Path(named).expanduser()
    try:
        entries = json.loads(path.read_text())
        files = [_file(entry, path.parent) for entry in entries]
    except OSError as error:
        raise WeightsError(f"FIGUREGROUND_WEIGHTS names {path}, which cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is no list of weights: {type(error).__name__}: {error}") from None
    return {file.name: file for file in files}


def _file(entry: dict[str, Any], folder: Path) -> WeightFile:
    sha256 = str(entry["sha256"]).lower()
    if len(sha256) != _SHA256_DIGITS or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError(f"{entry['name']}: sha256 must be {_SHA256_DIGITS} hex digits")
    origin = _origin(entry, folder)
    for known in (*RESEARCH_FILES, *FEATURE_FILES):
        if known.name == entry["name"]:  # a known publisher's file, pinned by the user
            return replace(known, sha256=sha256, size_bytes=None, origin=origin or known.origin)
    if origin is None:
        raise ValueError(f"{entry['name']}: needs a path, a url, or a repository, revision and file")
    return WeightFile(entry["name"], origin, sha256, None, entry["licence"], entry["purpose"])


def _origin(entry: dict[str, Any], folder: Path) -> Origin | None:
    if "path" in entry:
        return LocalFile(folder / Path(entry["path"]).expanduser())
    if "url" in entry:
        return Address(entry["url"])
    if "repository" in entry:
        return HubFile(entry["repository"], entry["revision"], entry["file"])
    return None
