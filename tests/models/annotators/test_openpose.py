from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.annotators.base import PoseAnnotator
from models.annotators.pixels import rgb_frame
from schemas.config import ComputeConfig, PoseConfig
from schemas.errors import FiguregroundError, WeightsError
from tests.models.annotators.tiny.openpose import places, puppet_video, save_body
from tests.models.annotators.tiny.registering import register
from tests.models.optional import needs

pytestmark = [needs("torch", "torchvision", "controlnet_aux"), pytest.mark.filterwarnings("ignore")]
CPU = ComputeConfig(device="cpu")
SMALL = {"height": 256, "width": 176}


@pytest.fixture(scope="module")
def openpose(tmp_path_factory: pytest.TempPathFactory) -> PoseAnnotator:
    import torch

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("openpose")
    with pytest.MonkeyPatch.context() as patch:
        register(folder, patch, openpose_body=save_body(folder / "body.safetensors"))
        from models.annotators.openpose import OpenPose

        return OpenPose(PoseConfig(annotator="openpose"), CPU)


def test_a_person_is_found_joint_by_joint_where_it_stands(openpose: PoseAnnotator) -> None:
    frames = puppet_video([[(88, 128, 1.0)], [], [(96, 124, 1.0)]], **SMALL)
    (person,) = openpose.annotate(frames)
    assert person.mask is None
    assert person.pose.skeleton == "openpose_18"
    assert person.pose.present_T.tolist() == [True, False, True]
    assert np.abs(person.pose.xy_TJ2[0] - places(88, 128)).max() < 6
    assert np.abs(person.pose.xy_TJ2[2] - places(96, 124)).max() < 6
    assert np.isnan(person.pose.xy_TJ2[1]).all() and not person.pose.confidence_TJ[1].any()
    assert 0.3 < person.pose.confidence_TJ[0].min() <= person.pose.confidence_TJ[0].max() <= 1


def test_two_persons_keep_their_identities_and_the_larger_one_comes_first(openpose: PoseAnnotator) -> None:
    frames = puppet_video([[(56, 128, 0.8), (200, 132, 1.2)], [(62, 128, 0.8), (194, 132, 1.2)]], 256, 272)
    first, second = openpose.annotate(frames)
    for frame, (near, far) in enumerate(((200, 56), (194, 62))):
        assert np.nanmedian(first.pose.xy_TJ2[frame, :, 0]) == pytest.approx(near, abs=6)
        assert np.nanmedian(second.pose.xy_TJ2[frame, :, 0]) == pytest.approx(far, abs=6)


def test_a_detection_boxes_the_person(openpose: PoseAnnotator) -> None:
    (found,) = openpose.detect(rgb_frame(puppet_video([[(88, 128, 1.0)]], **SMALL), 0))
    low, high = places(88, 128).min(0), places(88, 128).max(0)
    assert np.abs(found.box_xyxy - np.concatenate([low, high])).max() < 6
    assert 0.3 < found.score <= 1


@pytest.mark.slow
def test_hands_and_face_come_with_the_body_in_the_skeleton_of_the_whole_body(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from controlnet_aux.open_pose.face import FaceNet
    from controlnet_aux.open_pose.model import handpose_model
    from safetensors.torch import save_file

    torch.manual_seed(0)
    files = {"openpose_body": save_body(tmp_path / "body.safetensors")}
    hand, face = handpose_model().state_dict(), FaceNet().state_dict()
    save_file({name.split(".", 1)[1]: value for name, value in hand.items()}, tmp_path / "hand.safetensors")
    save_file(dict(face), tmp_path / "face.safetensors")
    register(
        tmp_path,
        monkeypatch,
        **files,
        openpose_hand=tmp_path / "hand.safetensors",
        openpose_face=tmp_path / "face.safetensors",
    )
    from models.annotators.openpose import OpenPose

    whole = OpenPose(PoseConfig(annotator="openpose", hands_and_face=True), CPU)
    (person,) = whole.annotate(puppet_video([[(88, 128, 1.0)]], **SMALL))
    assert person.pose.skeleton == "coco_wholebody_133"
    assert person.pose.xy_TJ2.shape == (1, 133, 2)
    assert np.abs(person.pose.xy_TJ2[0, 0] - places(88, 128)[0]).max() < 6
    found = person.pose.confidence_TJ[0] > 0
    assert np.isfinite(person.pose.xy_TJ2[0][found]).all()
    assert not found[17:23].any()  # OpenPose's body of 18 joints has no feet


def test_a_gpu_too_small_is_an_error_that_says_what_to_do(
    openpose: PoseAnnotator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from models.annotators.openpose import OpenPose

    def small_memory(*_) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    told = pytest.raises(FiguregroundError, match=r"too small for openpose\. .*pose\.hands_and_face=false")
    seeing = openpose._detector.body_estimation.model.register_forward_pre_hook(small_memory)
    with told:
        openpose.annotate(puppet_video([[(88, 128, 1.0)]], **SMALL))
    seeing.remove()
    register(tmp_path, monkeypatch, openpose_body=save_body(tmp_path / "body.safetensors"))
    monkeypatch.setattr(torch.nn.Module, "to", small_memory)
    with told:
        OpenPose(PoseConfig(annotator="openpose"), CPU)


def test_weights_of_another_network_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"something": torch.zeros(3)}, tmp_path / "body.safetensors")
    register(tmp_path, monkeypatch, openpose_body=tmp_path / "body.safetensors")
    from models.annotators.openpose import OpenPose

    with pytest.raises(WeightsError, match="openpose_body"):
        OpenPose(PoseConfig(annotator="openpose"), CPU)
