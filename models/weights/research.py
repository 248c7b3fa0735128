"""Weights of the research-grade annotators, as their publishers offer them.

Digests, sizes and revisions are those that independent public repositories pin; we could not fetch the files
themselves.
"""

from __future__ import annotations

from models.weights.origins import Address, HubFile
from models.weights.weight_file import WeightFile

_ANNOTATORS = ("lllyasviel/Annotators", "982e7edaec38759d914a963c48c4726685de7d96")
_DWPOSE = ("yzd-v/DWPose", "1a7144101628d69ee7a3768d1ee3a094070dc388")
_COTRACKER = ("facebook/cotracker3", "bf55ea50d4390e1820a267f131cd6587240fb2c5")
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
    return WeightFile(name, HubFile(*_DWPOSE, file), sha256, size_bytes, "Apache-2.0", purpose)


def _sam2(
    size: str, revision: str, tensors: tuple[str, int], described: tuple[str, int]
) -> tuple[WeightFile, WeightFile]:
    """Tensors, and the description of the network that they are for: sha256 and bytes of each."""
    name, repository = f"sam2_{size.replace('-', '_')}", f"facebook/sam2.1-hiera-{size}"
    files = (("", "model.safetensors", "", *tensors), ("_config", "config.json", ", its description", *described))
    first, second = (
        WeightFile(
            name=name + suffix,
            origin=HubFile(repository, revision, file),
            sha256=sha256,
            size_bytes=size_bytes,
            licence="Apache-2.0",
            purpose=f"SAM 2.1, {size}{what}",
            publisher="Meta AI",
        )
        for suffix, file, what, sha256, size_bytes in files
    )
    return first, second


def _cotracker(mode: str, sha256: str, size_bytes: int) -> WeightFile:
    return WeightFile(
        name=f"cotracker3_{mode}",
        origin=HubFile(*_COTRACKER, f"scaled_{mode}.pth"),
        sha256=sha256,
        size_bytes=size_bytes,
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
    *_sam2(
        "tiny",
        "de431c4043854a71d8101e17995dfe596bf101a5",
        ("48c14467e5cf9e51870511feb72c89688e82dd74523142c0538b663e193ac2a7", 155_908_064),
        ("860aff9751b139d83a4ad7df1e5535416fded533e0ead02625edbefcb9953cce", 5_695),
    ),
    *_sam2(
        "small",
        "ee5bba1d82bb8749febdf90f45e84b687142ba03",
        ("0a4067b11ce1e23d5229203f11c718a823060d15a4b23fa2372a7d4b77cbbc60", 184_305_280),
        ("97ff9f65b76d107acda4247885f0a5555d0048850ae3c5f97183df289aaecde9", 5_698),
    ),
    *_sam2(
        "base-plus",
        "b7320756a13354e7530a63935656d35b2f91a290",
        ("2012733a0de5d03efd1bba550a2847c4551be9ef2e0d497c83074df66189f780", 323_476_296),
        ("8e24a93b6a40d4dad86eaec383ce7b4044f37ec6360136460f5ff2ce55f87390", 5_705),
    ),
    *_sam2(
        "large",
        "665f8e2ad61cf5f53d65644ff27c8ee525124610",
        ("dc407dce21301fd94abb395c5099b4f2c455fdc8a8f261ac3d0ea6d4cd197230", 897_897_416),
        ("00446988cf4d617118d2d347eabe2c46aebed744628facdd540508be30b69ec3", 5_705),
    ),
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
    _cotracker("offline", "2670d4562ed69326dda775a26e54883925cd11b6fc9b24cb7aa9f8078bce7834", 101_890_938),
    _cotracker("online", "205d34789f19699d64b22cf93f9b697f15f28d4025240e31532e504109837218", 101_695_610),
)
