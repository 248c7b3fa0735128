"""The track annotator: one network over the whole clip, or windows of it where the clip is long.

Shape suffixes: T frames, N points, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from models.annotators.compute import Batches, device_of, enough_memory, inference, release_memory
from models.annotators.cotracker.loading import WINDOWS, Mode, load_predictor, weights_of
from models.annotators.cotracker.queries import choose_queries
from models.annotators.held import held_tracks, no_tracks
from models.annotators.pixels import rgb_frame
from models.annotators.rle import union_mask
from models.weights.digests import digest_of
from schemas.arrays import F32, Bool
from schemas.config import ComputeConfig, TracksConfig
from schemas.records import Annotator, Frames, Mask, Tracks

_WHOLE_CLIP_FRAMES = 250
"""Clips up to this length go through the network at once; memory grows with the length."""
_POINT_FRAMES = 16_384
"""Points times frames of one call for each unit of `compute.batch`; 110 KB each in float32, measured."""
_RESOLUTION = (384, 512)
"""Height and width that the published weights look at, px."""
_KEEP_CLEAR = 0.02
"""Points start at least so far from a person's mask, over the shorter side."""
_RELIEF = "Set compute.device=cpu, or choose tracks.annotator=recovering"


class CoTracker3:
    """Track annotator. As many points of a clip as the memory allows go through the network together; clips go one
    after the other, for the published code fails on several at a time.

    A clip too long to be looked at whole, for the network or for the GPU's memory, goes through in windows.
    Raises ConfigError without its code or its GPU, WeightsError if its weights cannot be had, FiguregroundError if the
    GPU's memory is too small for a single point in windows.
    """

    def __init__(self, config: TracksConfig, compute: ComputeConfig) -> None:
        self._config, self._compute = config, compute
        self._device = device_of(compute, "cotracker3")
        self._whole_frames = _WHOLE_CLIP_FRAMES
        self._predictors: dict[Mode, Any] = {}
        self._point_frames = _POINT_FRAMES * compute.batch
        self._batches = Batches(self._point_frames)

    @property
    def identity(self) -> Annotator:
        """Name, and the SHA-256 over the digests of the weights for whole clips and of those for windows.

        Which of the two a clip was given to follows from its length, and from the memory of the GPU.
        """
        return Annotator("cotracker3", digest_of(weights_of("offline"), weights_of("online")))

    def annotate(self, frames: Frames, masks: tuple[Mask, ...]) -> Tracks:
        """Tracks of points chosen outside the masks at several frames, each followed to the clip's end."""
        return self.follow(frames, masks, self._choose(frames, masks))

    def follow(self, frames: Frames, masks: tuple[Mask, ...], queries_N3: F32) -> Tracks:
        """Tracks of given points: frame, x, y px. A point under a person or outside the picture is not visible."""
        if not len(queries_N3):
            return no_tracks(len(frames))
        with enough_memory("cotracker3", _RELIEF):
            return self._follow(frames, masks, queries_N3)

    def _choose(self, frames: Frames, masks: tuple[Mask, ...]) -> F32:
        blocked_THW = np.zeros((len(frames), frames.height, frames.width), np.bool_)
        for t, mask_HW in enumerate(_masks(frames, masks)):
            blocked_THW[t] = _grown(mask_HW)
        return choose_queries(frames.luma_THW, blocked_THW, float(frames.fps), self._config.points)

    def _follow(self, frames: Frames, masks: tuple[Mask, ...], queries_N3: F32) -> Tracks:
        mode = self._mode(len(frames))
        video = _Video.of(frames, self._predictor(mode))
        asked_N3 = video.to_network(queries_N3)

        def follow(some: Sequence[int]) -> Iterable[tuple[F32, Bool]]:
            return zip(*self._run(video.pictures_T3HW, torch.from_numpy(asked_N3[list(some)])), strict=True)

        most = max(1, self._point_frames // (len(frames) if mode == "offline" else WINDOWS["online"]))
        found: list[tuple[F32, Bool]] = []
        for start in range(0, len(queries_N3), most):
            found += self._batches.run(follow, range(start, min(start + most, len(queries_N3))))
        return _tracks(found, video, queries_N3, frames, masks)

    def _predictor(self, mode: Mode) -> Any:
        if mode not in self._predictors:
            self._predictors[mode] = load_predictor(mode, self._config.source, self._device)
        return self._predictors[mode]

    def _mode(self, frames: int) -> Mode:
        return "offline" if frames <= self._whole_frames else "online"

    def _run(self, pictures_T3HW: Tensor, queries_N3: Tensor) -> tuple[F32, Bool]:
        frames = len(pictures_T3HW)
        if self._mode(frames) == "offline":
            try:
                return self._look("offline", pictures_T3HW, queries_N3)
            except torch.OutOfMemoryError:
                self._whole_frames = frames - 1
            release_memory()
        return self._look("online", pictures_T3HW, queries_N3)

    def _look(self, mode: Mode, pictures_T3HW: Tensor, queries_N3: Tensor) -> tuple[F32, Bool]:
        predictor, queries_1N3 = self._predictor(mode), queries_N3[None].to(self._device)
        with inference(self._compute, self._device):
            if mode == "offline":
                xy_1TN2, visible_1TN = predictor(_on(self._device, pictures_T3HW), queries=queries_1N3)
            else:
                xy_1TN2, visible_1TN = _in_windows(predictor, pictures_T3HW, queries_1N3, self._device)
        return xy_1TN2[0].transpose(0, 1).float().cpu().numpy(), visible_1TN[0].T.cpu().numpy()


@dataclass(frozen=True, slots=True)
class _Video:
    """pictures: uint8 at the network's own resolution. scale_xy: px there to px of the clip."""

    pictures_T3HW: Tensor
    scale_xy: F32

    @classmethod
    def of(cls, frames: Frames, predictor: Any) -> _Video:
        height, width = getattr(predictor, "interp_shape", _RESOLUTION)
        smaller = height <= frames.height and width <= frames.width
        how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR  # the first makes blocks where it enlarges
        pictures_THW3 = np.empty((len(frames), height, width, 3), np.uint8)
        for t in range(len(frames)):
            pictures_THW3[t] = cv2.resize(rgb_frame(frames, t), (width, height), interpolation=how)
        scale_xy = np.array([width / frames.width, height / frames.height], np.float32)
        return cls(torch.from_numpy(pictures_THW3).permute(0, 3, 1, 2), scale_xy)

    def to_network(self, queries_N3: F32) -> F32:
        """Queries with places at the network's resolution."""
        places = (queries_N3[:, 1:] + 0.5) * self.scale_xy - 0.5
        return np.column_stack([queries_N3[:, 0], places]).astype(np.float32)

    def to_clip(self, xy: F32) -> F32:
        """Places in the clip."""
        return np.asarray((xy + 0.5) / self.scale_xy - 0.5, np.float32)


def _on(device: torch.device, pictures_T3HW: Tensor) -> Tensor:
    return pictures_T3HW[None].to(device).float()


def _in_windows(
    predictor: Any, pictures_T3HW: Tensor, queries_1N3: Tensor, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Half-overlapping windows, as the online predictor wants them; the last frame is repeated to fill the last one."""
    frames, step = len(pictures_T3HW), int(predictor.step)

    def window(start: int) -> Tensor:
        return _on(device, pictures_T3HW[torch.arange(start, start + 2 * step).clamp(max=frames - 1)])

    predictor(window(0), is_first_step=True, queries=queries_1N3)
    for start in range(0, max(1, frames - step), step):
        xy_1TN2, visible_1TN = predictor(window(start), is_first_step=False)
    return xy_1TN2[:, :frames], visible_1TN[:, :frames]


def _masks(frames: Frames, masks: tuple[Mask, ...]) -> Iterable[Bool]:
    return (union_mask(masks, t, frames.height, frames.width) for t in range(len(frames)))


def _grown(mask_HW: Bool) -> Bool:
    side = 2 * max(1, round(_KEEP_CLEAR * min(mask_HW.shape))) + 1
    return cv2.dilate(mask_HW.view(np.uint8), np.ones((side, side), np.uint8)) > 0


def _tracks(
    found: Sequence[tuple[F32, Bool]], video: _Video, queries_N3: F32, frames: Frames, masks: tuple[Mask, ...]
) -> Tracks:
    xy_NT2, visible_NT = video.to_clip(np.stack([xy for xy, _ in found])), np.stack([seen for _, seen in found])
    points, query_N = np.arange(len(queries_N3)), queries_N3[:, 0].astype(np.int32)
    xy_NT2[points, query_N] = queries_N3[:, 1:]  # the online predictor leaves it open
    visible_NT[points, query_N] = True
    column, row = np.rint(np.nan_to_num(xy_NT2, nan=-1)).astype(np.int64).transpose(2, 0, 1)
    inside_NT = (column >= 0) & (row >= 0) & (column < frames.width) & (row < frames.height)
    on_person_NT = np.zeros(visible_NT.shape, np.bool_)
    for t, mask in enumerate(_masks(frames, masks)):
        on_person_NT[:, t] = (
            inside_NT[:, t] & mask[row[:, t].clip(0, frames.height - 1), column[:, t].clip(0, frames.width - 1)]
        )
    begun_NT = np.arange(len(frames)) >= query_N[:, None]
    return held_tracks(xy_NT2, visible_NT & inside_NT & ~on_person_NT & begun_NT, on_person_NT, query_N)
