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


def test_a_single_picture_that_does_not_fit_is_an_error_that_says_what_to_lower() -> None:
    import torch

    from models.annotators.compute import Batches, enough_memory

    network = SmallMemory(0)
    told = pytest.raises(FiguregroundError, match=r"for sam2_video\. Lower compute\.batch \(CUDA out of memory\)")
    with told, enough_memory("sam2_video", "Lower compute.batch"):
        list(Batches(4).run(network, range(3)))
    assert network.tried == [3, 1]
    with pytest.raises(torch.OutOfMemoryError):
        list(Batches(4).run(SmallMemory(0), range(1)))


def test_memory_is_given_back_where_a_gpu_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from models.annotators.factory import release

    given_back: list[bool] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: given_back.append(True))
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    release()
    assert given_back == []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    release()
    assert given_back == [True]


def test_a_gpu_that_is_not_there_is_asked_for_in_vain() -> None:
    import torch

    from models.annotators.compute import device_of

    with pytest.raises(ConfigError, match=r"openpose .* GPUs here.*compute\.device=cpu"):
        device_of(ComputeConfig(device=f"cuda:{torch.cuda.device_count()}"), "openpose")
    with pytest.raises(ConfigError, match="is no device"):
        device_of(ComputeConfig(device="gpu"), "openpose")
    assert device_of(ComputeConfig(device="cpu"), "openpose").type == "cpu"
