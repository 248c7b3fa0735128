"""Decoding beside the denoising: one clip is decoded in a thread while the next one is made.

Shape suffixes: B videos, T frames, C channels, h w latent, H W pixels.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from models.generator.latents import decode


class ClipDecoder:
    """Decodes clips in the order given. A context manager: leaving it waits for what is under way."""

    def __init__(self, vae: Any) -> None:
        self._vae = vae
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="decode")
        # On a GPU kernels overlap only across streams; the thread alone would still queue behind the U-Net.
        self._stream = torch.cuda.Stream(vae.device) if vae.device.type == "cuda" else None

    def __enter__(self) -> ClipDecoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, latents_BTChw: Tensor) -> Future[Tensor]:
        """Pixels (B, T, 3, H, W) in -1..1 on the CPU, once they are there."""
        made = None
        if self._stream is not None:
            made = torch.cuda.current_stream(latents_BTChw.device).record_event()
            latents_BTChw.record_stream(self._stream)
        return self._pool.submit(self._decode, latents_BTChw, made)

    @torch.no_grad()
    def _decode(self, latents_BTChw: Tensor, made: torch.cuda.Event | None) -> Tensor:
        if self._stream is None or made is None:
            return self._pixels(latents_BTChw)
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(made)
            return self._pixels(latents_BTChw)

    def _pixels(self, latents_BTChw: Tensor) -> Tensor:
        """Video by video: the frames of one fill a device, and are what they would be alone."""
        return torch.stack([decode(self._vae, latents_TChw).cpu() for latents_TChw in latents_BTChw])
