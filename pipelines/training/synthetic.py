"""Windows of synthetic video with exact motion, drawn without end from a seed.

Shape suffixes: W frames of the window, T frames of a clip, N points, J joints, H rows, W columns (last).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import count

import numpy as np
import torch
from torch import Tensor

from models.annotators.rle import decode_mask
from models.generator.training.batch import ClipPoints, TrainingBatch, collate
from schemas.arrays import U8
from schemas.records import Annotation, Tracks
from transforms.pixels import rgb
from transforms.rasterising.selection import LEAST, MOST, choose_points
from transforms.synthesis.drawing import SceneSettings, draw_scene
from transforms.synthesis.render import render
from transforms.synthesis.scene import Scene
from transforms.synthesis.truth import annotate_scene

LEAST_FIGURE = 0.02
"""Scenes whose person covers less of the first frame are passed over."""
_STRIDES = {1: 0.6, 2: 0.25, 3: 0.15}
_UNDRIVEN = 0.08
"""Share of clips whose ground no point drives."""
_ALL_POINTS = 0.4
"""Share of clips with as many points as may be; the others have a number drawn evenly."""
_FPS = Fraction(24)


@dataclass(frozen=True, slots=True)
class SyntheticWindows:
    """An endless data set: window i depends on (seed, i) alone. size: px. frames: of a clip. clips: of a window.

    device: windows are rendered there, many at once, in torch, and lie there; None: one by one on the CPU, by OpenCV.
    """

    seed: int
    size: int
    frames: int
    clips: int = 1
    device: torch.device | None = None

    def batches(self, batch: int, first: int = 0, rank: int = 0, world: int = 1) -> Iterator[TrainingBatch]:
        """Batches of consecutive windows from batch number `first` on, those of one of `world` processes."""
        for number in count(first):
            start = (number * world + rank) * batch
            yield collate(self.windows(range(start, start + batch)))

    def windows(self, indices: Sequence[int]) -> list[TrainingBatch]:
        """Windows of these numbers, each a batch of one."""
        found: dict[int, TrainingBatch] = {}
        attempt = 0
        while missing := [index for index in indices if index not in found]:
            clocks = [_Clock.of(self.seed, index, self.clips * (self.frames - 1) + 1) for index in missing]
            scenes = [
                draw_scene((self.seed, index, attempt), SceneSettings(self.size, clock.frames, _FPS, (1, 1)))
                for index, clock in zip(missing, clocks, strict=True)
            ]
            for index, clock, scene, (video, labels) in zip(missing, clocks, scenes, self._render(scenes), strict=True):
                annotation = annotate_scene(scene, labels)
                if annotation.persons and annotation.persons[0].mask.area_px[0] >= LEAST_FIGURE * self.size**2:
                    found[index] = self._window(video(clock.seen), annotation, clock.shown, (self.seed, index))
            attempt += 1
        return [found[index] for index in indices]

    def _render(self, scenes: Sequence[Scene]) -> Iterator[tuple[_Video, U8]]:
        if self.device is None:
            return map(_by_opencv, scenes)
        from transforms.synthesis.video_torch import videos

        return ((partial(_chosen, frames), labels) for frames, labels in videos(scenes, self.device))

    def _window(
        self, video_W3HW: Tensor, annotation: Annotation, shown: np.ndarray, seed: tuple[int, int]
    ) -> TrainingBatch:
        person, frames = annotation.persons[0], video_W3HW / 127.5 - 1
        masks = torch.from_numpy(np.stack([decode_mask(person.mask, t) for t in shown.tolist()])).float()[None, :, None]
        window = TrainingBatch(
            frames_BW3HW=frames[None, :-1],
            figure_BW1HW=masks,
            people_BW1HW=masks,
            pose_BWJ2=torch.from_numpy(person.pose.xy_TJ2[shown])[None],
            confidence_BWJ=torch.from_numpy(person.pose.confidence_TJ[shown])[None],
            points=window_points(annotation.tracks, shown, self.frames, self.size, seed),
            other_B3HW=frames[None, -1],
            skeleton=person.pose.skeleton,
        )
        return window if self.device is None else window.to(self.device)


_Video = Callable[[Sequence[int]], Tensor]
"""Chosen frames of a video, (W, 3, H, W), 0..255 as floats."""


@dataclass(frozen=True, slots=True)
class _Clock:
    """Which frames of a scene a window shows. frames: of the scene. other: for the global feature."""

    frames: int
    stride: int
    other: int

    @classmethod
    def of(cls, seed: int, index: int, window: int) -> _Clock:
        rng = np.random.default_rng([seed, index, 3])
        stride = int(rng.choice(list(_STRIDES), p=list(_STRIDES.values())))
        return cls(window * stride, stride, int(rng.integers(window * stride)))

    @property
    def shown(self) -> np.ndarray:
        return np.arange(0, self.frames, self.stride)

    @property
    def seen(self) -> list[int]:
        """Those of the window, and the other one."""
        return [*self.shown.tolist(), self.other]


def _by_opencv(scene: Scene) -> tuple[_Video, U8]:
    pictures, labels = render(scene)
    return lambda chosen: torch.from_numpy(np.stack([rgb(pictures, t) for t in chosen])).movedim(-1, 1).float(), labels


def _chosen(frames_T3HW: Tensor, chosen: Sequence[int]) -> Tensor:
    return frames_T3HW[list(chosen)]


def window_points(
    tracks: Tracks, shown: np.ndarray, clip_frames: int, size: int, seed: tuple[int, ...]
) -> tuple[ClipPoints, ...]:
    """Points of every clip of a window; those of one clip are preferred in the next. shown: frames of the tracks."""
    rng = np.random.default_rng([*seed, 5])
    most = MOST if rng.random() < _ALL_POINTS else int(rng.integers(LEAST, MOST + 1))
    most = 0 if rng.random() < _UNDRIVEN else most
    strided = replace(tracks, xy_NT2=tracks.xy_NT2[:, shown], visible_NT=tracks.visible_NT[:, shown],
                      on_person_NT=tracks.on_person_NT[:, shown])  # fmt: skip
    known: list[int] = []
    clips = []
    for start in range(0, len(shown) - 1, clip_frames - 1):
        p = choose_points(strided, start, start + clip_frames, (size, size), most, (*seed, start), known)
        known = p.ids_N.tolist()
        clips.append(ClipPoints(*(torch.from_numpy(a)[None] for a in (p.xy_TN2, p.visible_TN, p.ids_N))))
    return tuple(clips)
