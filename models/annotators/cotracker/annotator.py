"""The track annotator: one network over the whole clip, or windows of it where the clip is long.

Shape suffixes: T frames, N points, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from models.annotators.compute import Batches, device_of, inference
from models.annotators.cotracker.loading import Mode, load_predictor, weights_of
from models.annotators.cotracker.queries import choose_queries
from models.annotators.held import held_tracks, no_tracks
from models.annotators.pixels import rgb_frame
from models.annotators.rle import union_mask
from models.weights.registry import weight_file
from schemas.arrays import F32, Bool
from schemas.config import ComputeConfig, TracksConfig
from schemas.records import Annotator, Frames, Mask, Tracks

_WHOLE_CLIP_FRAMES = 250
"""Clips up to this length go through the network at once; memory grows with the length."""
_RESOLUTION = (384, 512)
"""Height and width that the published weights look at, px."""
_KEEP_CLEAR = 0.02
"""Points start at least so far from a person's mask, over the shorter side."""


class CoTracker3:
    """Track annotator. Raises ConfigError without its code or its GPU, WeightsError if its weights cannot be had."""

    def __init__(self, config: TracksConfig, compute: ComputeConfig) -> None:
        self._config, self._compute = config, compute
        self._device = device_of(compute, "cotracker3")
        self._predictors: dict[Mode, Any] = {}
        self._batches = Batches(4 * config.points)

    @property
    def identity(self) -> Annotator:
        """Name and digest of the weights for whole clips."""
        return Annotator("cotracker3", weight_file(weights_of("offline")).sha256)

    def annotate(self, frames: Frames, masks: tuple[Mask, ...]) -> Tracks:
        """Tracks of points chosen outside the masks at several frames, each followed to the clip's end."""
        blocked_THW = np.zeros((len(frames), frames.height, frames.width), np.bool_)
        for t, mask_HW in enumerate(_masks(frames, masks)):
            blocked_THW[t] = _grown(mask_HW)
        queries_N3 = choose_queries(frames.luma_THW, blocked_THW, float(frames.fps), self._config.points)
        return self.follow(frames, masks, queries_N3)

    def follow(self, frames: Frames, masks: tuple[Mask, ...], queries_N3: F32) -> Tracks:
        """Tracks of given points: frame, x, y px. A point under a person or outside the picture is not visible."""
        if not len(queries_N3):
            return no_tracks(len(frames))
        mode: Mode = "offline" if len(frames) <= _WHOLE_CLIP_FRAMES else "online"
        video, scale_xy = self._video(frames, self._predictor(mode))
        at_scale = queries_N3.copy()
        at_scale[:, 1:] = (queries_N3[:, 1:] + 0.5) * scale_xy - 0.5

        def follow(some: Sequence[int]) -> Iterable[tuple[F32, Bool]]:
            return self._run(mode, video, torch.from_numpy(at_scale[list(some)])[None])

        found = list(self._batches.run(follow, range(len(queries_N3))))
        xy_NT2 = (np.stack([xy for xy, _ in found]) + 0.5) / scale_xy - 0.5
        visible_NT = np.stack([visible for _, visible in found])
        return _tracks(xy_NT2.astype(np.float32), visible_NT, queries_N3, frames, masks)

    def _predictor(self, mode: Mode) -> Any:
        if mode not in self._predictors:
            self._predictors[mode] = load_predictor(mode, self._config.source, self._device)
        return self._predictors[mode]

    def _video(self, frames: Frames, predictor: Any) -> tuple[Tensor, F32]:
        """(1, T, 3, H, W) in 0..255 at the network's own resolution, and the scale of x and y there."""
        height, width = getattr(predictor, "interp_shape", _RESOLUTION)
        pictures = [
            cv2.resize(rgb_frame(frames, t), (width, height), interpolation=cv2.INTER_AREA) for t in range(len(frames))
        ]
        video = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)[None]
        return video, np.array([width / frames.width, height / frames.height], np.float32)

    def _run(self, mode: Mode, video: Tensor, queries: Tensor) -> list[tuple[F32, Bool]]:
        predictor, queries = self._predictor(mode), queries.to(self._device)
        with inference(self._compute, self._device):
            if mode == "offline":
                xy, visible = predictor(video.to(self._device).float(), queries=queries)
            else:
                xy, visible = _in_windows(predictor, video, queries, self._device)
        places = xy[0].transpose(0, 1).float().cpu().numpy()
        return list(zip(places, visible[0].transpose(0, 1).cpu().numpy(), strict=True))


def _in_windows(predictor: Any, video: Tensor, queries: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Half-overlapping windows, as the online predictor wants them; the last frame is repeated to fill the last one."""
    frames, step = video.shape[1], int(predictor.step)
    missing = max(2 * step, -(-frames // step) * step) - frames
    padded = torch.cat([video, video[:, -1:].expand(-1, missing, -1, -1, -1)], 1)
    predictor(padded[:, : 2 * step].to(device).float(), is_first_step=True, queries=queries)
    for start in range(0, padded.shape[1] - step, step):
        xy, visible = predictor(padded[:, start : start + 2 * step].to(device).float(), is_first_step=False)
    return xy[:, :frames], visible[:, :frames]


def _masks(frames: Frames, masks: tuple[Mask, ...]) -> Iterable[Bool]:
    return (union_mask(masks, t, frames.height, frames.width) for t in range(len(frames)))


def _grown(mask_HW: Bool) -> Bool:
    side = 2 * max(1, round(_KEEP_CLEAR * min(mask_HW.shape))) + 1
    return cv2.dilate(mask_HW.view(np.uint8), np.ones((side, side), np.uint8)) > 0


def _tracks(xy_NT2: F32, visible_NT: Bool, queries_N3: F32, frames: Frames, masks: tuple[Mask, ...]) -> Tracks:
    query_N = queries_N3[:, 0].astype(np.int32)
    column, row = np.rint(np.nan_to_num(xy_NT2, nan=-1)).astype(np.int64).transpose(2, 0, 1)
    inside_NT = (column >= 0) & (row >= 0) & (column < frames.width) & (row < frames.height)
    on_person_NT = np.zeros(visible_NT.shape, np.bool_)
    for t, mask in enumerate(_masks(frames, masks)):
        on_person_NT[:, t] = (
            inside_NT[:, t] & mask[row[:, t].clip(0, frames.height - 1), column[:, t].clip(0, frames.width - 1)]
        )
    begun_NT = np.arange(len(frames)) >= query_N[:, None]
    return held_tracks(xy_NT2, visible_NT & inside_NT & ~on_person_NT & begun_NT, on_person_NT, query_N)
