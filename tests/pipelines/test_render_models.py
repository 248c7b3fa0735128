"""Renderings by a saved generator: its own size and clip length, its conditions, and folders that do not load."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from safetensors.torch import load_file, save_file  # noqa: E402

from models.generator.guidance import Guidance  # noqa: E402
from pipelines.cli.rendering import render as render_verb  # noqa: E402
from pipelines.corpus.committer import Committer  # noqa: E402
from pipelines.corpus.parts import PartWriter, part_id_of  # noqa: E402
from pipelines.corpus.read import Corpus  # noqa: E402
from pipelines.render import read_inputs, render, render_pictures  # noqa: E402
from pipelines.render_card import read_card  # noqa: E402
from pipelines.render_clips import VideoClips, reference_tensors  # noqa: E402
from pipelines.render_image import read_picture  # noqa: E402
from pipelines.render_models import open_renderer, renderer_of  # noqa: E402
from pipelines.render_options import RenderOptions  # noqa: E402
from schemas.config import Config  # noqa: E402
from schemas.errors import ConfigError, GenerationError, WeightsError  # noqa: E402
from schemas.render_jobs import RenderJob  # noqa: E402
from schemas.sampling import Precision, Sampler  # noqa: E402
from tests.models.generator.tiny_generators import tiny_pocket  # noqa: E402
from tests.pipelines.corpus_records import make_report  # noqa: E402
from transforms.encoding.h264 import decode_media  # noqa: E402
from transforms.synthesis.clip import make_clip  # noqa: E402
from transforms.synthesis.drawing import SceneSettings, draw_scene  # noqa: E402

SIZE, CLIP_FRAMES, FPS = 32, 6, 12


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    root = tmp_path_factory.mktemp("models") / "corpus"
    with Committer(root, Config()) as committer:
        for seed, camera in ((4, "static"), (11, "pan")):
            scene = draw_scene((seed,), SceneSettings(96, 20, FPS, (1, 1), camera=camera))
            clip = make_clip(scene, f"/videos/{seed}.mp4")
            part = part_id_of(clip.source.source_id, 0)
            committer.add(PartWriter(root).write(part, [clip], make_report(clip.source, 1)))
    return Corpus(root)


def saved(folder: Path, condition: str, **settings: object) -> Path:
    pipeline = tiny_pocket(condition=condition, **settings)
    pipeline.register_to_config(size=SIZE, clip_frames=CLIP_FRAMES)
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def warped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("saved") / "warped", "warped-last12", residual=True)


@pytest.fixture(scope="module")
def repeat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("saved") / "repeat", "repeat")


def job(corpus: Corpus, **more: object) -> RenderJob:
    still, pan = sorted(corpus.kept_clip_ids())
    return RenderJob(still, pan, "pan", **{"seconds": 1.5, **more})


def frames(
    corpus: Corpus, asked: RenderJob, model: Path | str, grid: bool = False, options: RenderOptions | None = None
) -> np.ndarray:
    renderer = renderer_of(read_card(str(model), 2, options))
    return np.stack(list(render_pictures(renderer, read_inputs(corpus, asked, renderer), grid=grid))).astype(int)


@pytest.mark.parametrize("which", ["warped", "repeat"])
def test_a_generator_renders_at_the_size_it_was_trained_with(
    corpus: Corpus, which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    renderer = open_renderer(str(request.getfixturevalue(which)), 2)
    assert render(corpus, job(corpus), renderer, tmp_path / "out.mp4") == 18
    pictures = list(decode_media((tmp_path / "out.mp4").read_bytes()))
    assert (len(pictures), pictures[0].shape) == (18, (SIZE * 3 // 2, SIZE))


def test_seeds_poses_and_backgrounds_each_change_what_is_rendered(corpus: Corpus, warped: Path) -> None:
    asked = job(corpus)
    first = frames(corpus, asked, warped)
    np.testing.assert_array_equal(first, frames(corpus, asked, warped))
    for change in ({"seed": 1}, {"pose": asked.reference}, {"background": "static"}):
        assert np.abs(first - frames(corpus, replace(asked, **change), warped)).mean() > 0.1, change


OPTIONS = {
    "sampler": RenderOptions(sampler=Sampler.UNIPC),
    "precision": RenderOptions(precision=Precision.BFLOAT16),
    "guidance": RenderOptions(guidance=Guidance(joint=3.0)),
    "guidance-figure": RenderOptions(guidance=Guidance(figure=3.0)),
    "guidance-ground": RenderOptions(guidance=Guidance(ground=3.0)),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_changes_what_is_rendered_and_identifies_it(corpus: Corpus, repeat: Path, name: str) -> None:
    plain, other = (read_card(str(repeat), 2, options).facts for options in (None, OPTIONS[name]))
    assert [key for key in plain if plain[key] != other[key]] == [name.replace("-", "_")]
    asked = job(corpus, seconds=0.5)
    changed = frames(corpus, asked, repeat, options=OPTIONS[name])
    assert np.abs(frames(corpus, asked, repeat) - changed).max() > 0
    np.testing.assert_array_equal(changed, frames(corpus, asked, repeat, options=OPTIONS[name]))


def test_the_samplers_own_name_and_float32_on_a_cpu_are_what_is_rendered_anyway(corpus: Corpus, repeat: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("a GPU computes in bfloat16")
    asked = job(corpus, seconds=0.5)
    told = RenderOptions(Sampler.DDIM, Precision.FLOAT32)
    np.testing.assert_array_equal(frames(corpus, asked, repeat), frames(corpus, asked, repeat, options=told))


def test_the_verb_takes_every_option(corpus: Corpus, repeat: Path, tmp_path: Path) -> None:
    asked = job(corpus, seconds=0.5)
    card = read_card(str(repeat), 3, RenderOptions(Sampler.UNIPC, Precision.BFLOAT16, Guidance(1.5, 2.0, 0.5)))
    render(corpus, asked, renderer_of(card), tmp_path / "card.mp4")
    render_verb(
        str(corpus.root), asked.reference, asked.pose, asked.background, asked.seconds, model=str(repeat), steps=3,
        sampler=Sampler.UNIPC, precision=Precision.BFLOAT16, guidance=1.5, guidance_figure=2.0, guidance_ground=0.5,
        out=str(tmp_path / "verb.mp4"),
    )  # fmt: skip
    assert (tmp_path / "verb.mp4").read_bytes() == (tmp_path / "card.mp4").read_bytes()


@pytest.mark.parametrize("name", OPTIONS)
def test_the_warp_refuses_options_of_a_network(name: str) -> None:
    with pytest.raises(ConfigError, match=f"warp has no network: leave out --{name},"):
        read_card("warp", 2, OPTIONS[name])


def test_a_long_video_is_chained_out_of_clips_of_the_trained_length(corpus: Corpus, warped: Path) -> None:
    asked = job(corpus)
    inputs = read_inputs(corpus, asked, open_renderer(str(warped), 2))
    clips = VideoClips(inputs, reference_tensors(inputs.reference), CLIP_FRAMES)
    assert [clip.frames for clip in clips] == [6, 6, 6, 3]
    assert "reference_pose" in clips[0].motion and "reference_pose" not in clips[1].motion
    torch.testing.assert_close(clips[0].pose_T3HW[-1], clips[1].pose_T3HW[0])
    assert all(clip.points_T3HW.amax() > 0.3 and clip.pose_T3HW.amax() > 0.9 for clip in clips)


def test_a_grid_shows_the_conditions_of_every_frame_beside_it(corpus: Corpus, warped: Path) -> None:
    asked = job(corpus)
    grid = frames(corpus, asked, warped, grid=True)
    assert grid.shape == (18, SIZE, 4 * SIZE, 3)
    np.testing.assert_array_equal(grid[:, :, 3 * SIZE :], frames(corpus, asked, warped))
    assert (grid[:, :, SIZE : 2 * SIZE].max((1, 2, 3)) > 100).all()
    assert (np.diff(grid[:, :, SIZE : 2 * SIZE], axis=0) != 0).any((1, 2, 3)).sum() > 12, "the skeleton moves"


def test_sizes_the_network_cannot_take_are_refused(corpus: Corpus, warped: Path) -> None:
    with pytest.raises(GenerationError, match=r"multiples of 8 px, not 36"):
        frames(corpus, job(corpus, size=36), warped)


def test_a_video_of_one_frame_is_refused(corpus: Corpus, warped: Path) -> None:
    with pytest.raises(GenerationError, match="at least 2 frames"):
        frames(corpus, job(corpus, seconds=1 / FPS), warped)


def test_damaged_folders_are_refused_with_the_reason(warped: Path, tmp_path: Path) -> None:
    weights = Path("unet") / "diffusion_pytorch_model.safetensors"
    missing, wrong, pickled, nothing = (
        shutil.copytree(warped, tmp_path / name) for name in ("missing", "wrong", "pickled", "nothing")
    )
    tensors = load_file(warped / weights)
    name = "conv_out.weight"
    save_file({k: v for k, v in tensors.items() if k != name}, missing / weights, metadata={"format": "pt"})
    save_file({**tensors, name: tensors[name][:, :8].clone()}, wrong / weights, metadata={"format": "pt"})
    (pickled / weights).rename((pickled / weights).with_suffix(".bin"))
    (nothing / "model_index.json").unlink()
    for folder, words in ((missing, "missing keys"), (wrong, name), (pickled, "pickles"), (nothing, "no saved")):
        with pytest.raises(WeightsError, match=words):
            open_renderer(str(folder), 2)


def test_a_folder_of_an_older_version_renders_at_the_usual_size(warped: Path, tmp_path: Path) -> None:
    old = shutil.copytree(warped, tmp_path / "old")
    index = json.loads((old / "model_index.json").read_text())
    del index["size"], index["clip_frames"]
    (old / "model_index.json").write_text(json.dumps(index))
    assert open_renderer(str(old), 2).size == 512


def test_an_image_without_a_person_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((300, 200, 3), 90, np.uint8))
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(GenerationError, match="nobody is found"):
        read_picture(tmp_path / "grey.png", 64, 8)
    with pytest.raises(GenerationError, match="cannot be read"):
        read_picture(tmp_path / "text.png", 64, 8)


def test_a_person_in_an_image_file_is_found_and_moved(corpus: Corpus, sample_videos, tmp_path: Path) -> None:
    whole = decode_media(sample_videos.path("woman_gestures_static_portrait.mp4").read_bytes())
    for _ in range(30):
        yuv = next(whole)
    cv2.imwrite(str(tmp_path / "woman.jpg"), cv2.cvtColor(yuv, cv2.COLOR_YUV2BGR_I420))
    reference = read_picture(tmp_path / "woman.jpg", 128, 2)
    assert min(reference.size) == 128
    assert 0.1 < reference.mask_HW.mean() < 0.7
    pan = sorted(corpus.kept_clip_ids())[1]
    asked = RenderJob(str(tmp_path / "woman.jpg"), pan, "handheld", seconds=0.5, size=128)
    made = frames(corpus, asked, "warp")
    assert np.abs(made[0] - reference.rgb_HW3).mean() < 40
    assert np.abs(made[-1] - made[0]).max() > 60
