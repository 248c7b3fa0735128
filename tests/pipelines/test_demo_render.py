"""The demo's rendered video: whose, moved as whom, and what stands beside what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("diffusers", reason="diffusers is not installed")

from pipelines.corpus.committer import Committer  # noqa: E402
from pipelines.corpus.parts import PartWriter, part_id_of  # noqa: E402
from pipelines.corpus.read import Corpus  # noqa: E402
from pipelines.demo_render import demo_job, demo_renderers, render_demo  # noqa: E402
from pipelines.render_models import WARP, open_renderer  # noqa: E402
from schemas.config import Config  # noqa: E402
from tests.models.generator.tiny_generators import tiny_pocket  # noqa: E402
from tests.pipelines.corpus_records import make_report  # noqa: E402
from transforms.encoding.h264 import decode_media  # noqa: E402
from transforms.synthesis.clip import make_clip  # noqa: E402
from transforms.synthesis.drawing import SceneSettings, draw_scene  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make_corpus(root: Path, cameras: dict[int, str]) -> Corpus:
    with Committer(root, Config()) as committer:
        for seed, camera in cameras.items():
            clip = make_clip(draw_scene((seed,), SceneSettings(64, 14, 12, (1, 1), camera=camera)), f"/{seed}.mp4")
            part = part_id_of(clip.source.source_id, 0)
            committer.add(PartWriter(root).write(part, [clip], make_report(clip.source, 1)))
    return Corpus(root)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return make_corpus(tmp_path_factory.mktemp("demo") / "corpus", {4: "static", 11: "pan"})


def test_the_person_before_moving_ground_is_moved_as_somebody_else(corpus: Corpus) -> None:
    job = demo_job(corpus)
    assert corpus.clip(str(job.reference))["camera"] == "pan"
    assert corpus.clip(job.pose)["camera"] == "static"


def test_one_clip_drives_itself_and_none_is_no_job(tmp_path: Path) -> None:
    job = demo_job(make_corpus(tmp_path / "one", {4: "static"}))
    assert job.pose == job.reference
    assert demo_job(make_corpus(tmp_path / "none", {})) is None


def test_the_video_shows_every_renderers_result_at_one_height(corpus: Corpus, tmp_path: Path) -> None:
    pipeline = tiny_pocket(condition="warped-last12", residual=True)
    pipeline.register_to_config(size=32, clip_frames=6)
    pipeline.save_pretrained(tmp_path / "model")
    renderers = {WARP: open_renderer(WARP, 2), "model": open_renderer(str(tmp_path / "model"), 2)}
    told: list[tuple[int, int]] = []
    job = replace(demo_job(corpus), seconds=1.0, size=64)
    render_demo(corpus, job, renderers, tmp_path / "render.mp4", lambda *counts: told.append(counts))
    pictures = list(decode_media((tmp_path / "render.mp4").read_bytes()))
    assert (len(pictures), pictures[0].shape) == (12, (96, 5 * 64))
    assert told[-1] == (12, 12)


def test_the_warp_renders_wherever_torch_is(corpus: Corpus) -> None:
    assert next(iter(demo_renderers())) == WARP
