"""Weights of the research-grade annotators, as their publishers offer them.

Digests are those that independent users of the files pin; we could not fetch the files themselves.
"""

from __future__ import annotations

from models.weights.origins import Address, HubFile
from models.weights.weight_file import UNPINNED, WeightFile

_ANNOTATORS = ("lllyasviel/Annotators", "982e7edaec38759d914a963c48c4726685de7d96")
_OPENPOSE_TERMS = "OpenPose is free for academic and non-commercial use only."
_COTRACKER_TERMS = "CoTracker, code and weights, may not be used commercially (CC-BY-NC-4.0)."


def _sam(variant: str, file: str, sha256: str, size_bytes: int) -> WeightFile:
    return WeightFile(
        name=f"sam_{variant}",
        origin=Address(f"https://dl.fbaipublicfiles.com/segment_anything/{file}"),
        sha256=sha256,
        size_bytes=size_bytes,
        licence="Apache-2.0",
        purpose=f"Segment Anything, {variant}",
        publisher="Meta AI",
    )


def _openpose(part: str, file: str, sha256: str, size_bytes: int | None) -> WeightFile:
    return WeightFile(
        name=f"openpose_{part}",
        origin=HubFile(*_ANNOTATORS, file),
        sha256=sha256,
        size_bytes=size_bytes,
        licence="OpenPose non-commercial",
        purpose=f"OpenPose, {part}",
        publisher="lllyasviel (ControlNet)",
        terms=_OPENPOSE_TERMS,
    )


def _dwpose(name: str, file: str, sha256: str, size_bytes: int, purpose: str) -> WeightFile:
    return WeightFile(name, HubFile("yzd-v/DWPose", "main", file), sha256, size_bytes, "Apache-2.0", purpose)


def _sam2(size: str) -> tuple[WeightFile, WeightFile]:
    """Tensors, and the description of the network that they are for."""
    name, repository = f"sam2_{size.replace('-', '_')}", f"facebook/sam2.1-hiera-{size}"
    tensors, described = (
        WeightFile(
            name=name + suffix,
            origin=HubFile(repository, "main", file),
            sha256=UNPINNED,
            size_bytes=None,
            licence="Apache-2.0",
            purpose=f"SAM 2.1, {size}{what}",
            publisher="Meta AI",
        )
        for suffix, file, what in (("", "model.safetensors", ""), ("_config", "config.json", ", its description"))
    )
    return tensors, described


def _cotracker(mode: str) -> WeightFile:
    return WeightFile(
        name=f"cotracker3_{mode}",
        origin=HubFile("facebook/cotracker3", "main", f"scaled_{mode}.pth"),
        sha256=UNPINNED,
        size_bytes=None,
        licence="CC-BY-NC-4.0",
        purpose=f"CoTracker3, {mode}",
        publisher="Meta AI",
        terms=_COTRACKER_TERMS,
    )


RESEARCH_FILES = (
    _sam(
        "vit_b", "sam_vit_b_01ec64.pth", "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912", 375_042_383
    ),
    _sam(
        "vit_l",
        "sam_vit_l_0b3195.pth",
        "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        1_249_524_607,
    ),
    _sam(
        "vit_h",
        "sam_vit_h_4b8939.pth",
        "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        2_564_550_879,
    ),
    *(file for size in ("tiny", "small", "base-plus", "large") for file in _sam2(size)),
    _openpose(
        "body",
        "body_pose_model.pth",
        "25a948c16078b0f08e236bda51a385d855ef4c153598947c28c0d47ed94bb746",
        209_267_595,
    ),
    _openpose("hand", "hand_pose_model.pth", "b76b00d1750901abd07b9f9d8c98cc3385b8fe834a26d4b4f0aad439e75fc600", None),
    _openpose("face", "facenet.pth", "8beb52e548624ffcc4aed12af7aee7dcbfaeea420c75609fee999fe7add79d43", 153_718_792),
    _dwpose(
        "dwpose_detector",
        "yolox_l.onnx",
        "7860ae79de6c89a3c1eb72ae9a2756c0ccfbe04b7791bb5880afabd97855a411",
        216_746_733,
        "Person detector for DWPose (YOLOX-l)",
    ),
    _dwpose(
        "dwpose_133",
        "dw-ll_ucoco_384.onnx",
        "724f4ff2439ed61afb86fb8a1951ec39c6220682803b4a8bd4f598cd913b1843",
        134_399_116,
        "DWPose, 133 joints",
    ),
    _cotracker("offline"),
    _cotracker("online"),
)
