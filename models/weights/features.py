"""Weights of the networks that measure generated video, as their publishers offer them.

Digests are those that independent users of the files pin; where we found none the user must: see `store.py`.
"""

from __future__ import annotations

from models.weights.origins import Address
from models.weights.weight_file import UNPINNED, WeightFile

_OPEN_SORA_PLAN = (
    "https://huggingface.co/spaces/LanguageBind/Open-Sora-Plan-v1.0.0/resolve/810fa8c4bdb3a4c8eec9bd57375c29bde6fb46de"
)

FEATURE_FILES = (
    WeightFile(
        name="inception_fid",
        origin=Address(
            "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
        ),
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        size_bytes=95_628_359,
        licence="Apache-2.0",
        purpose="Inception-v3 of FID",
        publisher="torch-fidelity, after TensorFlow's of 2015-12-05",
    ),
    WeightFile(
        name="vgg16_imagenet",
        origin=Address("https://download.pytorch.org/models/vgg16-397923af.pth"),
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        size_bytes=553_433_881,
        licence="BSD-3-Clause",
        purpose="VGG-16 under LPIPS",
        publisher="PyTorch",
    ),
    WeightFile(
        name="i3d_kinetics400",
        origin=Address(f"{_OPEN_SORA_PLAN}/opensora/eval/fvd/videogpt/i3d_pretrained_400.pt"),
        sha256=UNPINNED,
        size_bytes=None,
        licence="Apache-2.0",
        purpose="I3D of FVD",
        publisher="DeepMind, converted by VideoGPT",
    ),
    WeightFile(
        name="resnet50_kinetics400",
        # No lasting address: the page leads to the folder that holds `resnet-50-kinetics.pth`.
        origin=Address("https://github.com/kenshohara/video-classification-3d-cnn-pytorch"),
        sha256=UNPINNED,
        size_bytes=None,
        licence="MIT",
        purpose="3D ResNet-50 of FID-VID",
        publisher="Hara et al., 3D-ResNets-PyTorch",
    ),
)
