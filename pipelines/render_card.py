"""What a renderer is, told from its folder's settings without loading it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Protocol

from pipelines.render_options import RenderOptions
from schemas.errors import ConfigError, GenerationError, WeightsError

WARP, POCKET = "warp", "pocket"
CHECKPOINTS = (POCKET, "pocket-plain")
"""Generators that come with this package."""
_CHECKPOINTS = "models.generator.checkpoints"
_WARP_SIZE, _WARP_CLIP = 512, 16
_MODEL_SIZE, _MODEL_CLIP = 512, 16
"""Of a generator that doesn't say what it was trained with."""
_RESIDUAL_STEPS, _STEPS = 2, 25
_PARTS = (".json", ".safetensors")


class Sizes(Protocol):
    """Pictures and clips that a renderer makes."""

    @property
    def size(self) -> int:
        """Short side it is at home with, px."""
        ...

    @property
    def size_multiple(self) -> int:
        """What width and height must be multiples of, px."""
        ...

    @property
    def clip_frames(self) -> int:
        """Frames made at once; neighbouring clips share one."""
        ...


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A renderer. folder: of a saved generator; None: the warp. steps: of its sampler; 0: it has none.

    size: short side it is at home with, px. size_multiple: what width and height must be multiples of, px.
    clip_frames: frames of a clip. options: how it is sampled beside the steps.
    """

    name: str
    folder: Path | None
    steps: int
    size: int
    size_multiple: int
    clip_frames: int
    options: RenderOptions = field(default_factory=RenderOptions)

    @property
    def facts(self) -> dict[str, Any]:
        """What renders; a folder of renders is of one."""
        return {"model": self.name, "model_sha256": self.digest, "steps": self.steps} | self.options.facts

    @property
    def digest(self) -> str:
        """SHA-256 over the names and contents of the files that make the model, hex; of the name where it has none."""
        digest = hashlib.sha256(b"" if self.folder else self.name.encode())
        for path in sorted(self.folder.rglob("*") if self.folder else ()):
            if path.suffix in _PARTS:
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
                digest.update(f"{path.relative_to(self.folder or path)} {content}\n".encode())
        return digest.hexdigest()


def read_card(model: str, steps: int | None = None, options: RenderOptions | None = None) -> ModelCard:
    """The card of a renderer by name (`warp`, or one of CHECKPOINTS) or of a generator by the folder it was saved in.

    steps: None: few for one that corrects its condition, more for others.
    Raises GenerationError for a name that is none, WeightsError for a folder that is no saved generator, ConfigError
    for options of a network where there is none.
    """
    options = options or RenderOptions()
    if model == WARP:
        if options.given:
            names = ", --".join(options.given).replace("_", "-")
            raise ConfigError(f"{WARP} has no network: leave out --{names}, or choose another --model")
        return ModelCard(WARP, None, 0, _WARP_SIZE, 2, _WARP_CLIP)
    if model not in CHECKPOINTS and not Path(model).is_dir():
        names = ", ".join((WARP, *CHECKPOINTS))
        raise GenerationError(f"unknown model {model!r}: choose {names}, or the folder of a saved generator")
    folder = checkpoint_folder(model) if model in CHECKPOINTS else Path(model).absolute()
    index, unet = _read(folder, "model_index.json"), _read(folder, "unet/config.json")
    try:
        halvings = len(unet["encoder_widths"]) - 1 + len(unet["block_out_channels"]) - 1
    except (KeyError, TypeError) as error:
        raise WeightsError(f"{folder}/unet is of no generator of ours: {error!r}") from None
    return ModelCard(
        folder.name,
        folder,
        steps or (_RESIDUAL_STEPS if unet.get("residual") else _STEPS),
        index.get("size") or _MODEL_SIZE,
        2**halvings,
        index.get("clip_frames") or _MODEL_CLIP,
        options,
    )


def checkpoint_folder(name: str) -> Path:
    """A checkpoint that comes with this package. Raises WeightsError where it is not installed."""
    try:
        with as_file(files(_CHECKPOINTS) / name) as folder:
            if (folder / "model_index.json").is_file():
                return folder
    except ModuleNotFoundError:
        pass
    raise WeightsError(f"the checkpoint {name} is not in this installation; train one with: figureground train")


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        settings = json.loads((folder / name).read_text())
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder} is no saved generator: {error}") from None
    if not isinstance(settings, dict):
        raise WeightsError(f"{folder} is no saved generator: {name} holds no settings")
    return settings
