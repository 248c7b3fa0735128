"""Every weights file there is: the built-in ones, and those of the user's own list."""

from __future__ import annotations

from models.weights.features import FEATURE_FILES
from models.weights.origins import WheelMember
from models.weights.own import own_files
from models.weights.research import RESEARCH_FILES
from models.weights.weight_file import WeightFile
from schemas.errors import WeightsError

_CP311_LINUX = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--implementation", "cp")


def _mediapipe(member: str) -> WheelMember:
    return WheelMember("mediapipe", "0.10.21", f"mediapipe/modules/{member}", _CP311_LINUX)


_EMBEDDED_FILES = (
    WeightFile(
        name="pose_detection.tflite",
        origin=_mediapipe("pose_detection/pose_detection.tflite"),
        sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        size_bytes=2_959_046,
        licence="Apache-2.0",
        purpose="BlazePose person detector",
    ),
    WeightFile(
        name="pose_landmark_full.tflite",
        origin=_mediapipe("pose_landmark/pose_landmark_full.tflite"),
        sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        size_bytes=6_440_512,
        licence="Apache-2.0",
        purpose="BlazePose landmarks and person mask",
    ),
    WeightFile(
        name="selfie_segmentation.tflite",
        origin=_mediapipe("selfie_segmentation/selfie_segmentation.tflite"),
        sha256="9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
        size_bytes=249_505,
        licence="Apache-2.0",
        purpose="Selfie person segmentation",
    ),
    WeightFile(
        name="ch_PP-OCRv4_det_infer.onnx",
        origin=WheelMember("rapidocr-onnxruntime", "1.4.4", "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx"),
        sha256="d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        size_bytes=4_745_517,
        licence="Apache-2.0",
        purpose="PP-OCRv4 text detector",
    ),
)

REGISTRY: dict[str, WeightFile] = {file.name: file for file in (*_EMBEDDED_FILES, *RESEARCH_FILES, *FEATURE_FILES)}
"""Built-in weights files by name."""


def registered() -> dict[str, WeightFile]:
    """Weights files by name, the user's own included. Raises WeightsError if the user's list cannot be read."""
    return REGISTRY | own_files()


def weight_file(name: str) -> WeightFile:
    """The file of that name. Raises WeightsError if there is none."""
    known = registered()
    if name not in known:
        raise WeightsError(f"no weights named {name!r}; known are {', '.join(known)}")
    return known[name]
