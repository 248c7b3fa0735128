"""A folder of two finished renders and a failed one, and what was measured of them."""

from __future__ import annotations

from pathlib import Path

from pipelines.evaluation.catalogue import FAMILIES
from pipelines.evaluation.results import Figure, VideoResult
from pipelines.evaluation.run import Distance, Evaluation, Summary
from pipelines.evaluation.subjects import rendered as subjects_of
from pipelines.farm.folder import RendersFolder
from schemas.render_jobs import RenderJob
from tests.video_files import moving, write_video

SETTINGS = {"model": "a test", "model_sha256": "0" * 64, "steps": 0, "grid": False}


def rendered(root: Path) -> RendersFolder:
    folder = RendersFolder.at(root)
    folder.settle(SETTINGS)
    video = write_video(root.with_name("video.mp4"), moving(6)).read_bytes()
    for seed in range(2):
        job = RenderJob("who", "how", "pan", seed=seed)
        done = {"path": f"videos/{job.job_id}.mp4", "frames": 6, "width": 64, "height": 48, "clips": 1}
        folder.finish(job, video, SETTINGS | done | {"timings": {"render_s": 0.5}})
    reason = {"verdict": "failed", "reason": "inputs", "detail": "nobody is found in frame 0"}
    folder.judge(RenderJob("nobody", "how"), SETTINGS | reason)
    return folder


def evaluated(folder: RendersFolder) -> Evaluation:
    """The videos are shown beside nothing."""
    subjects = {subject.name: subject for subject in subjects_of(Path(str(folder.root)), "self")}
    (psnr,), (fid,) = FAMILIES["psnr"].metrics, FAMILIES["fid"].metrics
    done = Evaluation(subjects, metrics=[psnr], left_out={"lpips": "its weights are not in the cache"})
    for value, name in enumerate(sorted(subjects), 20):
        done.results.append(VideoResult(name, "", 6, {"psnr": [Figure("psnr", float(value))]}))
    done.results[0].errors["pose"] = "MediaError: it is damaged"
    done.summaries = [Summary(psnr, 2, 20.5, 20.5, min(subjects))]
    done.distances = [Distance(fid, None, 0, "no video could be compared")]
    return done
