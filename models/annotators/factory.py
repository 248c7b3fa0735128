"""Annotators by the names in the configuration."""

from __future__ import annotations

import sys
from dataclasses import replace

from models.annotators.base import MaskAnnotator, PoseAnnotator, TrackAnnotator
from schemas.config import Config
from schemas.errors import ConfigError
from schemas.extras import needs


def create_pose(config: Config, threads: int = 2, *, masks: bool = True) -> PoseAnnotator:
    """The pose annotator named in `config.pose`.

    masks: whether it makes the masks that it is configured to make along with its poses.
    Raises WeightsError if its weights cannot be had, ConfigError if its packages or its GPU are missing.
    """
    if config.pose.annotator == "openpose":
        _require_torch("openpose")
        from models.annotators.openpose import OpenPose

        return OpenPose(config.pose, config.compute)
    if config.pose.annotator == "dwpose":
        from models.annotators.dwpose import DWPose

        return DWPose(config.pose, config.compute)
    from models.annotators.blazepose import BlazePose

    return BlazePose(config.pose, threads, masks=masks and config.masks.annotator == "blazepose")


def create_screening_pose(config: Config, threads: int = 2) -> PoseAnnotator:
    """The annotator that counts persons in screening: always the cheap one, so that a GPU sees survivors alone."""
    return create_pose(replace(config, pose=replace(config.pose, annotator="blazepose")), threads)


def create_masks(config: Config, threads: int = 2) -> MaskAnnotator:
    """The mask annotator named in `config.masks`. Raises as `create_pose` does."""
    if config.masks.annotator == "segment_anything":
        _require_torch("segment_anything")
        from models.annotators.segment_anything import SegmentAnything

        return SegmentAnything(config.masks, config.compute)
    if config.masks.annotator == "sam2_video":
        _require_torch("sam2_video")
        from models.annotators.sam2_video import Sam2Video

        return Sam2Video(config.masks, config.compute)
    if config.masks.annotator == "selfie":
        from models.annotators.selfie import SelfieMask

        return SelfieMask(threads)
    if config.pose.annotator != "blazepose":
        raise ConfigError(
            "masks.annotator=blazepose takes the masks that pose.annotator=blazepose makes along with its joints; "
            f"with pose.annotator={config.pose.annotator} choose another one"
        )
    from models.annotators.blazepose_mask import BlazePoseMask

    return BlazePoseMask()


def create_tracks(config: Config) -> TrackAnnotator:
    """The track annotator named in `config.tracks`. Raises as `create_pose` does."""
    if config.tracks.annotator == "cotracker3":
        _require_torch("cotracker3")
        from models.annotators.cotracker import CoTracker3

        return CoTracker3(config.tracks, config.compute)
    from models.annotators.lucas_kanade import LucasKanade

    return LucasKanade(config.tracks)


def release() -> None:
    """Give the GPU back what annotators held. Call it after letting go of them; without torch it does nothing."""
    if "torch" in sys.modules:
        from models.annotators.compute import release_memory

        release_memory()


def _require_torch(annotator: str) -> None:
    from importlib.util import find_spec

    missing = [module for module in ("torch", "torchvision") if find_spec(module) is None]
    if missing:
        raise ConfigError(needs(annotator, *missing, wanted="annotate"))
