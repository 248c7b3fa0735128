"""DWPose through rtmlib and ONNX Runtime: a person detector, then 133 joints of each person.

Yang et al., "Effective Whole-body Pose Estimation with Two-stages Distillation", 2023.
"""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from models.annotators.identities import Find
from models.annotators.needs import DWPOSE_DETECTOR, DWPOSE_JOINTS
from models.annotators.per_picture import PicturePose
from models.weights.digests import digest_of
from models.weights.store import locate
from schemas.arrays import F32, U8
from schemas.config import ComputeConfig, PoseConfig
from schemas.errors import ConfigError, WeightsError
from schemas.extras import needs
from schemas.records import Annotator
from schemas.skeletons import COCO_WHOLEBODY_133

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from rtmlib import YOLOX, RTMPose

_PERSON = 0
"""Number of the class in COCO."""
_BOX_AND_SCORE = 5
"""Columns of a detector that has sorted out persons already; one with more gives a score for each class."""


class DWPose(PicturePose):
    """Pose annotator; skeleton coco_wholebody_133.

    Its networks compute in float32, one picture at a time, whatever else `compute` says.
    Raises ConfigError without its packages or its GPU, WeightsError if its weights cannot be had.
    """

    def __init__(self, config: PoseConfig, compute: ComputeConfig) -> None:
        super().__init__(COCO_WHOLEBODY_133.name, config.max_persons, 0.0)
        _require_provider(compute.device)
        self._detector, self._joints = _load(compute.device, config.detection_threshold)

    @property
    def identity(self) -> Annotator:
        """Name, and the SHA-256 over the digests of both networks."""
        return Annotator("dwpose", digest_of(DWPOSE_DETECTOR, DWPOSE_JOINTS))

    def find(self, rgb_HW3: U8) -> list[Find]:
        """Joints of everybody the detector finds."""
        bgr_HW3 = np.ascontiguousarray(rgb_HW3[..., ::-1])
        boxes_P4 = self._boxes(bgr_HW3)
        if not len(boxes_P4):  # rtmlib would take the whole picture for a person
            return []
        xy_PJ2, score_PJ = self._joints(bgr_HW3, bboxes=list(boxes_P4))
        return [_find(xy_J2, score_J) for xy_J2, score_J in zip(xy_PJ2, score_PJ, strict=True)]

    def _boxes(self, bgr_HW3: U8) -> F32:
        """(P, 4) x0, y0, x1, y1 px of persons."""
        found = self._detector(bgr_HW3)
        if self._detector.det_mode == "human":
            return np.asarray(found, np.float32).reshape(-1, 4)
        boxes_N4, class_N = found
        boxes_P4: F32 = np.asarray(boxes_N4, np.float32).reshape(-1, 4)[np.asarray(class_N) == _PERSON]
        return boxes_P4


def _find(xy_J2: F32, score_J: F32) -> Find:
    confidence_J = np.clip(score_J, 0, 1).astype(np.float32)
    return Find(np.where(confidence_J[:, None] > 0, xy_J2, np.nan).astype(np.float32), confidence_J)


def _require_provider(device: str) -> None:
    """ONNX Runtime would fall back to the CPU without a word of it."""
    import onnxruntime

    if device.startswith("cuda") and "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise ConfigError(
            f"dwpose is to run on {device}, but the installed ONNX Runtime knows no GPU (install onnxruntime-gpu). "
            "Set compute.device=cpu to run it, slowly, without one"
        )


def _load(device: str, threshold: float) -> tuple[YOLOX, RTMPose]:
    try:
        import rtmlib
    except ModuleNotFoundError as error:
        raise ConfigError(needs("dwpose", error.name, wanted="annotate")) from None
    detector, joints = str(locate(DWPOSE_DETECTOR)), str(locate(DWPOSE_JOINTS))
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # rtmlib announces every file it loads
            finder = rtmlib.YOLOX(detector, score_thr=threshold, backend="onnxruntime", device=device)
            estimator = rtmlib.RTMPose(joints, backend="onnxruntime", device=device)
    except Exception as error:  # ONNX Runtime's own errors have no common base
        raise WeightsError(f"dwpose cannot load its networks: {error}") from None
    for tool in (finder, estimator):
        _require_gpu(tool.session, device)
    height, width = _input_size(finder, (640, 640))
    finder.model_input_size = (height, width)
    # rtmlib would take whatever a detector of many classes finds, a dog for one, for a person.
    finder.det_mode = "multiclass" if _columns(finder) > _BOX_AND_SCORE else "human"
    height, width = _input_size(estimator, (384, 288))
    estimator.model_input_size = (width, height)
    return finder, estimator


def _require_gpu(session: InferenceSession, device: str) -> None:
    """A provider that is installed may still fail to load, of which ONNX Runtime tells in a log alone."""
    if device.startswith("cuda") and "CUDAExecutionProvider" not in session.get_providers():
        raise ConfigError(
            f"dwpose is to run on {device}, but ONNX Runtime could not start there and fell back to the CPU; its log "
            "says which library is missing (onnxruntime-gpu needs the CUDA and cuDNN it was built for). "
            "Set compute.device=cpu to run it, slowly, without a GPU"
        )


def _input_size(tool: Any, otherwise: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the pictures a network wants; `otherwise` where it takes any."""
    height, width = tool.session.get_inputs()[0].shape[2:]
    return (height, width) if isinstance(height, int) and isinstance(width, int) else otherwise


def _columns(finder: YOLOX) -> int:
    """Columns of the detector's output, out of its description or, where that is silent, out of a blank picture."""
    declared = finder.session.get_outputs()[0].shape[-1]
    if isinstance(declared, int):
        return declared
    height, width = finder.model_input_size
    return int(finder.inference(np.zeros((height, width, 3), np.uint8))[0].shape[-1])
