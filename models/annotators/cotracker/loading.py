"""The published predictors with our verified weights: an installed module, a local checkout, or a pinned commit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from models.annotators.needs import COTRACKER_OFFLINE, COTRACKER_ONLINE
from models.weights.states import read_state
from schemas.errors import ConfigError, WeightsError

Mode = Literal["offline", "online"]
WINDOWS: dict[Mode, int] = {"offline": 60, "online": 16}
"""Frames that the published weights look at together."""
_ENCODED_TOGETHER = 16
"""Frames; the encoder holds 90 MB of each in float32, and the published code gives it up to 200 at once."""
_PINNED = re.compile(r"[\w.-]+/[\w.-]+:[0-9a-f]{40}")


def weights_of(mode: Mode) -> str:
    """Name of the weights."""
    return COTRACKER_OFFLINE if mode == "offline" else COTRACKER_ONLINE


def load_predictor(mode: Mode, source: str, device: torch.device) -> Any:
    """A `CoTrackerPredictor` or `CoTrackerOnlinePredictor`.

    source: "" for the installed module `cotracker`; the folder of a checkout; or `owner/repository:commit`, which
    torch.hub fetches. Raises ConfigError if the code cannot be had, WeightsError if the weights do not fit it.
    """
    state = read_state(weights_of(mode))
    predictor = _build(mode, source)
    try:
        predictor.model.load_state_dict(state)
    except RuntimeError as error:
        raise WeightsError(f"{weights_of(mode)} does not fit the code of CoTracker: {error}") from None
    predictor.model.fnet = _InPieces(predictor.model.fnet)
    return predictor.eval().to(device)


class _InPieces(nn.Module):
    """An encoder that is given a few pictures at a time; it looks at each alone, so the result is the same."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self._encoder = encoder

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.cat([self._encoder(some) for some in pictures.split(_ENCODED_TOGETHER)])


def _build(mode: Mode, source: str) -> Any:
    if not source:
        return _installed(mode)
    entry = f"cotracker3_{mode}"
    if Path(source).expanduser().is_dir():
        return _from_hub(str(Path(source).expanduser()), entry, "local")
    if not _PINNED.fullmatch(source):
        raise ConfigError(
            f"tracks.source={source} is neither the folder of a checkout of co-tracker nor owner/repository:commit "
            "with all 40 digits of the commit; code that may change is not run"
        )
    return _from_hub(source, entry, "github")


def _installed(mode: Mode) -> Any:
    try:
        from cotracker.predictor import CoTrackerOnlinePredictor, CoTrackerPredictor
    except ModuleNotFoundError:
        raise ConfigError(
            "cotracker3 needs the module cotracker, which is on no package index: install a checkout of "
            "facebookresearch/co-tracker, or name it in tracks.source"
        ) from None
    kind = CoTrackerPredictor if mode == "offline" else CoTrackerOnlinePredictor
    return kind(checkpoint=None, window_len=WINDOWS[mode])


def _from_hub(repository: str, entry: str, source: str) -> Any:
    try:
        return torch.hub.load(repository, entry, source=source, pretrained=False, trust_repo=True)
    except Exception as error:  # whatever a repository's own code raises
        raise ConfigError(f"CoTracker cannot be loaded from {repository}: {type(error).__name__}: {error}") from None
