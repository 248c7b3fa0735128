from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.annotators.needs import sam2_weights
from models.annotators.rle import decode_mask
from schemas.config import ComputeConfig, MasksConfig
from schemas.errors import ConfigError, FiguregroundError, WeightsError
from tests.models.annotators.test_segment_anything import person, two_persons
from tests.models.annotators.tiny.dwpose import dummy_video
from tests.models.annotators.tiny.registering import register
from tests.models.annotators.tiny.sam2 import save_sam2
from tests.models.optional import needs

pytestmark = [needs("torch", "torchvision", "transformers"), pytest.mark.filterwarnings("ignore")]
CPU = ComputeConfig(device="cpu", batch=4)
CONFIG = MasksConfig(annotator="sam2_video", weights="tiny_sam2")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return save_sam2(tmp_path_factory.mktemp("sam2"))


@pytest.fixture
def registered(saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, monkeypatch, tiny_sam2=saved[0], tiny_sam2_config=saved[1])


@pytest.mark.usefixtures("registered")
def test_a_picture_is_encoded_once_for_all_persons_and_several_at_a_time() -> None:
    from models.annotators.sam2_video import Sam2Video

    sam = Sam2Video(CONFIG, CPU)
    seen: list[int] = []
    sam._model.vision_encoder.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    frames, persons = two_persons()
    masks = sam.annotate(frames, persons)
    assert seen == [4, 1]
    assert masks[1].area_px[1] == 0
    assert all(len(mask.rle) == 5 and (mask.width, mask.height) == (320, 256) for mask in masks)
    assert masks[0].area_px[0] + masks[1].area_px[0] > 0
    assert sam.annotate(frames, persons) == masks
    assert not (decode_mask(masks[0], 2) & decode_mask(masks[1], 2)).any()
    alone = Sam2Video(CONFIG, replace(CPU, batch=1)).annotate(frames, persons)
    assert all(np.mean(decode_mask(a, 4) != decode_mask(b, 4)) < 0.01 for a, b in zip(masks, alone, strict=True))


@pytest.mark.usefixtures("registered")
def test_a_person_is_told_of_where_it_appears_and_again_where_its_mask_leaves_it() -> None:
    import torch

    from models.annotators.sam2_video import Sam2Video
    from models.annotators.sam2_video.following import Memory
    from models.annotators.segment_anything.prompts import body_joints, prompts_of

    sam = Sam2Video(CONFIG, CPU)
    places = [(90, 128), (90, 128), (230, 128)]
    frames, poses = dummy_video([[(*place, 1.0)] for place in places]), [body_joints(person(places).pose)]
    memory = Memory(sam._model, sam._processor, (256, 320), torch.device("cpu"))
    outputs = memory._session.output_dict_per_obj
    with torch.inference_mode():
        for t, seen in enumerate(sam._look(frames, range(3))):
            memory.step(seen, (256, 320), [0], prompts_of(poses, t, 256, 320))
            assert memory._session.processed_frames == {}
    prompted = sorted(outputs[0]["cond_frame_outputs"])
    assert prompted[0] == 0
    assert len(prompted) == 1 + memory.prompted_anew
    assert sorted(outputs[0]["non_cond_frame_outputs"]) == [t for t in range(3) if t not in prompted]


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("part", ["vision_encoder", "memory_encoder"])
def test_a_gpu_too_small_is_an_error_that_says_what_to_lower(part: str) -> None:
    import torch

    from models.annotators.sam2_video import Sam2Video

    def small_memory(*_) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    sam = Sam2Video(CONFIG, CPU)
    getattr(sam._model, part).register_forward_pre_hook(small_memory)
    with pytest.raises(FiguregroundError, match=r"too small for sam2_video\. Lower compute\.batch"):
        sam.annotate(*two_persons())


def test_files_that_are_no_sam2_are_refused(
    saved: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from safetensors.torch import save_file

    from models.annotators.sam2_video import Sam2Video

    save_file({"conv.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    register(tmp_path, monkeypatch, tiny_sam2=tmp_path / "other.safetensors", tiny_sam2_config=saved[1])
    with pytest.raises(WeightsError, match="does not fit"):
        Sam2Video(CONFIG, CPU)
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "pickle.pt")
    register(tmp_path, monkeypatch, tiny_sam2=tmp_path / "pickle.pt", tiny_sam2_config=saved[1])
    with pytest.raises(WeightsError, match="no SAM 2"):
        Sam2Video(CONFIG, CPU)


def test_weights_of_the_first_sam_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="sam2_large"):
        sam2_weights("sam_vit_h")
