from __future__ import annotations

from collections.abc import Sequence

import pytest

from schemas.config import ComputeConfig
from schemas.errors import ConfigError, FiguregroundError
from tests.models.optional import needs

pytestmark = needs("torch")


class SmallMemory:
    """Holds so many pictures at a time."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.tried: list[int] = []

    def __call__(self, batch: Sequence[int]) -> list[int]:
        import torch

        self.tried.append(len(batch))
        if len(batch) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return [10 * item for item in batch]


def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_stays_so() -> None:
    from models.annotators.compute import Batches

    network, batches = SmallMemory(2), Batches(8)
    assert list(batches.run(network, range(9))) == [10 * i for i in range(9)]
    assert network.tried == [8, 4, 2, 2, 2, 2, 1]
    list(batches.run(network, range(2)))
    assert network.tried[-1] == 2


def test_a_single_picture_that_does_not_fit_is_an_error_in_words() -> None:
    from models.annotators.compute import Batches

    with pytest.raises(FiguregroundError, match="single picture"):
        list(Batches(4).run(SmallMemory(0), range(3)))


def test_a_gpu_that_is_not_there_is_asked_for_in_vain() -> None:
    import torch

    from models.annotators.compute import device_of

    with pytest.raises(ConfigError, match=r"openpose .* GPUs here.*compute\.device=cpu"):
        device_of(ComputeConfig(device=f"cuda:{torch.cuda.device_count()}"), "openpose")
    with pytest.raises(ConfigError, match="is no device"):
        device_of(ComputeConfig(device="gpu"), "openpose")
    assert device_of(ComputeConfig(device="cpu"), "openpose").type == "cpu"
