"""Validation of a whole batch of jobs, before anything is rendered.

    listed = read_jobs(path)
    checked = check_jobs(corpus, listed, renderer.size_multiple, renderer.size)

`checked.jobs` can be rendered; `checked.findings` says of all others, together and by line, why not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.corpus.read import Corpus
from pipelines.farm.checks import ImageFacts, JobChecks
from pipelines.farm.facts import person_facts, read_facts
from pipelines.farm.jobfile import Finding, JobList, ListedJob, is_file
from schemas.errors import GenerationError
from schemas.records import Pose
from schemas.render_jobs import RenderJob
from schemas.skeletons import BLAZEPOSE_33
from transforms.track_presets.tracks import PRESETS

_PICTURE_SIDE = 512
"""Short side at which image files are looked at, px."""


@dataclass(frozen=True, slots=True)
class CheckedJobs:
    """jobs: that can be rendered, each once, in the list's order. findings: by line. notes: what else to know."""

    jobs: tuple[RenderJob, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


def check_jobs(
    corpus: Corpus, listed: JobList, size_multiple: int, default_size: int, *, loop_poses: bool = False
) -> CheckedJobs:
    """The jobs of a list that can be rendered, and what is wrong with the others, its unreadable lines included.

    size_multiple, default_size: of the model, px. loop_poses: a pose shorter than asked for is played to and fro;
    otherwise it is a mistake.
    """
    found = validate(corpus, listed.jobs, size_multiple, default_size, loop_poses=loop_poses)
    wrong = {finding.line for finding in found}
    good = tuple(one.job for one in listed.jobs if one.line not in wrong)
    findings = sorted((*listed.findings, *found), key=lambda finding: finding.line)
    return CheckedJobs(good, tuple(findings), listed.notes)


def validate(
    corpus: Corpus, jobs: Sequence[ListedJob], size_multiple: int, default_size: int, *, loop_poses: bool = False
) -> list[Finding]:
    """What is wrong with jobs; as `check_jobs`.

    What is needed of the corpus is read once, for all jobs; image files are looked at one by one, once each.
    """
    named = {name for one in jobs for name in (one.job.reference, one.job.pose)}
    grounds = {one.job.background for one in jobs if one.job.background.partition(":")[0] not in PRESETS}
    facts = read_facts(corpus, named, grounds)
    references = {one.job.reference for one in jobs} - facts.clips.keys() - facts.rejected
    checks = JobChecks(facts, _images(references), size_multiple, default_size, loop_poses)
    return [Finding(one.line, *mistake) for one in jobs for mistake in checks.mistakes(one.job)]


def _images(paths: Iterable[str]) -> dict[str, ImageFacts]:
    """Of those that are files."""
    return {path: _image(Path(path)) for path in sorted(paths) if is_file(Path(path))}


def _image(path: Path) -> ImageFacts:
    from pipelines.render_image import read_picture

    try:
        picture = read_picture(path, _PICTURE_SIDE, 2)
    except GenerationError as error:
        return ImageFacts(error=str(error))
    pose = Pose(picture.pose_J2[None], picture.confidence_J[None], np.ones(1, np.bool_), BLAZEPOSE_33.name)
    return ImageFacts(picture.size, person_facts(pose, picture.mask_HW.sum()[None], picture.size))
