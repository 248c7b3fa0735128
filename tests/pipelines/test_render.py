"""Single renderings out of a corpus: the right length, motion and place, and clear refusals."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed")

from pipelines.cli.rendering import render as render_verb
from pipelines.corpus.committer import Committer
from pipelines.corpus.parts import PartWriter, part_id_of
from pipelines.corpus.read import Corpus
from pipelines.render import read_inputs, render, render_pictures
from pipelines.render_clips import clip_drives
from pipelines.render_models import WarpVideo
from schemas.config import Config
from schemas.errors import CorpusError, FiguregroundError, GenerationError
from schemas.records import Clip, PersonAnnotation
from schemas.render_jobs import RenderJob
from tests.pipelines.corpus_records import make_report
from transforms.encoding.h264 import decode_frames
from transforms.synthesis.clip import make_clip
from transforms.synthesis.drawing import SceneSettings, draw_scene
from transforms.track_presets.tracks import PRESETS

FRAMES, FPS = 20, Fraction(12)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _clip(seed: int, camera: str) -> Clip:
    settings = SceneSettings(96, FRAMES, FPS, (1, 1), camera=camera)
    return make_clip(draw_scene((seed,), settings), f"/videos/{seed}.mp4")


def _without_pose(clip: Clip) -> Clip:
    person = clip.annotation.persons[0]
    pose = replace(person.pose, xy_TJ2=np.full_like(person.pose.xy_TJ2, np.nan), present_T=np.zeros(FRAMES, bool))
    return replace(clip, annotation=replace(clip.annotation, persons=(PersonAnnotation(pose, person.mask),)))


def _without_points(clip: Clip) -> Clip:
    tracks = clip.annotation.tracks
    nothing = replace(tracks, visible_NT=np.zeros_like(tracks.visible_NT))
    return replace(clip, annotation=replace(clip.annotation, tracks=nothing))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    root = tmp_path_factory.mktemp("rendering") / "corpus"
    clips = {
        "still": _clip(4, "static"),
        "pan": _clip(11, "pan"),
        "no_pose": _without_pose(_clip(12, "static")),
        "no_points": _without_points(_clip(13, "pan")),
        "nobody": replace(_clip(14, "pan"), annotation=replace(_clip(14, "pan").annotation, persons=())),
        "rejected": replace(_clip(15, "pan"), annotation=None, media=None, reject_reasons=("luminance_low",)),
    }
    with Committer(root, Config()) as committer:
        for clip in clips.values():
            part = part_id_of(clip.source.source_id, 0)
            committer.add(PartWriter(root).write(part, [clip], make_report(clip.source, 1)))
    opened = Corpus(root)
    opened.ids = {name: clip.clip_id for name, clip in clips.items()}
    return opened


def _job(
    corpus: Corpus, reference: str = "still", pose: str = "pan", background: str = "pan", **more: object
) -> RenderJob:
    name = background if background.partition(":")[0] in PRESETS else corpus.ids.get(background, background)
    return RenderJob(corpus.ids[reference], corpus.ids[pose], name, **{"size": 64, **more})


def _frames(corpus: Corpus, job: RenderJob, grid: bool = False) -> np.ndarray:
    renderer = WarpVideo()
    return np.stack(list(render_pictures(renderer, read_inputs(corpus, job, renderer), grid=grid))).astype(int)


def test_a_rendering_has_the_length_size_and_rate_asked_for(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.mp4"
    told: list[tuple[int, int]] = []
    assert render(corpus, _job(corpus, seconds=3.0), WarpVideo(), out, lambda *counts: told.append(counts)) == 36
    frames = decode_frames(out.read_bytes(), FPS)
    assert (len(frames), frames.width, frames.height) == (36, 64, 64)
    assert told[-1] == (36, 36)


def test_equal_jobs_give_equal_bytes_and_the_seed_matters(corpus: Corpus, tmp_path: Path) -> None:
    videos = []
    for index, seed in enumerate((1, 1, 2)):
        job = _job(corpus, background="handheld", seconds=0.5, seed=seed)
        render(corpus, job, WarpVideo(), tmp_path / f"{index}.mp4")
        videos.append((tmp_path / f"{index}.mp4").read_bytes())
    assert videos[0] == videos[1] != videos[2]


def test_the_first_frame_of_its_own_motion_is_the_reference(corpus: Corpus) -> None:
    job = _job(corpus, pose="still", background="static", seconds=0.5)
    reference = read_inputs(corpus, job, WarpVideo()).reference.rgb_HW3.astype(int)
    assert np.abs(_frames(corpus, job)[0] - reference).mean() < 3


def test_the_ground_follows_the_background_and_the_figure_the_pose(corpus: Corpus) -> None:
    still, panned = (_frames(corpus, _job(corpus, background=b, seconds=1.5)) for b in ("static", "pan"))
    corner = (slice(None), slice(0, 12), slice(0, 12))
    assert np.abs(np.diff(still[corner], axis=0)).max() <= 2
    assert np.abs(panned[corner][-1] - panned[corner][0]).mean() > 5
    assert np.abs(still[-1] - still[0]).max() > 40, "somebody moves"


def test_a_clips_tracks_drive_the_ground_of_another(corpus: Corpus) -> None:
    inputs = read_inputs(corpus, _job(corpus, background=corpus.ids["pan"], seconds=3.0), WarpVideo())
    drives = list(clip_drives(inputs, 16))
    assert all(drive.visible_BTN[0, 0].sum() >= 5 for drive in drives)
    shared = set(drives[0].ids_BN[0].tolist()) & set(drives[1].ids_BN[0].tolist())
    assert len(shared) >= 5, "points keep their identity from clip to clip"
    assert sum(drive.pose_BTJ2.shape[1] - 1 for drive in drives) + 1 == inputs.frames


def test_a_grid_shows_reference_pose_points_and_result(corpus: Corpus) -> None:
    job = _job(corpus, seconds=0.5)
    grid, alone = _frames(corpus, job, grid=True), _frames(corpus, job)
    assert grid.shape[1:] == (64, 256, 3)
    np.testing.assert_array_equal(grid[:, :, 192:], alone)
    np.testing.assert_array_equal(grid[0, :, :64], read_inputs(corpus, job, WarpVideo()).reference.rgb_HW3)
    assert (grid[:, :, 64:128].max((1, 2, 3)) > 100).all()
    assert (grid[:, :, 128:192].max((1, 2, 3)) > 100).all()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"reference": "rejected"}, CorpusError, "not kept"),
        ({"pose": "rejected"}, CorpusError, "not kept"),
        ({"background": "rejected"}, CorpusError, "not kept"),
        ({"background": "dolly"}, GenerationError, "dolly.*static, pan, zoom, rotate, handheld"),
        ({"pose": "no_pose"}, GenerationError, "empty"),
        ({"pose": "nobody"}, GenerationError, "no person"),
        ({"reference": "no_pose"}, GenerationError, "nobody is found in frame 0"),
        ({"background": "no_points"}, GenerationError, "no point"),
        ({"reference_frame": 99}, GenerationError, "frames 0 to 19"),
        ({"seconds": 0.0}, GenerationError, "no frame"),
        ({"size": 63}, GenerationError, "multiples of 2 px, not 63"),
        ({"background": "pan:fast"}, GenerationError, "PRESET:STRENGTH"),
        ({"background": "pan:-1"}, GenerationError, "0..10"),
    ],
)
def test_what_cannot_be_rendered_is_refused_with_the_reason(
    corpus: Corpus, change: dict[str, object], error: type[FiguregroundError], words: str
) -> None:
    with pytest.raises(error, match=words):
        read_inputs(corpus, _job(corpus, **change), WarpVideo())


def test_a_presets_strength_scales_its_motion(corpus: Corpus) -> None:
    tracks = [
        read_inputs(corpus, _job(corpus, background=b, seconds=2.0), WarpVideo()).tracks.xy_NT2
        for b in ("pan:0", "pan:0.5", "pan")
    ]
    travelled = [np.abs(xy_NT2 - xy_NT2[:, :1]).max() for xy_NT2 in tracks]
    assert travelled[0] < 1e-3
    assert travelled[1] == pytest.approx(travelled[2] / 2, rel=1e-3)


def _options(out: Path, **change: object) -> dict[str, object]:
    return {"seconds": 0.4, "size": 64, "model": "warp", "seed": 0, "grid": False, "steps": 2, "out": out, **change}


def test_the_verb_reads_clip_and_frame(corpus: Corpus, tmp_path: Path) -> None:
    ids, common = corpus.ids, _options(tmp_path / "out.mp4")
    render_verb(corpus.root, f"{ids['still']}:3", ids["pan"], "static", **common)
    assert (tmp_path / "out.mp4").stat().st_size > 0
    with pytest.raises(GenerationError, match="CLIP:FRAME"):
        render_verb(corpus.root, f"{ids['still']}:x", ids["pan"], "static", **common)
    with pytest.raises(GenerationError, match="sora"):
        render_verb(corpus.root, ids["still"], ids["pan"], "static", **(common | {"model": "sora"}))
