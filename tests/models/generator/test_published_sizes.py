"""`full` begun from files of the published sizes, layout and type."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator

import psutil
import pytest

torch = pytest.importorskip("torch", reason="the generator needs the torch extra")

from diffusers import UNet2DConditionModel  # noqa: E402
from safetensors import safe_open  # noqa: E402
from transformers import CLIPTextModel  # noqa: E402

from models.generator.conditions import ClipInputs  # noqa: E402
from models.generator.features import ClipConditions  # noqa: E402
from models.generator.full import from_stable_diffusion  # noqa: E402
from models.generator.pipeline import HumanVideoPipeline, Sampling, VideoInputs  # noqa: E402
from tests.models.generator.published_sizes import DIFFUSERS_FILE, save_published  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

NEEDED_GB = 13
TIMESTEP = torch.tensor(999)
START, END, LENGTH = 49406, 49407, 77


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    if psutil.virtual_memory().available < NEEDED_GB * 2**30:
        pytest.skip(f"{NEEDED_GB} GB of memory are not free")
    folder = tmp_path_factory.mktemp("published")
    save_published(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def expected(published) -> tuple[torch.Tensor, torch.Tensor]:
    """Token states of the empty prompt, and what Stable Diffusion predicts with them for `noisy`."""
    return stable_diffusion(published)


@pytest.fixture(scope="module")
def pipeline(published, expected) -> HumanVideoPipeline:
    """After `expected`, so that both are never in memory together."""
    gc.collect()
    return from_stable_diffusion(published / "sd15", published / "clip", published / "motion", dtype=torch.float16)


@torch.no_grad()
def stable_diffusion(published) -> tuple[torch.Tensor, torch.Tensor]:
    text = CLIPTextModel.from_pretrained(published / "sd15" / "text_encoder", dtype=torch.float16)
    tokens = text(torch.tensor([[START, *[END] * (LENGTH - 1)]])).last_hidden_state
    unet = UNet2DConditionModel.from_pretrained(published / "sd15" / "unet", torch_dtype=torch.float32)
    return tokens[0], unet(noisy(), TIMESTEP, tokens.float()).sample


def noisy() -> torch.Tensor:
    return torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(6))


def read(path) -> Iterator[tuple[str, torch.Tensor]]:
    """Lazily, tensor by tensor."""
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118
            yield name, file.get_tensor(name)


def test_every_published_weight_is_in_its_place_unchanged(published, expected, pipeline):
    ours, learnt, counts = pipeline.unet.state_dict(), dict(pipeline.unet.named_parameters()), {}
    assert pipeline.unet.dtype == torch.float16
    for part, folder in (("base", published / "sd15" / "unet"), ("motion", published / "motion")):
        counts[part] = 0
        for name, tensor in read(folder / DIFFUSERS_FILE):
            if name == "conv_in.weight":
                own, new = ours[name].split(4, 1)
                assert torch.equal(own, tensor) and not new.any()
            else:
                assert torch.equal(ours[name], tensor), name
            counts[part] += tensor.numel() if name in learnt else 0
    assert round(counts["base"] / 1e6) == 860 and round(counts["motion"] / 1e6) == 417
    assert torch.equal(pipeline.unet.global_tokens.base, expected[0])
    assert pipeline.unet.global_tokens.base.shape == (LENGTH, 768)


@torch.no_grad()
def test_before_training_a_frame_is_stable_diffusions_of_the_empty_prompt(expected, pipeline):
    pipeline.to(dtype=torch.float32)
    unet = pipeline.unet
    picture, rasters = torch.rand(3, 64, 64), torch.rand(2, 1, 2, 3, 64, 64)
    given = ClipInputs(*rasters[:, 0])
    state = pipeline.begin(VideoInputs(picture, 1, [given]))
    assert state.global_feature_NE.shape == (1, 768) and state.global_feature_NE.any()
    conditions = ClipConditions(state.last_latent_Chw[None, None], *rasters[:, :, :1])
    reference = unet.video_keys_values(state.global_feature_NE[None])

    def predicted() -> torch.Tensor:
        return unet(noisy()[:, None], TIMESTEP, reference, conditions)[:, 0]

    moved = predicted()
    unet.silence_motion()
    close = {"rtol": 0, "atol": 1e-4 * float(expected[1].std())}
    torch.testing.assert_close(predicted(), expected[1], **close)
    assert not torch.allclose(moved, expected[1], **close)
    frames = next(pipeline.stream([VideoInputs(picture, 1, [given])], Sampling(1))).frames_T3HW
    assert frames.shape == (2, 3, 64, 64) and frames.std() > 0
