"""A module `cotracker` with the interface of the published one, for the code that loads and drives it.

It is not CoTracker, whose licence keeps it out of this repository: it follows points by correlating patches. Its
classes, signatures and shapes are those of `cotracker.predictor`; like that it fails on several clips at a time.
"""

from __future__ import annotations

import sys
from pathlib import Path

CODE = '''
import torch
from torch import nn
from torch.nn import functional as F


class _Model(nn.Module):
    """`sharpness` is its one weight."""

    def __init__(self, window_len):
        super().__init__()
        self.window_len = window_len
        self.sharpness = nn.Parameter(torch.tensor(0.0))
        self.fnet = nn.Identity()

    def forward(self, video, queries):
        b, t, _, h, w = video.shape
        assert b == 1, "the published code fails on several"
        grey = self.fnet(video.flatten(0, 1)).view_as(video).mean(2)
        tracks = torch.zeros(b, t, queries.shape[1], 2, device=video.device)
        seen = torch.zeros(b, t, queries.shape[1], device=video.device)
        for i in range(b):
            for n, (start, x, y) in enumerate(queries[i]):
                place, start = torch.stack([x, y]), int(start)
                look = _patch(grey[i, start], place)
                for f in range(start, t):
                    place, likeness = _search(grey[i, f], place, look)
                    tracks[i, f, n], seen[i, f, n] = place, likeness
                tracks[i, :start, n] = tracks[i, start, n]
        return tracks, (seen - 0.8) * self.sharpness + 0.9


def _patch(picture, place, reach=5):
    h, w = picture.shape
    axis = torch.arange(-reach, reach + 1, device=picture.device, dtype=torch.float32)
    y, x = torch.meshgrid(axis + place[1], axis + place[0], indexing="ij")
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], -1)[None]
    patch = F.grid_sample(picture[None, None], grid, align_corners=True, padding_mode="border")[0, 0]
    patch = patch - patch.mean()
    return patch / patch.norm().clamp_min(1e-6)


def _search(picture, place, look):
    best, where = -2.0, place
    for dy in range(-4, 5):
        for dx in range(-4, 5):
            candidate = place + torch.tensor([dx, dy], device=place.device, dtype=place.dtype)
            likeness = float((_patch(picture, candidate) * look).sum())
            if likeness > best:
                best, where = likeness, candidate
    return where, best


def build(checkpoint, window_len):
    assert checkpoint is None
    return _Model(window_len)


class CoTrackerPredictor(nn.Module):
    def __init__(self, checkpoint="./checkpoints/scaled_offline.pth", offline=True, v2=False, window_len=60):
        super().__init__()
        self.model = build(checkpoint, window_len)
        self.interp_shape = (90, 160)

    @torch.no_grad()
    def forward(self, video, queries=None, segm_mask=None, grid_size=0, grid_query_frame=0, backward_tracking=False):
        assert video.ndim == 5 and video.shape[2] == 3 and queries.shape[2] == 3
        tracks, seen = self.model(video, queries)
        return tracks, seen > 0.9


class CoTrackerOnlinePredictor(nn.Module):
    def __init__(self, checkpoint="./checkpoints/scaled_online.pth", offline=False, v2=False, window_len=16):
        super().__init__()
        self.model = build(checkpoint, window_len)
        self.interp_shape = (90, 160)
        self.step = window_len // 2

    @torch.no_grad()
    def forward(self, video_chunk, is_first_step=False, queries=None, segm_mask=None, grid_size=10,
                grid_query_frame=0, add_support_grid=False):
        if is_first_step:
            self.queries, self.seen_so_far = queries, None
            return None, None
        assert video_chunk.shape[1] == 2 * self.step
        before = self.seen_so_far
        so_far = video_chunk if before is None else torch.cat([before, video_chunk[:, self.step:]], 1)
        self.seen_so_far = so_far
        later = self.queries[..., 0] >= so_far.shape[1]
        queries = self.queries.clone()
        queries[..., 0] = queries[..., 0].clamp(max=so_far.shape[1] - 1)
        tracks, seen = self.model(so_far, queries)
        seen = seen.masked_fill(later[:, None], 0)
        return tracks, seen > 0.9
'''
HUBCONF = """
dependencies = ["torch"]


def cotracker3_offline(*, pretrained=True, **kwargs):
    from cotracker.predictor import CoTrackerPredictor
    assert not pretrained
    return CoTrackerPredictor(checkpoint=None, window_len=60)


def cotracker3_online(*, pretrained=True, **kwargs):
    from cotracker.predictor import CoTrackerOnlinePredictor
    assert not pretrained
    return CoTrackerOnlinePredictor(checkpoint=None, window_len=16)
"""


def forget() -> None:
    """Have the module `cotracker` imported anew, wherever it is found next."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "cotracker"]:
        del sys.modules[name]


def write_checkout(folder: Path) -> Path:
    """A folder like a checkout of co-tracker: `hubconf.py` and the module."""
    forget()
    (folder / "cotracker").mkdir(parents=True)
    (folder / "cotracker" / "__init__.py").touch()
    (folder / "cotracker" / "predictor.py").write_text(CODE)
    (folder / "hubconf.py").write_text(HUBCONF)
    return folder


def save_tracker(path: Path, sharpness: float = 1.0) -> Path:
    import torch
    from safetensors.torch import save_file

    save_file({"sharpness": torch.tensor(sharpness)}, path)
    return path
