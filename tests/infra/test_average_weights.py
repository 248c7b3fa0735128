"""The average of two generators."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from infra.average_weights import average, main  # noqa: E402
from models.generator.pipeline import HumanVideoPipeline  # noqa: E402
from models.generator.pocket import small_autoencoder  # noqa: E402
from schemas.errors import ConfigError  # noqa: E402
from tests.models.generator.tiny_generators import tiny_pocket  # noqa: E402


def another(seed: int = 1, **settings) -> HumanVideoPipeline:
    """A pocket with other weights."""
    pipeline = tiny_pocket(**settings)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in (pipeline.unet, pipeline.image_encoder):
            for parameter in part.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator))
    return pipeline


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["average_weights", *map(str, arguments)])
    main()


def test_every_weight_lies_between_the_two_at_the_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = tiny_pocket(), another()
    a.register_to_config(size=16, clip_frames=4)
    for name, pipeline in (("a", a), ("b", b)):
        pipeline.save_pretrained(tmp_path / name)
    call(monkeypatch, tmp_path / "a", tmp_path / "b", "--share", 0.6, "--out", tmp_path / "made")
    made = HumanVideoPipeline.from_pretrained(tmp_path / "made")
    for part in ("unet", "image_encoder"):
        first, second = (dict(getattr(pipeline, part).named_parameters()) for pipeline in (a, b))
        for name, tensor in getattr(made, part).named_parameters():
            torch.testing.assert_close(tensor, 0.6 * first[name] + 0.4 * second[name])
    assert (made.config.size, made.config.clip_frames) == (16, 4)


@pytest.mark.parametrize(("share", "of_first"), [(1.0, True), (0.0, False)])
def test_all_of_one_is_that_one_bit_for_bit(share: float, of_first: bool) -> None:
    a, b = tiny_pocket(), another()
    wanted = {name: tensor.clone() for name, tensor in (a if of_first else b).unet.state_dict().items()}
    made = average(a, b, share).unet.state_dict()
    assert all(torch.equal(made[name], tensor) for name, tensor in wanted.items())


@pytest.mark.parametrize(
    ("other", "share", "message"),
    [
        ({}, 1.5, "give one from 0 to 1"),
        ({"residual": True}, 0.5, "residual is False in one and True in the other"),
        ({"condition": "warped", "residual": True}, 0.5, "only two generators of one shape"),
    ],
)
def test_what_has_no_average_is_refused(other: dict[str, object], share: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        average(tiny_pocket(), tiny_pocket(**other), share)


def test_different_autoencoders_are_refused() -> None:
    torch.manual_seed(5)
    a, b = (tiny_pocket(autoencoder=small_autoencoder()) for _ in range(2))
    with pytest.raises(ConfigError, match="different autoencoders"):
        average(a, b, 0.5)
    b.vae.load_state_dict(a.vae.state_dict())
    average(a, b, 0.5)


def test_nothing_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="name another folder"):
        call(monkeypatch, "a", "b", "--out", tmp_path)
    with pytest.raises(SystemExit, match="is no saved generator"):
        call(monkeypatch, tmp_path, tmp_path, "--out", tmp_path / "made")
