"""Model and processor out of verified files in the format of transformers."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from models.annotators.needs import sam2_weights
from models.weights.store import locate
from schemas.errors import ConfigError, WeightsError
from schemas.extras import needs


def load_sam2(weights: str, device: torch.device) -> tuple[Any, Any]:
    """A `Sam2VideoModel`, for inference, and a `Sam2VideoProcessor` for pictures of its size.

    Raises ConfigError without the package, WeightsError if the files cannot be had or do not fit each other.
    """
    try:
        from transformers import Sam2ImageProcessor, Sam2VideoModel, Sam2VideoProcessor, Sam2VideoVideoProcessor
    except ImportError as error:
        it = f"sam2_video cannot be loaded ({error}); it"
        raise ConfigError(needs(it, "transformers", wanted="annotate")) from None
    state, described = (locate(name) for name in sam2_weights(weights))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "model.safetensors").symlink_to(state.absolute())
        Path(folder, "config.json").symlink_to(described.absolute())
        try:
            with _without_progress():
                model, told = Sam2VideoModel.from_pretrained(
                    folder, local_files_only=True, use_safetensors=True, output_loading_info=True
                )
        except Exception as error:  # whatever a file that is none makes transformers raise
            raise WeightsError(f"{weights} is no SAM 2 of transformers: {type(error).__name__}: {error}") from None
    wrong = [*told["missing_keys"], *told["mismatched_keys"]]
    if wrong:
        raise WeightsError(f"{weights} does not fit its configuration: {len(wrong)} tensors, such as {wrong[0]}")
    height = model.config.image_size if isinstance(model.config.image_size, int) else model.config.image_size[0]
    size = {"height": height, "width": height}
    processor = Sam2VideoProcessor(Sam2ImageProcessor(size=size), Sam2VideoVideoProcessor(size=size))
    return model.eval().requires_grad_(False).to(device), processor


@contextlib.contextmanager
def _without_progress() -> Iterator[None]:
    """transformers draws a bar of its own, through ours."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
