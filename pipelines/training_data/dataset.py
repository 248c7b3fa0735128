"""Training windows at random over corpora, map-style: the same window for the same seed, epoch and index.

Needs torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from pipelines.corpus.access import ClipFacts, ClipReader
from pipelines.corpus.read import Corpus
from pipelines.training_data.recent import RecentAnnotations
from schemas.errors import ConfigError, CorpusError
from schemas.records import Media
from schemas.skeletons import BLAZEPOSE_33
from transforms.training_clips.cut import Room, TrainingWindow, cut_window
from transforms.training_clips.draw import ClipSettings, draw_clip
from transforms.training_clips.packing import BatchRoom


@dataclass(frozen=True, slots=True)
class Share:
    """A corpus in a mix. weight: how often it is drawn from, relative to the others, however many clips it has."""

    corpus: str | Path
    weight: float = 1.0


class ClipDataset(Dataset[TrainingWindow]):
    """Random windows of the kept clips that are long enough; every index draws a corpus, a clip and a window of it.

    length: windows of an epoch; default: as many as there are clips. skeleton: clips with another one are left out.
    Raises CorpusError for a corpus without a usable clip, ConfigError for weights that are none.
    """

    def __init__(
        self,
        mix: Sequence[Share],
        settings: ClipSettings,
        seed: int,
        length: int | None = None,
        skeleton: str = BLAZEPOSE_33.name,
    ) -> None:
        weights = np.array([share.weight for share in mix], np.float64)
        if not len(mix) or not np.isfinite(weights).all() or weights.min() < 0 or weights.sum() == 0:
            raise ConfigError(f"a mix needs corpora with weights from 0 up, one above 0; got {weights.tolist()}")
        self._shares = weights / weights.sum()
        self._readers = [ClipReader(Corpus(share.corpus)) for share in mix]
        self._usable = [_usable(reader, settings, skeleton, s) for reader, s in zip(self._readers, mix, strict=True)]
        self._settings, self._seed = settings, seed
        self._recent = RecentAnnotations()
        self._length = length or sum(map(len, self._usable))
        # Shared, so that workers which outlive an epoch learn of the next one.
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> TrainingWindow:
        """Raises IndexError past the end, CorpusError for a damaged clip."""
        if not 0 <= index < self._length:
            raise IndexError(f"the data set has windows 0 to {self._length - 1}, no window {index}")
        return self.window(int(self._epoch), index)

    def set_epoch(self, epoch: int) -> None:
        """Draw other windows from now on. Call it before a loader's iterator is made."""
        self._epoch.fill_(epoch)

    def room(self, windows: int, *, shared: bool = False) -> BatchRoom:
        """Room for the pictures of a batch. shared: with other processes."""
        return BatchRoom.of(windows, self._settings.window, self._settings.size, shared=shared)

    def window(self, epoch: int, index: int, room: Room | None = None) -> TrainingWindow:
        """The window of an epoch and an index, however large: a stream has no end. room: where its pictures go."""
        rng = np.random.default_rng([self._seed, epoch, index])
        which = int(rng.choice(len(self._readers), p=self._shares))
        reader, usable = self._readers[which], self._usable[which]
        clip = usable[int(rng.integers(len(usable)))]
        annotation = self._recent.get(which, clip.clip_id, reader.annotation)
        draw = draw_clip(rng, self._settings, annotation.persons[0].pose, (clip.width, clip.height))
        video, fps = reader.video(clip.clip_id)
        return cut_window(clip.clip_id, video, fps, annotation, draw, self._settings.frames, room)

    def media(self, clip_id: str) -> Media:
        """The stored video of a clip. Raises CorpusError where no corpus of the mix has it."""
        for reader, usable in zip(self._readers, self._usable, strict=True):
            if any(clip.clip_id == clip_id for clip in usable):
                return reader.media(clip_id)
        raise CorpusError(f"no corpus of the mix has a usable clip {clip_id}")


def _usable(reader: ClipReader, settings: ClipSettings, skeleton: str, share: Share) -> tuple[ClipFacts, ...]:
    usable = tuple(c for c in reader.clips if c.frames >= settings.shortest and c.skeleton == skeleton)
    if not usable:
        longest = max((clip.frames for clip in reader.clips), default=0)
        raise CorpusError(
            f"{share.corpus} has no clip to train on: of {len(reader.clips)} kept clips with a person the longest has "
            f"{longest} frames; {settings.shortest} are needed, with skeleton {skeleton}"
        )
    return usable
