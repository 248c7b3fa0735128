from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.annotators.base import PoseAnnotator
from models.annotators.pixels import rgb_frame
from schemas.config import ComputeConfig, PoseConfig
from schemas.errors import ConfigError, WeightsError
from tests.models.annotators.tiny.dwpose import (
    dummy_video,
    save_detector,
    save_detector_of_classes,
    save_joints,
)
from tests.models.annotators.tiny.registering import register
from tests.models.optional import needs

pytestmark = needs("rtmlib", "onnx")
CPU = ComputeConfig(device="cpu")


@pytest.fixture(scope="module")
def dwpose(tmp_path_factory: pytest.TempPathFactory) -> PoseAnnotator:
    folder = tmp_path_factory.mktemp("dwpose")
    with pytest.MonkeyPatch.context() as patch:
        joints = save_joints(folder / "joints.onnx")
        register(folder, patch, dwpose_detector=save_detector(folder / "detector.onnx"), dwpose_133=joints)
        from models.annotators.dwpose import DWPose

        return DWPose(PoseConfig(annotator="dwpose"), CPU)


def test_133_joints_lie_on_the_person_and_nobody_is_found_in_an_empty_frame(dwpose: PoseAnnotator) -> None:
    (person,) = dwpose.annotate(dummy_video([[(100, 128, 1.0)], [], [(104, 128, 1.0)]]))
    pose = person.pose
    assert pose.skeleton == "coco_wholebody_133"
    assert pose.xy_TJ2.shape == (3, 133, 2)
    assert pose.present_T.tolist() == [True, False, True]
    assert np.abs(np.median(pose.xy_TJ2[0], axis=0) - (100, 128)).max() < 40


def test_a_shifted_picture_gives_shifted_joints(dwpose: PoseAnnotator) -> None:
    here = dwpose.annotate(dummy_video([[(100, 128, 1.0)]]))[0].pose.xy_TJ2[0]
    there = dwpose.annotate(dummy_video([[(140, 120, 1.0)]]))[0].pose.xy_TJ2[0]
    assert np.median(np.abs(there - here - (40, -8))) < 1


def test_persons_who_cross_the_clip_keep_their_identities(dwpose: PoseAnnotator) -> None:
    frames = dummy_video([[(60 + 5 * t, 128, 1.2), (260 - 5 * t, 128, 0.8)] for t in range(4)])
    first, second = dwpose.annotate(frames)
    assert np.all(np.diff(np.median(first.pose.xy_TJ2[..., 0], axis=1)) > 2)
    assert np.all(np.diff(np.median(second.pose.xy_TJ2[..., 0], axis=1)) < -2)


def test_a_detection_lies_inside_the_picture(dwpose: PoseAnnotator) -> None:
    (found,) = dwpose.detect(rgb_frame(dummy_video([[(20, 128, 1.0)]]), 0))
    assert (found.box_xyxy >= 0).all()
    assert 0 < found.score <= 1


@pytest.mark.parametrize("described", [True, False])
def test_a_detector_of_many_classes_finds_persons_alone(
    described: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = save_detector_of_classes(tmp_path / "detector.onnx", described)
    register(tmp_path, monkeypatch, dwpose_detector=detector, dwpose_133=save_joints(tmp_path / "joints.onnx"))
    from models.annotators.dwpose import DWPose

    dwpose = DWPose(PoseConfig(annotator="dwpose"), CPU)
    man, dog = (90, 128, 1.0), (240, 128, 1.4)
    (found,) = dwpose.detect(rgb_frame(dummy_video([[man, dog]]), 0))
    assert found.box_xyxy[[0, 2]].mean() == pytest.approx(90, abs=25)
    assert dwpose.detect(rgb_frame(dummy_video([[(-200, 0, 0.1), dog]]), 0)) == ()
    assert dwpose.detect(rgb_frame(dummy_video([[]]), 0)) == ()


def test_a_file_that_is_no_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "detector.onnx").write_bytes(b"no network" * 100)
    joints = save_joints(tmp_path / "joints.onnx")
    register(tmp_path, monkeypatch, dwpose_detector=tmp_path / "detector.onnx", dwpose_133=joints)
    from models.annotators.dwpose import DWPose

    with pytest.raises(WeightsError, match="cannot load its networks"):
        DWPose(PoseConfig(annotator="dwpose"), CPU)


def test_without_a_gpu_the_gpu_is_not_silently_replaced() -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime knows a GPU")
    from models.annotators.dwpose import DWPose

    with pytest.raises(ConfigError, match=r"compute\.device=cpu"):
        DWPose(PoseConfig(annotator="dwpose"), ComputeConfig())


def test_a_session_that_falls_back_to_the_cpu_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime here lacks a GPU as it does where CUDA's libraries cannot be loaded: it warns and takes the CPU."""
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime knows a GPU")
    joints = save_joints(tmp_path / "joints.onnx")
    register(tmp_path, monkeypatch, dwpose_detector=save_detector(tmp_path / "detector.onnx"), dwpose_133=joints)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    from models.annotators.dwpose import DWPose

    with pytest.warns(UserWarning, match="CUDAExecutionProvider"), pytest.raises(ConfigError, match="fell back"):
        DWPose(PoseConfig(annotator="dwpose"), ComputeConfig(device="cuda:0"))


def test_a_session_on_the_gpu_is_accepted() -> None:
    from models.annotators.dwpose import _require_gpu

    class Session:
        def get_providers(self) -> list[str]:
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    _require_gpu(Session(), "cuda")
