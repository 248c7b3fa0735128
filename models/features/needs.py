"""What the metrics that look through a network need, and why one cannot be had here. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from models.weights.registry import weight_file
from models.weights.store import cached_path
from models.weights.weight_file import UNPINNED
from schemas import extras

INCEPTION, VGG = "inception_fid", "vgg16_imagenet"
I3D, RESNET_3D = "i3d_kinetics400", "resnet50_kinetics400"


@dataclass(frozen=True, slots=True)
class Needs:
    """weights: a registered name. modules: that must be installed."""

    weights: str
    modules: tuple[str, ...]


NEEDS = {
    "lpips": Needs(VGG, ("torch", "torchvision", "torchmetrics")),
    "fid": Needs(INCEPTION, ("torch", "torchvision", "torch_fidelity")),
    "fid_vid": Needs(RESNET_3D, ("torch",)),
    "fvd": Needs(I3D, ("torch",)),
}
"""By metric."""


def why_not(metric: str) -> str | None:
    """What to do so that a metric can be measured here; None if it can. Fetches nothing, checks no digest."""
    needs = NEEDS[metric]
    missing = [module for module in needs.modules if find_spec(module) is None]
    if missing:
        return extras.needs("it", *missing, wanted="evaluate")
    file = weight_file(needs.weights)
    if file.sha256 == UNPINNED:
        return (
            f"needs {file.purpose} ({file.origin}), whose digest nobody has pinned: get it, check it, and name it "
            f'{{"name": "{file.name}", "path": ..., "sha256": ...}} in a JSON list that FIGUREGROUND_WEIGHTS names'
        )
    if not cached_path(file).exists():
        return f"needs {file.purpose}, which is not in the cache: figureground weights fetch {file.name}"
    return None
