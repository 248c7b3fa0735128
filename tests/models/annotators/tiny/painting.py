"""Networks that paint the box they are told of, whatever they see: all else between a prompt and its mask is real.

With weights by chance a mask lies anywhere. These show whether prompts reach the network, and masks come back, in the
right place and size.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def paint_sam(annotator: Any) -> None:
    """Makes a Segment Anything paint. It is told of boxes in px of its own picture."""
    sam = annotator._segmenter._sam
    told: dict[str, Any] = {}

    def note(_: Any, __: Any, given: dict[str, Any]) -> None:
        told["boxes"] = given["boxes"]

    def paint(_: Any, __: Any, made: tuple[Any, Any]) -> tuple[Any, Any]:
        masks, quality = made
        return _painted(told["boxes"].reshape(-1, 4), masks, sam.image_encoder.img_size), quality

    sam.prompt_encoder.register_forward_pre_hook(note, with_kwargs=True)
    sam.mask_decoder.register_forward_hook(paint)


def paint_sam2(annotator: Any) -> None:
    """Makes a SAM 2 paint, in frames in which it is told of a box: as two points, labelled 2 and 3."""
    model = annotator._model
    told: dict[str, Any] = {}

    def note(_: Any, __: Any, given: dict[str, Any]) -> None:
        corners = given["input_labels"] >= 2
        told["boxes"] = given["input_points"][corners].reshape(-1, 4)

    def paint(_: Any, __: Any, made: tuple[Any, Any, Any, Any]) -> tuple[Any, Any, Any, Any]:
        masks, quality, tokens, appearing = made
        painted = _painted(told["boxes"], masks[0], model.config.image_size)[None]
        return painted, quality, tokens, appearing.abs() + 1  # sure that somebody is there

    model.prompt_encoder.register_forward_pre_hook(note, with_kwargs=True)
    model.mask_decoder.register_forward_hook(paint)


def _painted(boxes_P4: Any, like_PMhw: Any, side: int) -> Any:
    """Logits of boxes in a picture of so many px: how far inside each small pixel's middle lies."""
    cells = like_PMhw.shape[-1]
    middles = (np.arange(cells) + 0.5) * side / cells
    logits = []
    for x0, y0, x1, y1 in boxes_P4.double().numpy():
        across, down = np.minimum(middles - x0, x1 - middles), np.minimum(middles - y0, y1 - middles)
        logits.append(np.minimum(across[None], down[:, None]))
    painted = like_PMhw.new_tensor(np.stack(logits))
    return painted[:, None].expand_as(like_PMhw).clone()
