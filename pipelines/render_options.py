"""How a generator is made to render, where that is not the model's own choice. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from models.generator.guidance import Guidance
from schemas.sampling import Precision, Sampler


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """sampler: None, the one saved with the model. precision: None, what the device is best at."""

    sampler: Sampler | None = None
    precision: Precision | None = None
    guidance: Guidance = field(default_factory=Guidance)

    @property
    def facts(self) -> dict[str, Any]:
        """What is written about a render; other options make another one."""
        return {
            "sampler": self.sampler,
            "precision": self.precision,
            "guidance": self.guidance.joint,
            "guidance_figure": self.guidance.figure,
            "guidance_ground": self.guidance.ground,
        }

    @property
    def given(self) -> list[str]:
        """Names of those that are not left to the model."""
        return [name for name, value in RenderOptions().facts.items() if value != self.facts[name]]
