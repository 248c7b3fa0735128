"""OpenPose through controlnet-aux: body, and on demand hands and face. Needs torch, torchvision and controlnet-aux."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from models.annotators.compute import device_of, enough_memory, inference
from models.annotators.identities import Find
from models.annotators.needs import OPENPOSE_BODY, OPENPOSE_FACE, OPENPOSE_HAND, openpose_weights
from models.annotators.per_picture import PicturePose
from models.weights.digests import digest_of
from models.weights.states import read_state
from schemas.arrays import F32, U8
from schemas.config import ComputeConfig, PoseConfig
from schemas.errors import ConfigError, WeightsError
from schemas.extras import needs
from schemas.records import Annotator, Pose
from schemas.skeletons import COCO_WHOLEBODY_133, OPENPOSE_18
from schemas.skeletons.coco import FACE_POINTS, HAND_JOINTS
from schemas.skeletons.conversion import converted

if TYPE_CHECKING:
    from controlnet_aux.open_pose import OpenposeDetector

_PART_CONFIDENCE = 0.5
"""The networks of hands and face do not say how sure they are of a point they found."""
_RELIEF = "Set pose.hands_and_face=false if it is on, choose pose.annotator=dwpose, or set compute.device=cpu"


class OpenPose(PicturePose):
    """Pose annotator; skeleton openpose_18, or coco_wholebody_133 with hands and face.

    Its networks see one picture at a time.
    Raises ConfigError without its packages or its GPU, WeightsError if its weights cannot be had, FiguregroundError if
    the GPU's memory is too small for one picture.
    """

    def __init__(self, config: PoseConfig, compute: ComputeConfig) -> None:
        skeleton = COCO_WHOLEBODY_133 if config.hands_and_face else OPENPOSE_18
        super().__init__(skeleton.name, config.max_persons, 0.0)
        self._compute = compute
        self._device = device_of(compute, "openpose")
        self._names = openpose_weights(config)
        with enough_memory("openpose", _RELIEF):
            self._detector = _load(self._names, self._device)

    @property
    def identity(self) -> Annotator:
        """Name, and the digest of the body's network, or over the digests of all three."""
        return Annotator("openpose", digest_of(*self._names))

    def find(self, rgb_HW3: U8) -> list[Find]:
        """Bodies, each with its hands and face if those are wanted."""
        bgr_HW3 = np.ascontiguousarray(rgb_HW3[..., ::-1])
        with enough_memory("openpose", _RELIEF), inference(self._compute, self._device):
            body = self._detector.body_estimation
            bodies = body.format_body_result(*body(bgr_HW3))
            if self._skeleton == OPENPOSE_18.name:
                return [_body(found) for found in bodies]
            return [self._whole(found, bgr_HW3) for found in bodies]

    def _whole(self, found: Any, bgr_HW3: U8) -> Find:
        body = _body(found)
        pose = Pose(body.xy_J2[None], body.confidence_J[None], np.ones(1, np.bool_), OPENPOSE_18.name)
        pose = converted(pose, COCO_WHOLEBODY_133.name)
        whole = Find(pose.xy_TJ2[0], pose.confidence_TJ[0])
        left, right = self._detector.detect_hands(found, bgr_HW3)
        face = self._detector.detect_face(found, bgr_HW3)
        size = (bgr_HW3.shape[1], bgr_HW3.shape[0])
        _put(whole, f"left_{HAND_JOINTS[0]}", left, size)
        _put(whole, f"right_{HAND_JOINTS[0]}", right, size)
        _put(whole, "face_0", None if face is None else face[:FACE_POINTS], size)
        return whole


def _body(found: Any) -> Find:
    points = [(np.nan, np.nan, 0.0) if k is None else (k.x, k.y, k.score) for k in found.keypoints]
    values = np.array(points, np.float32)
    return Find(values[:, :2], np.clip(values[:, 2], 0, 1))


def _put(whole: Find, first: str, points: Any, size: tuple[int, int]) -> None:
    """Write the points of a part into the whole body, in place. They come in 0..1, negative where not found."""
    if points is None:
        return
    start = COCO_WHOLEBODY_133.index(first)
    xy: F32 = np.array([(point.x, point.y) for point in points], np.float32)
    found = np.asarray((xy >= 0).all(1), np.bool_)
    whole.xy_J2[start : start + len(xy)] = np.where(found[:, None], xy * np.array(size, np.float32), np.nan)
    whole.confidence_J[start : start + len(xy)] = np.where(found, _PART_CONFIDENCE, 0)


def _load(names: tuple[str, ...], device: torch.device) -> OpenposeDetector:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages for other detectors, which we do not use
            from controlnet_aux.open_pose import OpenposeDetector
            from controlnet_aux.open_pose.body import Body
            from controlnet_aux.open_pose.face import Face, FaceNet
            from controlnet_aux.open_pose.hand import Hand
            from controlnet_aux.open_pose.model import bodypose_model, handpose_model
    except ModuleNotFoundError as error:
        raise ConfigError(needs("openpose", error.name, wanted="annotate")) from None
    built = {
        OPENPOSE_BODY: (Body, bodypose_model, True),
        OPENPOSE_HAND: (Hand, handpose_model, True),
        OPENPOSE_FACE: (Face, FaceNet, False),
    }
    parts = []
    for name in names:
        try:
            parts.append(_estimator(*built[name], read_state(name), device))
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise WeightsError(f"{name} does not fit OpenPose's network: {str(error)[:300]}") from None
    return OpenposeDetector(*parts)


def _estimator(kind: Any, network: Any, prefixed: bool, state: dict[str, Tensor], device: torch.device) -> Any:
    """An estimator of controlnet-aux around its own network. Its constructor would read the file by itself, unverified.

    prefixed: the network's layers are grouped in parts whose names the published files leave out.
    """
    model = network()
    names = {key.split(".", 1)[1] if prefixed else key: key for key in model.state_dict()}
    model.load_state_dict({names.get(key, key): value for key, value in state.items()})
    estimator = kind.__new__(kind)
    if not prefixed:
        _face_defaults(estimator)
    estimator.model = _Float32(model).eval().requires_grad_(False).to(device)
    return estimator


def _face_defaults(estimator: Any) -> None:
    from controlnet_aux.open_pose.face import params

    estimator.inference_size = params["inference_img_size"]
    estimator.sigma = params["gaussian_sigma"]
    estimator.threshold = params["heatmap_peak_thresh"]


class _Float32(nn.Module):
    """A network whose outputs are float32 whatever it computes in: the code around it hands them to OpenCV."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Any:
        """Outputs as the network has them: one, or several."""
        outputs = self.network(picture)
        return outputs.float() if isinstance(outputs, Tensor) else [output.float() for output in outputs]
