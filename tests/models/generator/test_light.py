"""The U-Net's economies for CPUs."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the generator needs the torch extra")

from models.generator.light import NoMotion, leave_out_motion  # noqa: E402
from tests.models.generator.tiny_generators import tiny_pocket  # noqa: E402


def blocks(unet):
    return [*unet.down_blocks, *unet.up_blocks]


def test_motion_is_left_out_at_the_level_of_the_latents_and_once_elsewhere():
    unet = tiny_pocket().unet
    counts = [sum(not isinstance(m, NoMotion) for m in block.motion_modules) for block in blocks(unet)]
    assert counts == [0, 1, 1, 1, 1, 0]
    assert all(not isinstance(block.motion_modules[-1], NoMotion) for block in blocks(unet)[1:5])


@pytest.mark.parametrize("level", range(6))
def test_a_block_keeps_its_shape_and_passes_gradients(level):
    unet = tiny_pocket().unet
    block = blocks(unet)[level]
    taken = {}
    block.register_forward_hook(
        lambda module, given, made: taken.update(made=made[0] if isinstance(made, tuple) else made)
    )
    frames, size = 3, 16
    unet(torch.randn(2, frames, 12, size, size), torch.tensor(500), torch.randn(2, 4, 64), conditions(2, frames, size))
    made = taken["made"]
    assert made.shape[0] == 2 * frames
    made.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in block.parameters())


def test_motion_left_out_is_motion_that_says_nothing():
    unet = tiny_pocket().unet
    inputs = (torch.randn(1, 3, 12, 8, 8), torch.tensor(10), torch.randn(1, 4, 64), conditions(1, 3, 8))
    moving = unet(*inputs)
    unet.silence_motion()
    still = unet(*inputs)
    leave_out_motion(unet)
    assert torch.equal(unet(*inputs), still)
    assert not torch.allclose(moving, still)


def conditions(batch, frames, size):
    from models.generator.features import ClipConditions

    rasters = torch.rand(2, batch, frames, 3, 2 * size, 2 * size)
    return ClipConditions(torch.randn(batch, frames, 12, size, size), *rasters)
