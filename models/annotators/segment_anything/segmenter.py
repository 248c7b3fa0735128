"""The network's two halves: pictures to embeddings, once for everybody; embeddings and prompts to masks.

Shape suffixes: B pictures, P persons, M masks of a person, C channels, H rows, W columns, h, w of the small masks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.annotators.compute import Batches, inference
from models.annotators.segment_anything.prompts import Prompts
from schemas.arrays import U8
from schemas.config import ComputeConfig

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

_PERSONS_TOGETHER = 8
"""As many as are followed in a clip at most."""


@dataclass(frozen=True, slots=True)
class Segments:
    """logits_PMHW: above 0 inside. quality_PM: IoU the network expects. memory_PMhw: small logits, a later prompt."""

    logits_PMHW: Tensor
    quality_PM: Tensor
    memory_PMhw: Tensor


class Segmenter:
    """Segment Anything on a device."""

    def __init__(self, sam: Sam, compute: ComputeConfig, device: torch.device) -> None:
        from segment_anything.utils.transforms import ResizeLongestSide

        self._sam = sam.to(device)
        self._compute = compute
        self._device = device
        self._resize = ResizeLongestSide(sam.image_encoder.img_size)
        self._persons = Batches(_PERSONS_TOGETHER)

    def embed(self, pictures: Sequence[U8]) -> Tensor:
        """(B, C, h', w') embeddings of RGB pictures of one size, computed together."""
        inputs = [torch.from_numpy(self._resize.apply_image(picture)).permute(2, 0, 1) for picture in pictures]
        with inference(self._compute, self._device):
            batch = torch.stack([self._sam.preprocess(picture.to(self._device).float()) for picture in inputs])
            embeddings: Tensor = self._sam.image_encoder(batch)
            return embeddings.float()

    def segment(
        self,
        embedding_CHW: Tensor,
        size: tuple[int, int],
        prompts: Prompts,
        memory_Phw: Tensor | None,
        *,
        several: bool,
    ) -> Segments:
        """Masks of the prompted persons in one picture. size: its height and width, px.

        memory_Phw: small logits of the persons' masks in the frame before. several: three candidates each, or one.
        Persons are independent of each other, so fewer go together where the GPU's memory is too small for all.
        """

        def together(persons: Sequence[int]) -> Iterable[tuple[Tensor, Tensor, Tensor]]:
            memory = None if memory_Phw is None else memory_Phw[list(persons)]
            return zip(*self._decode(embedding_CHW, size, prompts.some(persons), memory, several), strict=True)

        found = list(self._persons.run(together, range(len(prompts.box_P4))))
        logits, quality, small = (torch.stack(part) for part in zip(*found, strict=True))
        return Segments(logits, quality, small)

    def _decode(
        self,
        embedding_CHW: Tensor,
        size: tuple[int, int],
        prompts: Prompts,
        memory_Phw: Tensor | None,
        several: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, quality and small logits, as in `Segments`."""
        with torch.inference_mode():
            sparse, dense = self._sam.prompt_encoder(
                points=(
                    self._tensor(self._resize.apply_coords(prompts.point_PK2, size)),
                    torch.from_numpy(prompts.label_PK).to(self._device),
                ),
                boxes=self._tensor(self._resize.apply_boxes(prompts.box_P4, size)),
                masks=None if memory_Phw is None else memory_Phw[:, None],
            )
            small, quality = self._sam.mask_decoder(
                image_embeddings=embedding_CHW[None],
                image_pe=self._sam.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=several,
            )
            input_size = self._resize.get_preprocess_shape(*size, self._resize.target_length)
            return self._sam.postprocess_masks(small, input_size, size), quality, small

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(values, np.float32)).to(self._device)
