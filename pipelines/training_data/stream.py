"""The same windows as an endless stream of batches, divided among workers and among the processes of a training.

Needs torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from models.generator.training.batch import TrainingBatch
from pipelines.training_data.dataset import ClipDataset
from transforms.training_clips.packing import PackedBatch, Rooms, pack

START_METHOD = "forkserver"
"""How worker processes start: Arrow and OpenCV hold threads and locks that a fork of this process would break."""


class ClipStream(IterableDataset[PackedBatch]):
    """Batch b of process r is the same whatever the number of workers, and a stream can begin at any batch.

    batch: windows in a batch. first: the batch to begin with. rank, world: which of how many processes this is.
    """

    def __init__(self, dataset: ClipDataset, batch: int, *, first: int = 0, rank: int = 0, world: int = 1) -> None:
        self._dataset, self._batch, self._first = dataset, batch, first
        self._rank, self._world = rank, world

    def __iter__(self) -> Iterator[PackedBatch]:
        worker = get_worker_info()
        offset, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        rooms = Rooms(lambda: self._dataset.room(self._batch, shared=worker is not None))
        for number in count(self._first + offset, step):
            start = (number * self._world + self._rank) * self._batch
            room = rooms.take()
            yield pack([self._dataset.window(0, start + i, room.window(i)) for i in range(self._batch)], room)


def training_batches(
    stream: IterableDataset[PackedBatch], workers: int = 2, device: torch.device | str = "cpu"
) -> Iterator[TrainingBatch]:
    """Batches for training, decoded in worker processes (0: in this one)."""
    for packed in packed_batches(stream, workers):
        batch = packed.unpack(device)
        packed.release()
        yield batch


def packed_batches(stream: IterableDataset[PackedBatch], workers: int = 2) -> Iterator[PackedBatch]:
    """The same as bytes. Release each one when its pictures are used: room for others is then made at no cost."""
    more: dict[str, Any] = {}
    if workers:
        more = {"multiprocessing_context": START_METHOD, "worker_init_fn": one_thread}
    yield from DataLoader(stream, batch_size=None, num_workers=workers, **more)


def one_thread(worker: int) -> None:
    """OpenCV and torch leave the other processors to the other workers."""
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
