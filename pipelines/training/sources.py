"""Windows without end, by number: drawn from a corpus, or synthesized."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from models.generator.training.batch import TrainingBatch
from pipelines.training.synthetic import SyntheticWindows

_MOST_CHAINED, _SHARD_BATCHES, _SHARD_BATCH = 3, 3, 8
_DECODERS = 2


class WindowSource(Protocol):
    """The same numbers give the same windows, so that a resumed run goes on where it stopped."""

    def batches(self, clips: int, batch: int, first: int, rank: int = 0, world: int = 1) -> Iterator[TrainingBatch]:
        """One process's batches of windows of `clips` chained clips, from batch number `first` on, without end."""
        ...


@dataclass(frozen=True, slots=True)
class SyntheticSource:
    """Synthetic video. frames: of a clip."""

    seed: int
    size: int
    frames: int

    def batches(self, clips: int, batch: int, first: int, rank: int = 0, world: int = 1) -> Iterator[TrainingBatch]:
        """Rendered as they are asked for, in this process."""
        return SyntheticWindows(self.seed, self.size, self.frames, clips).batches(batch, first, rank, world)


@dataclass(frozen=True, slots=True)
class CorpusSource:
    """Clips of a corpus. corpus: its folder or address. frames: of a clip."""

    corpus: str
    seed: int
    size: int
    frames: int

    def batches(self, clips: int, batch: int, first: int, rank: int = 0, world: int = 1) -> Iterator[TrainingBatch]:
        """Decoded by worker processes."""
        from pipelines.training_data.dataset import ClipDataset, Share
        from pipelines.training_data.stream import ClipStream, training_batches
        from transforms.training_clips.draw import ClipSettings

        settings = ClipSettings(self.size, self.size, self.frames, clips)
        dataset = ClipDataset([Share(self.corpus)], settings, self.seed)
        return training_batches(ClipStream(dataset, batch, first=first, rank=rank, world=world), _DECODERS)


def shard(source: WindowSource, index: int) -> Iterable[TrainingBatch]:
    """The windows of shard `index` of a pool: of one clip, or two, or three, chained."""
    batches = source.batches(1 + index % _MOST_CHAINED, _SHARD_BATCH, index * _SHARD_BATCHES)
    return islice(batches, _SHARD_BATCHES)
