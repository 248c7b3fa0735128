"""The masks of a clip's persons, frame after frame, out of what the network remembers of the frames before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models.annotators.segment_anything.following import divided, drifted
from models.annotators.segment_anything.prompts import Prompts
from schemas.arrays import Bool


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """A frame as the image encoder gives it. pixels_CHW: as it was given to the encoder; features, places: by level."""

    frame: int
    pixels_CHW: Tensor
    features: list[Tensor]
    places: list[Tensor]


class Memory:
    """Follows the masks of numbered persons through the frames of one clip, in order. Needs `torch.inference_mode`."""

    def __init__(self, model: Any, processor: Any, size: tuple[int, int], device: torch.device) -> None:
        """size: height and width of the pictures, px."""
        self._model, self._processor, self._size = model, processor, size
        self._session = processor.init_video_session(inference_device=device, dtype=torch.float32)
        self._session.video_height, self._session.video_width = size
        self._area_px: dict[int, float] = {}
        self._kept = max(model.config.num_maskmem, model.config.max_object_pointers_in_encoder)
        self.prompted_anew = 0

    def step(self, seen: SeenFrame, size: tuple[int, int], persons: Sequence[int], prompts: Prompts) -> dict[int, Bool]:
        """(H, W) masks of the persons present in the next frame; a pixel belongs to one of them at most."""
        indices = {person: i for i, person in enumerate(persons)}
        self._prompt(seen.frame, [person for person in persons if person not in self._area_px], indices, prompts)
        logits = self._run(seen, size)
        lost = [
            person
            for person, before in self._area_px.items()
            if person in indices and drifted(logits[person], before, prompts, indices[person])
        ]
        if lost:
            self.prompted_anew += len(lost)
            self._forget(seen.frame, lost)
            self._prompt(seen.frame, lost, indices, prompts)
            logits = self._run(seen, size)
        self._area_px = {person: float((logits[person] > 0).sum()) for person in persons}
        self._let_go(seen.frame)
        return divided({person: logits[person] for person in persons})

    def _prompt(self, frame: int, persons: Iterable[int], indices: dict[int, int], prompts: Prompts) -> None:
        told = list(persons)
        for person in told:
            i = indices[person]
            used = prompts.label_PK[i] >= 0
            self._processor.add_inputs_to_inference_session(
                self._session,
                frame_idx=frame,
                obj_ids=[person],
                input_points=[[prompts.point_PK2[i, used].tolist()]] if used.any() else None,
                input_labels=[[prompts.label_PK[i, used].tolist()]] if used.any() else None,
                input_boxes=[[prompts.box_P4[i].tolist()]],
            )
        self._session.obj_with_new_inputs = told  # each call has written its own person alone

    def _run(self, seen: SeenFrame, size: tuple[int, int]) -> dict[int, Tensor]:
        """(H, W) logits of everybody told of so far."""
        features = {"vision_feats": seen.features, "vision_pos_embeds": seen.places}
        self._session.cache.cache_vision_features(seen.frame, features)
        found = self._model(self._session, frame_idx=seen.frame, frame=seen.pixels_CHW)
        logits = functional.interpolate(found.pred_masks.float(), size, mode="bilinear", align_corners=False)[:, 0]
        return dict(zip(found.object_ids, logits, strict=True))

    def _forget(self, frame: int, persons: Iterable[int]) -> None:
        """Undo what the network has just remembered of persons, so that a prompt counts as their first."""
        for person in persons:
            number = self._session.obj_id_to_idx(person)
            self._session.frames_tracked_per_obj[number].pop(frame, None)
            self._session.output_dict_per_obj[number]["non_cond_frame_outputs"].pop(frame, None)

    def _let_go(self, frame: int) -> None:
        """Free what no later frame looks at; a session would keep all frames of a clip."""
        self._session.processed_frames.clear()
        for outputs in self._session.output_dict_per_obj.values():
            remembered = outputs["non_cond_frame_outputs"]
            for old in [number for number in remembered if number <= frame - self._kept]:
                del remembered[old]
