"""What a video under way needs to go on after a clip: enough to finish it elsewhere with the same bytes.

Shape suffixes: T frames, C latent channels, h w latent size, N feature rows, E feature width.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from schemas.errors import GenerationError

FORMAT = "figureground.clip-state.1"
MEMORY = "memory."
FIXED = ("reference_latent", "global_feature", "last_latent")


@dataclass(frozen=True, slots=True)
class ClipState:
    """One video between two clips. Immutable: `after` gives the next one.

    seed: of the video; with `next_clip` it fixes the noise. next_clip: index of the clip to make next.
    reference_latent_Chw: of the first reference, encoded once. global_feature_NE: of the first reference.
    last_latent_Chw: last frame of the clip before, taken before the decoder; the reference latent at first.
    memory: what the condition builder carries from clip to clip, named by the builder.
    """

    seed: int
    next_clip: int
    reference_latent_Chw: Tensor
    global_feature_NE: Tensor
    last_latent_Chw: Tensor
    memory: Mapping[str, Tensor] = field(default_factory=dict)

    def after(self, latents_TChw: Tensor, memory: Mapping[str, Tensor]) -> ClipState:
        """The state once a clip is made."""
        return replace(self, next_clip=self.next_clip + 1, last_latent_Chw=latents_TChw[-1].clone(), memory=memory)

    def to(self, device: torch.device | str) -> ClipState:
        """The same state with its tensors on a device."""
        return replace(
            self,
            reference_latent_Chw=self.reference_latent_Chw.to(device),
            global_feature_NE=self.global_feature_NE.to(device),
            last_latent_Chw=self.last_latent_Chw.to(device),
            memory={name: tensor.to(device) for name, tensor in self.memory.items()},
        )

    def save(self, path: Path) -> None:
        """Write as safetensors, atomically."""
        tensors = {
            "reference_latent": self.reference_latent_Chw,
            "global_feature": self.global_feature_NE,
            "last_latent": self.last_latent_Chw,
            **{MEMORY + name: tensor for name, tensor in self.memory.items()},
        }
        facts = {"format": FORMAT, "seed": self.seed, "next_clip": self.next_clip}
        partial = path.with_name(path.name + ".partial")
        whole = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
        save_file(whole, partial, metadata={"state": json.dumps(facts)})
        partial.replace(path)

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> ClipState:
        """Read what `save` wrote.

        Raises GenerationError where the file is no clip state or is damaged.
        """
        try:
            with safe_open(path, framework="pt", device=str(device)) as file:
                facts = json.loads((file.metadata() or {})["state"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise GenerationError(f"{path} is no readable clip state ({error}); start the video again") from error
        if facts.get("format") != FORMAT or not all(name in tensors for name in FIXED):
            raise GenerationError(f"{path} is a clip state of another version; start the video again")
        memory = {name.removeprefix(MEMORY): tensor for name, tensor in tensors.items() if name.startswith(MEMORY)}
        reference_latent, global_feature, last_latent = (tensors[name] for name in FIXED)
        return cls(facts["seed"], facts["next_clip"], reference_latent, global_feature, last_latent, memory)
