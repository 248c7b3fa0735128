"""Windows without end, by number: drawn from corpora, synthesized, or both in one batch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Protocol

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from models.generator.training.batch import TrainingBatch, collate
from pipelines.training.synthetic import SyntheticWindows
from pipelines.training_data.dataset import ClipDataset, Share
from pipelines.training_data.stream import ClipStream, training_batches
from transforms.training_clips.draw import ClipSettings
from transforms.training_clips.packing import PackedBatch, pack

_MOST_CHAINED, _SHARD_BATCHES, _SHARD_BATCH = 3, 3, 8
DECODERS = 2
"""Worker processes that decode clips while a stage trains."""


class WindowSource(Protocol):
    """The same numbers give the same windows, so that a resumed run goes on where it stopped."""

    def batches(self, clips: int, batch: int, first: int, rank: int = 0, world: int = 1) -> Iterator[TrainingBatch]:
        """One process's batches of windows of `clips` chained clips, from batch number `first` on, without end."""
        ...


@dataclass(frozen=True, slots=True)
class SyntheticSource:
    """Synthetic video. frames: of a clip. device: as in `SyntheticWindows`."""

    seed: int
    size: int
    frames: int
    device: torch.device | None = None

    def windows(self, clips: int) -> SyntheticWindows:
        """Its windows of so many chained clips."""
        return SyntheticWindows(self.seed, self.size, self.frames, clips, self.device)

    def batches(self, clips: int, batch: int, first: int, rank: int = 0, world: int = 1) -> Iterator[TrainingBatch]:
        """Rendered as they are asked for, in this process."""
        return self.windows(clips).batches(batch, first, rank, world)


@dataclass(frozen=True, slots=True)
class CorpusSource:
    """Clips of corpora. frames: of a clip. decoders: worker processes; 0: this one decodes."""

    mix: tuple[Share, ...]
    seed: int
    size: int
    frames: int
    decoders: int = DECODERS

    def dataset(self, clips: int) -> ClipDataset:
        """Windows of so many chained clips. Raises CorpusError for a corpus that cannot be trained on."""
        return ClipDataset(self.mix, ClipSettings(self.size, self.size, self.frames, clips), self.seed)

    def batches(self, clips: int, batch: int, first: int, rank: int = 0, world: int = 1) -> Iterator[TrainingBatch]:
        """Decoded by worker processes."""
        stream = ClipStream(self.dataset(clips), batch, first=first, rank=rank, world=world)
        return training_batches(stream, self.decoders)


@dataclass(frozen=True, slots=True)
class MixedSource:
    """Windows of corpora and synthetic ones, drawn apart for every place in a batch. share: the corpora's, 0..1."""

    synthetic: SyntheticSource
    corpora: CorpusSource
    share: float

    def batches(self, clips: int, batch: int, first: int, rank: int = 0, world: int = 1) -> Iterator[TrainingBatch]:
        """Window i is window i of the corpora or of the synthetic ones, whatever the numbers of processes."""
        drawn = _Drawn(self.corpora.seed, self.share, batch, first, rank, world)
        stream = _Windows(self.corpora.dataset(clips), drawn)
        decoded = training_batches(stream, math.ceil(self.corpora.decoders * self.share))
        synthetic = self.synthetic.windows(clips)
        for number in count(first):
            places = drawn.places(number)
            made = iter(synthetic.windows([index for index in places if not drawn.real(index)]))
            windows = [next(decoded if drawn.real(index) else made) for index in places]
            yield collate([window.to(self.synthetic.device or "cpu") for window in windows])


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Which windows of a process's batches come from corpora."""

    seed: int
    share: float
    batch: int
    first: int
    rank: int
    world: int

    def places(self, number: int) -> range:
        """Windows of a batch of this process."""
        start = (number * self.world + self.rank) * self.batch
        return range(start, start + self.batch)

    def real(self, index: int) -> bool:
        """Whether a window comes from a corpus."""
        return bool(np.random.default_rng([self.seed, index, 11]).random() < self.share)

    def __iter__(self) -> Iterator[int]:
        return (index for number in count(self.first) for index in self.places(number) if self.real(index))


class _Windows(IterableDataset[PackedBatch]):
    """Chosen windows of corpora, one by one, in the same order whatever the number of workers."""

    def __init__(self, dataset: ClipDataset, chosen: _Drawn) -> None:
        self._dataset, self._chosen = dataset, chosen

    def __iter__(self) -> Iterator[PackedBatch]:
        worker = get_worker_info()
        offset, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for index in islice(self._chosen, offset, None, step):
            yield pack([self._dataset.window(0, index)])


def shard(source: WindowSource, index: int) -> Iterable[TrainingBatch]:
    """The windows of shard `index` of a pool: of one clip, or two, or three, chained."""
    batches = source.batches(1 + index % _MOST_CHAINED, _SHARD_BATCH, index * _SHARD_BATCHES)
    return islice(batches, _SHARD_BATCHES)
