"""The networks behind LPIPS, FID, FID-VID and FVD: against other people's, and through the registry's formats."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from models.features.i3d import I3D, _padded  # noqa: E402
from models.features.needs import NEEDS, why_not  # noqa: E402
from models.features.networks import Inception, Lpips, VideoNetwork  # noqa: E402
from models.features.resnet3d import MEAN_RGB, ResNet3D  # noqa: E402
from schemas.errors import WeightsError  # noqa: E402
from tests.models.annotators.tiny.registering import register  # noqa: E402
from tests.models.features.networks import drawn, save_i3d, save_inception, save_resnet3d, save_vgg  # noqa: E402
from tests.models.optional import needs  # noqa: E402

torchvision = pytest.importorskip("torchvision", reason="torchvision is not installed")
LINEAR_LAYERS = "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"
"""SHA-256 of the published `weights/v0.1/vgg.pth` of LPIPS."""


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def video(frames: int, side: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, side, side, 3), np.uint8)


def inflated(weight: torch.Tensor, frames: int) -> torch.Tensor:
    """A filter over pictures as one over video that looks at its middle frame alone."""
    made = torch.zeros(*weight.shape[:2], frames, *weight.shape[2:])
    made[:, :, frames // 2] = weight
    return made


def test_the_3d_resnet_is_a_resnet_50_where_nothing_moves() -> None:
    """Its filters are filled from torchvision's: of a still video both must tell the same."""
    flat, deep = drawn(torchvision.models.resnet50()), ResNet3D().eval()
    state = deep.state_dict()
    for name, value in flat.state_dict().items():
        if not name.startswith("fc."):
            state[name].copy_(inflated(value, state[name].shape[2]) if value.ndim == 4 else value)
    picture = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    flat.fc = torch.nn.Identity()
    with torch.no_grad():
        want, found = flat(picture), deep(picture[:, :, None].expand(-1, -1, 16, -1, -1))
    assert want.std() > 0.1
    torch.testing.assert_close(found, want, rtol=1e-3, atol=1e-3)


def test_i3d_is_an_inception_v1_where_nothing_moves() -> None:
    """Filled from torchvision's GoogLeNet, whose first layer alone is padded otherwise."""
    flat, deep = drawn(torchvision.models.googlenet(init_weights=False, aux_logits=False)), I3D().eval()
    flat.conv1.conv.padding = (0, 0)
    flat.transform_input = False
    names = {"conv1": "Conv3d_1a_7x7", "conv2": "Conv3d_2b_1x1", "conv3": "Conv3d_2c_3x3"}
    for letters, number in (("ab", 3), ("abcde", 4), ("ab", 5)):
        for letter, after in zip(letters, "bcdef", strict=False):
            for branch, unit in {
                "1": "b0",
                "2.0": "b1a",
                "2.1": "b1b",
                "3.0": "b2a",
                "3.1": "b2b",
                "4.1": "b3b",
            }.items():
                names[f"inception{number}{letter}.branch{branch}"] = f"Mixed_{number}{after}.{unit}"
    state = deep.state_dict()
    for ours, theirs in ((theirs, ours) for ours, theirs in names.items()):
        unit = flat.get_submodule(theirs)
        weight = state[f"{ours}.conv3d.weight"]
        weight.copy_(inflated(unit.conv.weight, weight.shape[2]))
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{ours}.bn.{part}"].copy_(getattr(unit.bn, part))
    classifier = torch.randn(400, 1024, generator=torch.Generator().manual_seed(2)) / 32
    state["logits.conv3d.weight"].copy_(classifier[:, :, None, None, None])
    state["logits.conv3d.bias"].zero_()
    flat.fc = torch.nn.Linear(1024, 400, bias=False)
    flat.fc.weight.data.copy_(classifier)
    picture = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        want = flat(torch.nn.functional.pad(picture, (2, 3, 2, 3)))
        found = deep(picture[:, :, None].expand(-1, -1, 16, -1, -1))
    assert want.std() > 0.1
    torch.testing.assert_close(found, want, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("length", "size", "stride", "want"),
    [(16, 7, 2, (2, 3)), (15, 7, 2, (3, 3)), (8, 3, 2, (0, 1)), (8, 2, 2, (0, 0)), (7, 3, 1, (1, 1))],
)
def test_time_is_padded_as_tensorflow_pads(length: int, size: int, stride: int, want: tuple[int, int]) -> None:
    x = torch.ones(1, 1, length, 1, 1)
    padded = _padded(x, (size, 1, 1), (stride, 1, 1))[0, 0, :, 0, 0]
    ones = padded.nonzero()[:, 0]
    assert (int(ones[0]), len(padded) - 1 - int(ones[-1])) == want
    assert (len(padded) - size) // stride + 1 == -(-length // stride)


def test_i3d_sees_the_order_of_frames() -> None:
    network = drawn(I3D())
    piece = torch.randn(1, 3, 16, 64, 64, generator=torch.Generator().manual_seed(0))
    piece = torch.nn.functional.interpolate(piece, (16, 224, 224))
    with torch.no_grad():
        forth, back = network(piece), network(piece.flip(2))
    assert forth.shape == (1, 400)
    assert (forth - back).abs().max() > 1e-2 * forth.abs().max()


@pytest.mark.parametrize("metric", ["fvd", "fid_vid"])
def test_video_networks_load_what_their_publishers_saved(
    metric: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pth"
    network = save_i3d(path) if metric == "fvd" else save_resnet3d(path)
    assert "whose digest nobody has pinned" in str(why_not(metric))
    register(tmp_path, monkeypatch, **{NEEDS[metric].weights: path})
    assert why_not(metric) is None
    side, offset, scale = (224, 127.5, 127.5) if metric == "fvd" else (112, np.array(MEAN_RGB), 1.0)
    frames = video(16, side)
    (found,) = VideoNetwork(metric)([frames])
    seen = torch.from_numpy(((frames - offset) / scale).astype(np.float32)).permute(3, 0, 1, 2)[None]
    with torch.no_grad():
        (want,) = network(seen).numpy()
    np.testing.assert_allclose(found, want, rtol=1e-3, atol=1e-4)
    assert len(found) == (400 if metric == "fvd" else 2048)


@needs("torch_fidelity")
def test_inception_loads_and_looks_as_torch_fidelitys_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = save_inception(tmp_path / "inception.pth")
    register(tmp_path, monkeypatch, inception_fid=tmp_path / "inception.pth")
    frames = video(3)
    with torch.no_grad():
        (want,) = network(torch.from_numpy(frames).permute(0, 3, 1, 2))
    found = Inception()(frames)
    assert found.shape == (3, 2048) and np.ptp(found) > 0
    np.testing.assert_allclose(found, want.numpy(), rtol=1e-4, atol=1e-5)


@needs("torchmetrics")
def test_lpips_is_its_formula_over_the_layers_of_vgg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchmetrics.functional.image.lpips as package

    linear = Path(package.__file__).parent / "lpips_models" / "vgg.pth"
    assert hashlib.sha256(linear.read_bytes()).hexdigest() == LINEAR_LAYERS
    layers = save_vgg(tmp_path / "vgg.pth")
    register(tmp_path, monkeypatch, vgg16_imagenet=tmp_path / "vgg.pth")
    made, true = video(2, 48, 1), video(2, 48, 2)
    lpips = Lpips()
    found, disco = lpips(made, true), lpips(made, true, disco=True)
    weights = torch.load(linear, map_location="cpu")
    for values, low, high in ((found, -1.0, 1.0), (disco, 0.0, 1.0)):
        want = by_hand(layers, weights, [_pixels(v, low, high) for v in (made, true)])
        np.testing.assert_allclose(values, want, rtol=1e-4)
    assert lpips(made, made) == pytest.approx([0, 0], abs=1e-7)
    assert not np.allclose(found, disco, rtol=0.05)


def _pixels(frames: np.ndarray, low: float, high: float) -> torch.Tensor:
    unit = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
    return low + (high - low) * unit


def by_hand(layers: torch.nn.Module, weights: dict, pictures: list[torch.Tensor]) -> np.ndarray:
    """Zhang et al. 2018, eq. 1."""
    shift = torch.tensor([-0.030, -0.088, -0.188])[:, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450])[:, None, None]
    x, y = ((picture - shift) / scale for picture in pictures)
    total = torch.zeros(len(x))
    for index, layer in enumerate(layers):
        x, y = layer(x), layer(y)
        if index in (3, 8, 15, 22, 29):
            a, b = (z / (z.square().sum(1, keepdim=True) + 1e-8).sqrt() for z in (x, y))
            weight = weights[f"lin{(3, 8, 15, 22, 29).index(index)}.model.1.weight"]
            total += ((a - b).square() * weight).sum(1).mean((1, 2))
    return total.numpy()


def test_weights_of_another_network_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_resnet3d(tmp_path / "resnet.pth")
    register(tmp_path, monkeypatch, i3d_kinetics400=tmp_path / "resnet.pth")
    with pytest.raises(WeightsError, match="i3d_kinetics400 are weights of another network"):
        VideoNetwork("fvd")


def test_what_is_missing_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGUREGROUND_CACHE", str(tmp_path))
    monkeypatch.delenv("FIGUREGROUND_WEIGHTS", raising=False)
    assert "figureground weights fetch inception_fid" in str(why_not("fid"))
    assert "figureground weights fetch vgg16_imagenet" in str(why_not("lpips"))
    assert "i3d_kinetics400" in str(why_not("fvd")) and "FIGUREGROUND_WEIGHTS" in str(why_not("fvd"))
    assert "resnet50_kinetics400" in str(why_not("fid_vid"))
