"""Strict loading: every weight present, of the right shape, and from safetensors; diffusers alone would only warn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from schemas.errors import WeightsError

PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


SETTINGS = {"condition": "repeat", "size": None, "clip_frames": None}
"""What a saved HumanVideoPipeline says beside its components, and what holds where it is silent."""


def load_parts(folder: Path, dtype: torch.dtype) -> tuple[dict[str, Any], dict[str, Any]]:
    """The components of a saved HumanVideoPipeline, and its settings.

    Raises WeightsError where the folder is not one, or a component does not load whole.
    """
    try:
        index = json.loads((folder / "model_index.json").read_text())
        names = {name: index[name][1] for name in ("unet", "vae", "image_encoder", "scheduler")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder} is no saved generator: {error!r}") from error
    parts = {
        name: load_component(component_class(names[name]), folder, name, dtype)
        for name in ("unet", "vae", "image_encoder")
    }
    try:
        parts["scheduler"] = component_class(names["scheduler"]).from_pretrained(folder, subfolder="scheduler")
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder}/scheduler does not load: {error}") from error
    return parts, {name: index.get(name, default) for name, default in SETTINGS.items()}


def component_class(name: str) -> Any:
    """The class of a component by the name its folder gives. Raises WeightsError for one that is not ours to load."""
    import diffusers
    import transformers

    from models.generator.global_features import SmallImageEncoder
    from models.generator.pixel_autoencoder import PixelAutoencoder
    from models.generator.schedulers import CLASSES
    from models.generator.unet import HumanVideoUNet

    known = (HumanVideoUNet, PixelAutoencoder, SmallImageEncoder, *CLASSES.values())
    known += (diffusers.AutoencoderKL, diffusers.AutoencoderTiny, transformers.CLIPVisionModelWithProjection)
    classes = {each.__name__: each for each in known}
    if name not in classes:
        raise WeightsError(f"a generator has no component of class {name!r}; known are {', '.join(classes)}")
    return classes[name]


def load_component(cls: Any, source: str | Path, subfolder: str | None, dtype: torch.dtype) -> Any:
    """One model of diffusers or transformers from a local folder or a hub repository, in evaluation mode.

    Raises WeightsError for a missing folder, pickles, missing keys and wrong shapes.
    """
    place = f"{source}/{subfolder}" if subfolder else str(source)
    if Path(source).is_dir():
        _check_folder(Path(place))
    extra = {"subfolder": subfolder} if subfolder else {}
    try:
        model, report = cls.from_pretrained(
            str(source), **extra, dtype=dtype, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise WeightsError(f"{place} does not load as {cls.__name__}: {error}") from error
    for problem in ("missing_keys", "mismatched_keys"):
        if keys := sorted(map(str, report.get(problem, ()))):
            what = problem.replace("_", " ")
            raise WeightsError(f"{place} does not fit {cls.__name__}: {len(keys)} {what}, such as {keys[0]}")
    return _aligned(model.eval())


def _aligned(model: torch.nn.Module) -> torch.nn.Module:
    """Weights copied out of the mapped file: there they may lie unaligned, where kernels round differently."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise WeightsError(f"{folder} holds no model: config.json is missing")
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
    if pickles:
        raise WeightsError(
            f"{folder} holds pickles ({', '.join(pickles)}) and no safetensors; a pickle can run code when it is read, "
            "so convert it first, where you trust it, with save_pretrained(safe_serialization=True)"
        )
    raise WeightsError(f"{folder} holds no weights: there is no safetensors file")
