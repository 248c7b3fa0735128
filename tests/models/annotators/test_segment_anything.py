from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.annotators.base import TrackedPerson
from models.annotators.rle import decode_mask
from schemas.config import ComputeConfig, MasksConfig
from schemas.errors import FiguregroundError, WeightsError
from schemas.records import Frames, Pose
from tests.models.annotators.tiny.dwpose import dummy_video
from tests.models.annotators.tiny.registering import register
from tests.models.annotators.tiny.sam import save_sam
from tests.models.optional import needs

pytestmark = [needs("torch", "torchvision", "segment_anything"), pytest.mark.filterwarnings("ignore")]
CPU = ComputeConfig(device="cpu", batch=4)
CONFIG = MasksConfig(annotator="segment_anything", weights="tiny_sam")


def person(at: list[tuple[float, float] | None], scale: float = 1.0) -> TrackedPerson:
    """COCO joints of a dummy at each frame; None: not there."""
    offsets = np.array([(0, -40)] * 5 + [(-14, -24), (14, -24), (-16, -6), (16, -6), (-16, 8), (16, 8),
                                         (-8, 16), (8, 16), (-10, 34), (10, 34), (-10, 48), (10, 48)])  # fmt: skip
    present = np.array([place is not None for place in at])
    xy = np.stack([offsets * scale + (place if place is not None else np.nan) for place in at]).astype(np.float32)
    return TrackedPerson(Pose(xy, np.where(present[:, None], 1.0, 0.0).repeat(17, 1), present, "coco_17"), None)


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, monkeypatch, tiny_sam=save_sam(tmp_path / "sam.safetensors"))


def two_persons() -> tuple[Frames, tuple[TrackedPerson, ...]]:
    places = [[(90, 128, 1.0), (230, 128, 1.0)] for _ in range(5)]
    return dummy_video(places), (person([(90, 128)] * 5), person([(230, 128), None, (230, 128), (230, 128), None]))


@pytest.mark.usefixtures("registered")
def test_the_picture_is_embedded_once_for_all_persons_and_several_at_a_time() -> None:
    from models.annotators.segment_anything import SegmentAnything

    sam = SegmentAnything(CONFIG, CPU)
    seen: list[int] = []
    sam._segmenter._sam.image_encoder.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    frames, persons = two_persons()
    masks = sam.annotate(frames, persons)
    assert seen == [4, 1]
    assert [mask.area_px[1] for mask in masks][1] == 0
    assert all(len(mask.rle) == 5 and (mask.width, mask.height) == (320, 256) for mask in masks)
    assert masks[0].area_px[0] + masks[1].area_px[0] > 0
    one_at_a_time = SegmentAnything(CONFIG, replace(CPU, batch=1)).annotate(frames, persons)
    for a, b in zip(masks, one_at_a_time, strict=True):
        assert np.mean(decode_mask(a, 0) != decode_mask(b, 0)) < 1e-3


@pytest.mark.usefixtures("registered")
def test_where_the_gpu_is_too_small_fewer_pictures_are_embedded_at_a_time() -> None:
    import torch

    from models.annotators.segment_anything import SegmentAnything

    frames, persons = two_persons()
    expected = SegmentAnything(CONFIG, CPU).annotate(frames, persons)
    sam = SegmentAnything(CONFIG, CPU)
    seen: list[int] = []

    def small_memory(_, given) -> None:
        seen.append(len(given[0]))
        if seen[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")

    sam._segmenter._sam.image_encoder.register_forward_pre_hook(small_memory)
    masks = sam.annotate(frames, persons)
    assert seen == [4, 2, 2, 1]
    for a, b in zip(masks, expected, strict=True):
        assert np.mean(decode_mask(a, 0) != decode_mask(b, 0)) < 1e-3


@pytest.mark.usefixtures("registered")
def test_where_the_gpu_is_too_small_fewer_persons_are_masked_at_a_time() -> None:
    from models.annotators.segment_anything import SegmentAnything

    frames, persons = two_persons()
    expected = SegmentAnything(CONFIG, CPU).annotate(frames, persons)
    sam = SegmentAnything(CONFIG, CPU)
    seen = decoder_holding(sam, 1)
    masks = sam.annotate(frames, persons)
    assert seen[:3] == [2, 1, 1] and max(seen[1:]) == 1
    for a, b in zip(masks, expected, strict=True):
        assert all(np.mean(decode_mask(a, t) != decode_mask(b, t)) < 1e-3 for t in range(len(frames)))


@pytest.mark.usefixtures("registered")
def test_a_gpu_too_small_for_one_person_is_an_error_that_says_what_to_do() -> None:
    from models.annotators.segment_anything import SegmentAnything

    sam = SegmentAnything(CONFIG, CPU)
    decoder_holding(sam, 0)
    with pytest.raises(FiguregroundError, match=r"too small for segment_anything\. .*masks\.weights=sam_vit_b"):
        sam.annotate(*two_persons())


def decoder_holding(sam, persons: int) -> list[int]:
    """Persons at every call of the decoder from now on; it holds so many together."""
    import torch

    seen: list[int] = []

    def small_memory(_, __, given) -> None:
        seen.append(len(given["sparse_prompt_embeddings"]))
        if seen[-1] > persons:
            raise torch.OutOfMemoryError("CUDA out of memory")

    sam._segmenter._sam.mask_decoder.register_forward_pre_hook(small_memory, with_kwargs=True)
    return seen


@pytest.mark.usefixtures("registered")
def test_no_pixel_belongs_to_two_persons_and_the_same_clip_gives_the_same_masks() -> None:
    from models.annotators.segment_anything import SegmentAnything

    sam = SegmentAnything(CONFIG, CPU)
    frames, persons = two_persons()
    first, second = sam.annotate(frames, persons), sam.annotate(frames, persons)
    assert first == second
    assert not (decode_mask(first[0], 2) & decode_mask(first[1], 2)).any()
    assert sam.annotate(frames, ()) == ()


@pytest.mark.usefixtures("registered")
def test_a_picture_twice_as_large_gives_masks_twice_as_large() -> None:
    from models.annotators.segment_anything import SegmentAnything

    sam = SegmentAnything(CONFIG, CPU)
    small = sam.annotate(dummy_video([[(90, 128, 1.0)]]), (person([(90, 128)]),))[0]
    large = sam.annotate(dummy_video([[(180, 256, 2.0)]], 512, 640), (person([(180, 256)], 2.0),))[0]
    again = decode_mask(large, 0)[::2, ::2]
    assert np.mean(again != decode_mask(small, 0)) < 0.05


def test_published_sizes_are_built_to_the_shapes_of_their_checkpoints() -> None:
    import torch
    from segment_anything import sam_model_registry

    from models.annotators.segment_anything.building import build_sam

    with torch.device("meta"):
        published = sam_model_registry["vit_b"]()
    built = build_sam(published.state_dict())
    assert {k: v.shape for k, v in built.state_dict().items()} == {
        k: v.shape for k, v in published.state_dict().items()
    }
    windows = [[block.window_size for block in sam.image_encoder.blocks] for sam in (built, published)]
    assert windows[0] == windows[1]
    assert built.image_encoder.blocks[0].attn.num_heads == published.image_encoder.blocks[0].attn.num_heads == 12
    assert torch.equal(built.pixel_mean, torch.tensor([123.675, 116.28, 103.53]).view(-1, 1, 1))


def test_weights_of_something_else_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from safetensors.torch import save_file

    from models.annotators.segment_anything import SegmentAnything

    save_file({"conv.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    register(tmp_path, monkeypatch, tiny_sam=tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="no weights of Segment Anything"):
        SegmentAnything(CONFIG, CPU)


class PaintsBoxes:
    """Segments a person as its box; told what it saw last, it paints that again, as a network that drifts off would."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, bool]] = []

    def segment(self, embedding, size, prompts, memory, *, several):
        import torch

        from models.annotators.segment_anything.segmenter import Segments

        self.calls.append((len(prompts.box_P4), memory is not None))
        if memory is not None:
            return Segments(memory[:, None], torch.ones(len(memory), 1), memory[:, None])
        logits = torch.full((len(prompts.box_P4), 3, *size), -1.0)
        for index, (x0, y0, x1, y1) in enumerate(prompts.box_P4.astype(int)):
            logits[index, 1, y0:y1, x0:x1] = 1.0  # the one good candidate of three
        return Segments(logits, torch.zeros(len(prompts.box_P4), 3), logits)


def test_a_mask_is_carried_on_until_it_loses_the_joints_and_is_then_prompted_anew() -> None:
    from models.annotators.segment_anything.following import MaskFollower
    from models.annotators.segment_anything.prompts import prompts_of

    painter = PaintsBoxes()
    follower = MaskFollower(painter)
    places = [(90, 128), (92, 128), (94, 128), (180, 128)]
    pose = person(places).pose
    masks = [follower.step(None, (256, 320), [0], prompts_of([pose], t, 256, 320))[0] for t in range(4)]
    assert painter.calls == [(1, False), (1, True), (1, True), (1, True), (1, False)]
    assert follower.prompted_anew == 1
    assert masks[3][128, 180] and not masks[3][128, 90]
    assert masks[2][128, 90]


def test_persons_are_told_apart_by_points_on_the_others() -> None:
    from models.annotators.segment_anything.prompts import prompts_of

    near, far = person([(90, 128)]).pose, person([(115, 128)]).pose
    prompts = prompts_of([near, far], 0, 256, 320)
    for index, (own, other) in enumerate(((90, 115), (115, 90))):
        labels = prompts.label_PK[index]
        assert prompts.point_PK2[index, labels == 1, 0].mean() == pytest.approx(own, abs=3)
        strange = prompts.point_PK2[index, labels == 0]
        assert len(strange) and np.abs(strange[:, 0].mean() - other) < np.abs(strange[:, 0].mean() - own)
