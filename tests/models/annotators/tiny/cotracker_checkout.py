"""CoTracker3's own classes at random weights, out of a checkout of facebookresearch/co-tracker.

The variable `FIGUREGROUND_COTRACKER` names its folder. Its licence forbids commercial use, so none is kept here.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.models.annotators.tiny.cotracker import forget
from tests.models.annotators.tiny.registering import register

_NAMED = os.environ.get("FIGUREGROUND_COTRACKER", "")
CHECKOUT = str(Path(_NAMED).expanduser().resolve()) if _NAMED else ""
SMALL = (96, 128)
"""Height and width that the real classes look at in most tests; theirs are 384 x 512."""
MODES = ("offline", "online")

needs_checkout = pytest.mark.skipif(
    not CHECKOUT, reason="FIGUREGROUND_COTRACKER names no checkout of facebookresearch/co-tracker"
)


def build(mode: str) -> Any:
    """The published predictor, by the published way in, at random weights that move points and see them."""
    import torch

    forget()
    with torch.random.fork_rng(devices=[]):
        predictor = torch.hub.load(CHECKOUT, f"cotracker3_{mode}", source="local", pretrained=False, trust_repo=True)
        torch.manual_seed(1)
        former = predictor.model.updateformer
        torch.nn.init.normal_(former.flow_head.weight, std=0.05)
        torch.nn.init.constant_(former.vis_conf_head.bias, 1.0)
    return predictor


@cache
def _folder() -> TemporaryDirectory[str]:
    """Gone with the process."""
    return TemporaryDirectory(prefix="cotracker-")


@cache
def checkpoints() -> dict[str, Path]:
    """Files as the published ones are: `torch.save` of a state dict."""
    import torch

    files = {mode: Path(_folder().name) / f"scaled_{mode}.pth" for mode in MODES}
    for mode, file in files.items():
        torch.save(build(mode).model.state_dict(), file)
    return {f"cotracker3_{mode}": file for mode, file in files.items()}


def shrink(predictor: Any, resolution: tuple[int, int] = SMALL) -> Any:
    """Make it look at small pictures; nothing in it depends on their size."""
    predictor.interp_shape = predictor.model.model_resolution = resolution
    return predictor


def use_checkout(folder: Path, patch: pytest.MonkeyPatch, resolution: tuple[int, int] | None = SMALL) -> None:
    """Registers its weights. None: the published resolution."""
    register(folder, patch, **checkpoints())
    forget()
    if resolution is None:
        return
    from models.annotators.cotracker import annotator

    load = annotator.load_predictor
    patch.setattr(annotator, "load_predictor", lambda *given: shrink(load(*given), resolution))
