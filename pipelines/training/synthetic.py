"""Windows of synthetic video with exact motion, drawn without end from a seed.

Shape suffixes: W frames of the window, T frames of a clip, N points, J joints, H rows, W columns (last).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import count

import numpy as np
import torch

from models.annotators.rle import decode_mask
from models.generator.training.batch import ClipPoints, TrainingBatch, collate
from schemas.records import Annotation, Tracks
from transforms.pixels import rgb
from transforms.rasterising.selection import LEAST, MOST, choose_points
from transforms.synthesis.drawing import SceneSettings, draw_scene
from transforms.synthesis.render import render
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
    """An endless data set: window i depends on (seed, i) alone. size: px. frames: of a clip. clips: of a window."""

    seed: int
    size: int
    frames: int
    clips: int = 1

    def batches(self, batch: int, first: int = 0, rank: int = 0, world: int = 1) -> Iterator[TrainingBatch]:
        """Batches of consecutive windows from batch number `first` on, those of one of `world` processes."""
        for number in count(first):
            start = (number * world + rank) * batch
            yield collate([self.window(start + i) for i in range(batch)])

    def window(self, index: int) -> TrainingBatch:
        """Window number `index`, a batch of one."""
        rng = np.random.default_rng([self.seed, index, 3])
        stride = int(rng.choice(list(_STRIDES), p=list(_STRIDES.values())))
        frames = (self.clips * (self.frames - 1) + 1) * stride
        attempt = 0
        while True:
            scene = draw_scene((self.seed, index, attempt), SceneSettings(self.size, frames, _FPS, (1, 1)))
            pictures, labels = render(scene)
            annotation = annotate_scene(scene, labels)
            if annotation.persons and annotation.persons[0].mask.area_px[0] >= LEAST_FIGURE * self.size**2:
                shown = np.arange(0, frames, stride)
                other = int(rng.integers(frames))
                video = np.stack([rgb(pictures, t) for t in (*shown.tolist(), other)])
                return self._window(video, annotation, shown, (self.seed, index))
            attempt += 1

    def _window(
        self, video_W3: np.ndarray, annotation: Annotation, shown: np.ndarray, seed: tuple[int, int]
    ) -> TrainingBatch:
        person, frames = annotation.persons[0], torch.from_numpy(video_W3).movedim(-1, 1).float() / 127.5 - 1
        masks = torch.from_numpy(np.stack([decode_mask(person.mask, t) for t in shown.tolist()])).float()[None, :, None]
        return TrainingBatch(
            frames_BW3HW=frames[None, :-1],
            figure_BW1HW=masks,
            people_BW1HW=masks,
            pose_BWJ2=torch.from_numpy(person.pose.xy_TJ2[shown])[None],
            confidence_BWJ=torch.from_numpy(person.pose.confidence_TJ[shown])[None],
            points=window_points(annotation.tracks, shown, self.frames, self.size, seed),
            other_B3HW=frames[None, -1],
            skeleton=person.pose.skeleton,
        )


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
