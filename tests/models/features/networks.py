"""The real networks with weights drawn at random, saved as their publishers save them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.features.i3d import I3D
from models.features.resnet3d import ResNet3D


def drawn(network: nn.Module, seed: int = 0) -> nn.Module:
    """Every number random, the statistics of the normalisations included; what comes out stays of order 1."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif value.is_floating_point():
            width = value[0].numel() if value.ndim > 1 else 25
            value.copy_(torch.randn(value.shape, generator=generator) * (2 / width) ** 0.5)
            if name.endswith(("bn.weight", "bn1.weight", "bn2.weight", "bn3.weight", "downsample.1.weight")):
                value.add_(1.0)
    return network.eval().requires_grad_(False)


def inception(folder: Path) -> Any:
    """torch-fidelity's class; its constructor wants a file."""
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Unfilled(FeatureExtractorInceptionV3):
        def load_state_dict(self, *args: Any, **options: Any) -> None:
            """What is in the file is nothing."""

    torch.save({}, folder / "nothing.pth")
    return drawn(Unfilled("inception-v3-compat", ["2048"], str(folder / "nothing.pth")))


def save_inception(path: Path) -> Any:
    network = inception(path.parent)
    torch.save(network.state_dict(), path)
    return network


def save_vgg(path: Path) -> nn.Module:
    """The convolutions; of the classifier, which is most of the file and of no use here, one layer's bias."""
    from torchvision.models.vgg import cfgs, make_layers

    layers = drawn(make_layers(cfgs["D"]))
    state = {f"features.{name}": value for name, value in layers.state_dict().items()}
    torch.save(state | {"classifier.0.bias": torch.zeros(4096)}, path)
    return layers


def save_i3d(path: Path) -> nn.Module:
    """Converted from TensorFlow, which counts no batches."""
    network = drawn(I3D())
    torch.save({n: v for n, v in network.state_dict().items() if not n.endswith("num_batches_tracked")}, path)
    return network


def save_resnet3d(path: Path) -> nn.Module:
    """A checkpoint of a training on several GPUs, with its classifier."""
    network = drawn(ResNet3D())
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    state |= {"module.fc.weight": torch.zeros(400, 2048), "module.fc.bias": torch.zeros(400)}
    torch.save({"epoch": 1, "arch": "resnet-50", "state_dict": state, "optimizer": {"state": {}}}, path)
    return network
