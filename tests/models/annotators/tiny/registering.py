"""The user's own list of weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest


def register(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: Path) -> None:
    """Make files known by name, pinned by their digests; kept in `folder`."""
    entries = [
        {
            "name": name,
            "path": str(path),
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "licence": "Apache-2.0",
            "purpose": "a test",
        }
        for name, path in files.items()
    ]
    (folder / "own.json").write_text(json.dumps(entries))
    monkeypatch.setenv("FIGUREGROUND_WEIGHTS", str(folder / "own.json"))
