"""The track annotator: one network over the whole clip, or windows of it where the clip is long.

Shape suffixes: B clips, T frames, N points, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from models.annotators.base import ClipFrames
from models.annotators.compute import Batches, device_of, enough_memory, inference, release_memory
from models.annotators.cotracker.loading import Mode, load_predictor, weights_of
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
_RESOLUTION = (384, 512)
"""Height and width that the published weights look at, px."""
_KEEP_CLEAR = 0.02
"""Points start at least so far from a person's mask, over the shorter side."""
_RELIEF = "Set compute.device=cpu, or choose tracks.annotator=recovering"


class CoTracker3:
    """Track annotator. Several clips of one length go through the network together, halved where memory is too small.

    A clip too long to be looked at whole, for the network or for the GPU's memory, goes through in windows.
    Raises ConfigError without its code or its GPU, WeightsError if its weights cannot be had, FiguregroundError if the
    GPU's memory is too small for a single point in windows.
    """

    def __init__(self, config: TracksConfig, compute: ComputeConfig) -> None:
        self._config, self._compute = config, compute
        self._device = device_of(compute, "cotracker3")
        self._whole_frames = _WHOLE_CLIP_FRAMES
        self._predictors: dict[Mode, Any] = {}
        self._batches = Batches(4 * config.points * compute.batch)

    @property
    def identity(self) -> Annotator:
        """Name, and the SHA-256 over the digests of the weights for whole clips and of those for windows.

        Which of the two a clip was given to follows from its length, and from the memory of the GPU.
        """
        return Annotator("cotracker3", digest_of(weights_of("offline"), weights_of("online")))

    def annotate(self, frames: Frames, masks: tuple[Mask, ...]) -> Tracks:
        """Tracks of points chosen outside the masks at several frames, each followed to the clip's end."""
        (tracks,) = self.annotate_several([(frames, masks)])
        return tracks

    def annotate_several(self, clips: Sequence[ClipFrames]) -> tuple[Tracks, ...]:
        """The same of several clips of one length, whatever their sizes."""
        return self._follow_several(clips, [self._choose(frames, masks) for frames, masks in clips])

    def follow(self, frames: Frames, masks: tuple[Mask, ...], queries_N3: F32) -> Tracks:
        """Tracks of given points: frame, x, y px. A point under a person or outside the picture is not visible."""
        (tracks,) = self._follow_several([(frames, masks)], [queries_N3])
        return tracks

    def _choose(self, frames: Frames, masks: tuple[Mask, ...]) -> F32:
        blocked_THW = np.zeros((len(frames), frames.height, frames.width), np.bool_)
        for t, mask_HW in enumerate(_masks(frames, masks)):
            blocked_THW[t] = _grown(mask_HW)
        return choose_queries(frames.luma_THW, blocked_THW, float(frames.fps), self._config.points)

    def _follow_several(self, clips: Sequence[ClipFrames], queries: Sequence[F32]) -> tuple[Tracks, ...]:
        points = [(clip, point) for clip, queries_N3 in enumerate(queries) for point in range(len(queries_N3))]
        if not points:
            return tuple(no_tracks(len(frames)) for frames, _ in clips)
        with enough_memory("cotracker3", _RELIEF):
            return self._follow_points(clips, queries, points)

    def _follow_points(
        self, clips: Sequence[ClipFrames], queries: Sequence[F32], points: Sequence[tuple[int, int]]
    ) -> tuple[Tracks, ...]:
        """points: numbers of a clip and of a query in it; all there are, in order."""
        predictor = self._predictor(self._mode(len(clips[0][0])))
        videos = [_Video.of(frames, predictor) for frames, _ in clips]
        asked = [video.to_network(queries_N3) for video, queries_N3 in zip(videos, queries, strict=True)]

        def follow(some: Sequence[tuple[int, int]]) -> Iterable[tuple[F32, Bool]]:
            together: dict[int, list[int]] = {}
            for clip, point in some:
                together.setdefault(clip, []).append(point)
            most = max(map(len, together.values()))
            padded = [_padded(asked[clip][chosen], most) for clip, chosen in together.items()]
            pictures = torch.cat([videos[clip].pictures for clip in together])
            xy_BNT2, visible_BNT = self._run(pictures, torch.from_numpy(np.stack(padded)))
            for b, chosen in enumerate(together.values()):
                yield from zip(xy_BNT2[b, : len(chosen)], visible_BNT[b, : len(chosen)], strict=True)

        found = iter(self._batches.run(follow, points))
        return tuple(
            _tracks(list(islice(found, len(queries_N3))), video, queries_N3, *clip)
            for video, queries_N3, clip in zip(videos, queries, clips, strict=True)
        )

    def _predictor(self, mode: Mode) -> Any:
        if mode not in self._predictors:
            self._predictors[mode] = load_predictor(mode, self._config.source, self._device)
        return self._predictors[mode]

    def _mode(self, frames: int) -> Mode:
        return "offline" if frames <= self._whole_frames else "online"

    def _run(self, pictures: Tensor, queries_BN3: Tensor) -> tuple[F32, Bool]:
        clips, frames = pictures.shape[:2]
        if self._mode(frames) == "offline":
            try:
                return self._look("offline", pictures, queries_BN3)
            except torch.OutOfMemoryError:
                if clips > 1:  # one alone may fit
                    raise
            self._whole_frames = frames - 1
            release_memory()
        return self._look("online", pictures, queries_BN3)

    def _look(self, mode: Mode, pictures: Tensor, queries_BN3: Tensor) -> tuple[F32, Bool]:
        predictor, queries = self._predictor(mode), queries_BN3.to(self._device)
        with inference(self._compute, self._device):
            if mode == "offline":
                xy_BTN2, visible_BTN = predictor(pictures.to(self._device).float(), queries=queries)
            else:
                xy_BTN2, visible_BTN = _in_windows(predictor, pictures, queries, self._device)
        return xy_BTN2.transpose(1, 2).float().cpu().numpy(), visible_BTN.transpose(1, 2).cpu().numpy()


@dataclass(frozen=True, slots=True)
class _Video:
    """pictures: (1, T, 3, H, W) uint8 at the network's own resolution. scale_xy: px there to px of the clip."""

    pictures: Tensor
    scale_xy: F32

    @classmethod
    def of(cls, frames: Frames, predictor: Any) -> _Video:
        height, width = getattr(predictor, "interp_shape", _RESOLUTION)
        pictures = [
            cv2.resize(rgb_frame(frames, t), (width, height), interpolation=cv2.INTER_AREA) for t in range(len(frames))
        ]
        scale_xy = np.array([width / frames.width, height / frames.height], np.float32)
        return cls(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)[None], scale_xy)

    def to_network(self, queries_N3: F32) -> F32:
        """Queries with places at the network's resolution."""
        places = (queries_N3[:, 1:] + 0.5) * self.scale_xy - 0.5
        return np.column_stack([queries_N3[:, 0], places]).astype(np.float32)

    def to_clip(self, xy: F32) -> F32:
        """Places in the clip."""
        return np.asarray((xy + 0.5) / self.scale_xy - 0.5, np.float32)


def _padded(queries_N3: F32, count: int) -> F32:
    """So many queries; the first one again where there are too few."""
    return np.concatenate([queries_N3, np.repeat(queries_N3[:1], count - len(queries_N3), axis=0)])


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


def _tracks(
    found: Sequence[tuple[F32, Bool]], video: _Video, queries_N3: F32, frames: Frames, masks: tuple[Mask, ...]
) -> Tracks:
    if not found:
        return no_tracks(len(frames))
    xy_NT2, visible_NT = video.to_clip(np.stack([xy for xy, _ in found])), np.stack([seen for _, seen in found])
    points, query_N = np.arange(len(queries_N3)), queries_N3[:, 0].astype(np.int32)
    xy_NT2[points, query_N], visible_NT[points, query_N] = (
        queries_N3[:, 1:],
        True,
    )  # the online predictor leaves it open
    column, row = np.rint(np.nan_to_num(xy_NT2, nan=-1)).astype(np.int64).transpose(2, 0, 1)
    inside_NT = (column >= 0) & (row >= 0) & (column < frames.width) & (row < frames.height)
    on_person_NT = np.zeros(visible_NT.shape, np.bool_)
    for t, mask in enumerate(_masks(frames, masks)):
        on_person_NT[:, t] = (
            inside_NT[:, t] & mask[row[:, t].clip(0, frames.height - 1), column[:, t].clip(0, frames.width - 1)]
        )
    begun_NT = np.arange(len(frames)) >= query_N[:, None]
    return held_tracks(xy_NT2, visible_NT & inside_NT & ~on_person_NT & begun_NT, on_person_NT, query_N)
