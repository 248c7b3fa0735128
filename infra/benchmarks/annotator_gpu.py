"""Frames per second and peak memory of the research-grade networks on a GPU, by precision and batch size.

    python -m infra.benchmarks.annotator_gpu [--seconds 3] [--batches 1 2 4 8 16 32]

The networks have random weights: the image encoder of Segment Anything vit_h at 1024 px, OpenPose's body network at
368 x 656 px, and a network of CoTracker3's size (its own code is on no package index): features of 384 x 512 px
frames, then six rounds of a transformer over the times and the points, without the correlations between them; a batch
there is so many clips of 24 frames and 256 points. Without a GPU all three run at a tiny size on the CPU, which shows
that the benchmark works and nothing else.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Network:
    """build: makes the module. shape: of one item of its input. frames: in one item."""

    name: str
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    frames: int = 1


@dataclass(frozen=True)
class Measured:
    """One line of the table; fps is None where memory was too small. peak_mb: None on a CPU."""

    network: str
    precision: str
    batch: int
    fps: float | None
    peak_mb: float | None


class PointTransformer(nn.Module):
    """As large as CoTracker3: `depth` rounds of attention over time and over points, `rounds` times over."""

    def __init__(self, width: int, depth: int, points: int, rounds: int) -> None:
        super().__init__()
        self.points, self.rounds = points, rounds
        stem = [nn.Conv2d(3, 64, 7, 2, 3), nn.ReLU(), *(conv for _ in range(4) for conv in _convolutions(64, 64))]
        deeper = [nn.Conv2d(64, 128, 3, 2, 1), nn.ReLU(), *(conv for _ in range(8) for conv in _convolutions(128, 128))]
        self.features = nn.Sequential(*stem, *deeper)
        self.enter, self.leave = nn.Linear(128, width), nn.Linear(width, 128)
        layer = partial(nn.TransformerEncoderLayer, width, max(1, width // 48), 4 * width, 0.0, batch_first=True)
        self.times = nn.ModuleList([layer() for _ in range(depth)])
        self.places = nn.ModuleList([layer() for _ in range(depth)])

    def forward(self, video_BTCHW: Tensor) -> Tensor:
        """(B, points, T, 128) state of the points."""
        b, t = video_BTCHW.shape[:2]
        seen = self.features(video_BTCHW.flatten(0, 1)).flatten(2)[..., : self.points]
        state = seen.unflatten(0, (b, t)).permute(0, 3, 1, 2)  # B, N, T, C
        points = state.shape[1]
        for _ in range(self.rounds):
            x = self.enter(state)
            for over_time, over_points in zip(self.times, self.places, strict=True):
                x = over_time(x.flatten(0, 1)).unflatten(0, (b, points))
                x = over_points(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (b, t)).transpose(1, 2)
            state = state + self.leave(x)
        return state


def _convolutions(before: int, after: int) -> Iterator[nn.Module]:
    yield nn.Conv2d(before, after, 3, 1, 1)
    yield nn.InstanceNorm2d(after)
    yield nn.ReLU()


def full_networks() -> tuple[Network, ...]:
    """The published sizes."""
    return (
        Network("SAM vit_h", lambda: _sam("vit_h"), (3, 1024, 1024)),
        Network("OpenPose body", _openpose, (3, 368, 656)),
        Network("CoTracker3-size", lambda: PointTransformer(384, 3, 256, 6), (24, 3, 384, 512), frames=24),
    )


def tiny_networks() -> tuple[Network, ...]:
    """For a CPU."""
    return (
        Network("SAM, tiny", _tiny_sam, (3, 64, 64)),
        Network("OpenPose body, tiny picture", _openpose, (3, 32, 32)),
        Network("CoTracker3-like, tiny", lambda: PointTransformer(48, 1, 16, 2), (4, 3, 32, 32), frames=4),
    )


def _sam(size: str) -> nn.Module:
    from segment_anything import sam_model_registry

    encoder: nn.Module = sam_model_registry[size]().image_encoder
    return encoder


def _tiny_sam() -> nn.Module:
    from segment_anything.modeling import ImageEncoderViT

    encoder: nn.Module = ImageEncoderViT(
        img_size=64, patch_size=16, embed_dim=32, depth=2, num_heads=2, out_chans=32, global_attn_indexes=(1,)
    )
    return encoder


def _openpose() -> nn.Module:
    from controlnet_aux.open_pose.model import bodypose_model

    network: nn.Module = bodypose_model()
    return network


def measure(network: Network, batches: list[int], seconds: float, device: torch.device) -> Iterator[Measured]:
    """Every precision and batch size; larger batches are left out once one does not fit."""
    module: Any = network.build().eval().requires_grad_(False).to(device)
    for name, precision in PRECISIONS.items():
        for batch in batches:
            given = torch.rand((batch, *network.shape), device=device)
            try:
                calls, peak_mb = _timed(module, given, precision, seconds)
            except torch.OutOfMemoryError:
                yield Measured(network.name, name, batch, None, None)
                break
            finally:
                del given
                if device.type == "cuda":
                    torch.cuda.empty_cache()
            yield Measured(network.name, name, batch, calls * batch * network.frames, peak_mb)


def _timed(module: Any, given: Tensor, precision: torch.dtype, seconds: float) -> tuple[float, float | None]:
    """Calls a second, and the peak of memory."""
    gpu = given.device.type == "cuda"
    finish = torch.cuda.synchronize if gpu else lambda: None
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    with torch.inference_mode(), torch.autocast(given.device.type, precision, enabled=precision is not torch.float32):
        for _ in range(2 if gpu else 0):  # kernels are chosen and memory is taken
            module(given)
        finish()
        calls, started = 0, time.perf_counter()
        while calls == 0 or time.perf_counter() - started < seconds:
            module(given)
            calls += 1
            finish()
        spent = time.perf_counter() - started
    return calls / spent, torch.cuda.max_memory_allocated() / 2**20 if gpu else None


def main(arguments: list[str]) -> list[Measured]:
    """Measure, print, and return the lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    given = parser.parse_args(arguments)
    gpu = torch.cuda.is_available()
    device = torch.device("cuda" if gpu else "cpu")
    if gpu:
        print(torch.cuda.get_device_name())
    else:
        print("no GPU here: tiny sizes on the CPU, which say nothing of any GPU")
    print(f"{'network':28} {'precision':10} {'batch':>5} {'frames/s':>10} {'peak MB':>9}")
    lines = []
    for network in full_networks() if gpu else tiny_networks():
        for line in measure(network, given.batches, given.seconds, device):
            fps = "no memory" if line.fps is None else f"{line.fps:.1f}"
            peak = "" if line.peak_mb is None else f"{line.peak_mb:.0f}"
            print(f"{line.network:28} {line.precision:10} {line.batch:5} {fps:>10} {peak:>9}", flush=True)
            lines.append(line)
    return lines


if __name__ == "__main__":
    main(sys.argv[1:])
