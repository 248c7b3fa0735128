"""Annotators by the names in the configuration."""

from __future__ import annotations

from models.annotators.base import MaskAnnotator, PoseAnnotator, TrackAnnotator
from schemas.config import Config


def create_pose(config: Config, threads: int = 2) -> PoseAnnotator:
    """The pose annotator named in `config.pose`. Raises WeightsError if its weights cannot be fetched."""
    from models.annotators.blazepose import BlazePose

    return BlazePose(config.pose, threads)


def create_masks(config: Config, threads: int = 2) -> MaskAnnotator:
    """The mask annotator named in `config.masks`. Raises WeightsError if its weights cannot be fetched."""
    if config.masks.annotator == "selfie":
        from models.annotators.selfie import SelfieMask

        return SelfieMask(threads)
    from models.annotators.blazepose_mask import BlazePoseMask

    return BlazePoseMask()


def create_tracks(config: Config) -> TrackAnnotator:
    """The track annotator named in `config.tracks`."""
    from models.annotators.lucas_kanade import LucasKanade

    return LucasKanade(config.tracks)
