"""What an export folder remembers of itself, so that the same command goes on where it stopped.

.figureground-export.json    what is exported: format, condition, splits
.figureground-export/        one file per finished unit
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pipelines.export.base import Unit, Written, put
from schemas.errors import ConfigError

_SETTINGS = ".figureground-export.json"
_UNITS = ".figureground-export"


class Ledger:
    """The finished units of an export folder. Raises ConfigError for a folder of something else."""

    def __init__(self, out: Path, settings: dict[str, Any]) -> None:
        self._out = out
        path = out / _SETTINGS
        if path.exists():
            _require_same(out, json.loads(path.read_text()), settings)
        elif out.exists() and any(out.iterdir()):
            raise ConfigError(f"{out} holds other files; export to a new folder")
        else:
            put(out, _SETTINGS, json.dumps(settings, indent=1).encode())

    def finished(self, unit: Unit) -> Written | None:
        """What was written of the unit, if it was finished with the very content it has now."""
        path = self._path(unit.name)
        try:
            entry = json.loads(path.read_text())
        except (OSError, ValueError):
            return None
        if entry["content"] != _content(unit) or not all((self._out / file).exists() for file in entry["files"]):
            return None
        return Written(tuple(entry["records"]), tuple(entry["files"]))

    def note(self, unit: Unit, written: Written) -> None:
        """Remember a finished unit."""
        entry = {"content": _content(unit), "files": written.files, "records": written.records}
        put(self._out, f"{_UNITS}/{unit.name}.json", json.dumps(entry).encode())

    def forget_others(self, units: set[str], files: set[str]) -> None:
        """Remove units that are no longer part of the export, with those of their files that nobody has now."""
        for path in sorted((self._out / _UNITS).glob("*.json")):
            if path.stem not in units:
                for file in json.loads(path.read_text())["files"]:
                    if file not in files:
                        (self._out / file).unlink(missing_ok=True)
                path.unlink()

    def _path(self, name: str) -> Path:
        return self._out / _UNITS / f"{name}.json"


def _content(unit: Unit) -> str:
    """Digest of what the unit is made of."""
    parts = [[item.clip.clip_id, item.split, *item.clip.origin] for item in unit.items]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _require_same(out: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    changed = [f"{key}: {before.get(key)!r} -> {value!r}" for key, value in now.items() if before.get(key) != value]
    if changed:
        raise ConfigError(f"{out} holds another export ({'; '.join(changed)}); use its settings, or a new folder")
