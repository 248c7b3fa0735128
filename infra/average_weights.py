"""One generator out of two of the same shape: the average of their weights.

Run: python -m infra.average_weights A B --share 0.6 --out DIR
A, B: folders of saved generators, such as `figureground train` leaves in `model/`, best two trainings that began with
the same weights. The result has `share` of A's weights, the rest of B's, and A's size and length of a clip. The pocket
that comes along was made so.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from torch import nn

from models.generator.pipeline import HumanVideoPipeline
from schemas.errors import ConfigError, FiguregroundError

LEARNT = ("unet", "image_encoder")


def average(a: HumanVideoPipeline, b: HumanVideoPipeline, share: float) -> HumanVideoPipeline:
    """`a`, changed: its weights are share * a + (1 - share) * b, computed in float32.

    Raises ConfigError for a share outside 0..1, and for generators of different networks or autoencoders.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"the share of the first is {share}; give one from 0 to 1")
    for name in (*LEARNT, "vae", "scheduler"):
        _require_same(name, _settings(getattr(a, name)), _settings(getattr(b, name)))
    _require_same("pipeline", {"condition": a.config.condition}, {"condition": b.config.condition})
    weights = zip(a.vae.state_dict().values(), b.vae.state_dict().values(), strict=True)
    if not all(torch.equal(mine, other) for mine, other in weights):
        raise ConfigError("the two have different autoencoders, so their latents mean different things: no average")
    for name in LEARNT:
        _mix(getattr(a, name), getattr(b, name), share)
    return a


@torch.no_grad()
def _mix(a: nn.Module, b: nn.Module, share: float) -> None:
    others = b.state_dict()
    for name, mine in a.state_dict().items():
        if mine.is_floating_point():
            mine.copy_(torch.lerp(mine.float(), others[name].float(), 1 - share))


def _settings(part: object) -> dict[str, object]:
    config = getattr(part, "config", {})
    values = config.to_dict() if hasattr(config, "to_dict") else dict(config)
    return {name: value for name, value in values.items() if not name.startswith("_")}


def _require_same(part: str, a: dict[str, object], b: dict[str, object]) -> None:
    for name in sorted(a | b):
        if a.get(name) != b.get(name):
            raise ConfigError(
                f"{part}.{name} is {a.get(name)!r} in one and {b.get(name)!r} in the other: only two generators of one "
                "shape have an average"
            )


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the first, 0 to 1")
    parser.add_argument("--out", type=Path, required=True, help="a folder that is not there yet")
    arguments = parser.parse_args()
    try:
        if arguments.out.exists():
            raise ConfigError(f"{arguments.out} is there already: name another folder")
        a, b = (HumanVideoPipeline.from_pretrained(folder) for folder in (arguments.a, arguments.b))
        average(a, b, arguments.share).save_pretrained(arguments.out, safe_serialization=True)
    except FiguregroundError as error:
        sys.exit(str(error))
    print(
        f"{arguments.share:.0%} of {arguments.a} and {1 - arguments.share:.0%} of {arguments.b} are in {arguments.out}"
    )


if __name__ == "__main__":
    main()
