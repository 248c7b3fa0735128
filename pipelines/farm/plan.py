"""Jobs planned out of a corpus: who, moved by whom, before which ground."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from math import prod

from pipelines.corpus.read import Corpus
from pipelines.farm.candidates import Candidates, Change, asked_candidates
from pipelines.farm.checks import JobChecks, Mistake
from pipelines.farm.facts import Facts, read_facts
from pipelines.farm.pairing import Pairing, triples
from pipelines.farm.validate import CheckedJobs
from schemas.errors import ConfigError
from schemas.render_jobs import RenderJob
from transforms.track_presets.tracks import PRESETS

MOST_JOBS = 1_000_000
_SEEDS = 2**31
_MISFIT = "the background has no point where and when such a video would show it"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What to plan.

    references, poses, backgrounds: SELECTs over the corpus, with clip ids in the column `clip_id` or else the first;
    '' is every kept clip. references may have a column `frame`. backgrounds may be a list of presets and clips, too,
    separated by commas. seconds: None: as long as the pose lasts. count: at most so many jobs; None: a sample has as
    many as there are references, the others have no limit. size: short side, px. loop_poses: poses shorter than
    `seconds` are taken, too.
    """

    references: str = ""
    poses: str = ""
    backgrounds: str = ",".join(PRESETS)
    pairing: Pairing = Pairing.SAMPLE
    seconds: float | None = None
    count: int | None = None
    seed: int = 0
    size: int | None = None
    loop_poses: bool = False


def plan_jobs(corpus: Corpus, wishes: Wishes, size_multiple: int, default_size: int) -> CheckedJobs:
    """Jobs that all pass validation; equal wishes give equal jobs. size_multiple, default_size: of the model, px.

    Clips that cannot serve are left out, which the notes tell. Raises QueryError for a query that fails, ConfigError
    where nothing is left or a number makes no sense.
    """
    asked = asked_candidates(corpus, wishes.references, wishes.poses, wishes.backgrounds)
    clip_ids = {change["reference"] for change in asked.references} | {change["pose"] for change in asked.poses}
    grounds = {change["background"] for change in asked.backgrounds}
    facts = read_facts(corpus, clip_ids, {name for name in grounds if name.partition(":")[0] not in PRESETS})
    return choose_jobs(wishes, asked, JobChecks(facts, {}, size_multiple, default_size, wishes.loop_poses))


def choose_jobs(wishes: Wishes, asked: Candidates, checks: JobChecks) -> CheckedJobs:
    """Jobs of what the wishes' queries gave, as `plan_jobs`."""
    planner, facts = _Planner(wishes, checks), checks.facts
    references = [_at_best(change, facts) for change in asked.references]
    poses = [_lasting(change, facts, wishes.seconds) for change in asked.poses]
    who = planner.useful("references", checks.of_reference, references)
    driving = planner.useful("poses", checks.of_pose, poses)
    behind = planner.useful("backgrounds", checks.of_background, asked.backgrounds)
    jobs = planner.paired(who, driving, behind)
    return CheckedJobs(tuple(jobs), notes=tuple(planner.notes))


class _Planner:
    """Leaves out what cannot serve, and puts the rest together. notes: what was left out."""

    def __init__(self, wishes: Wishes, checks: JobChecks) -> None:
        self._wishes, self._checks = wishes, checks
        self._base = RenderJob("", "", seconds=1.0 if wishes.seconds is None else wishes.seconds, size=wishes.size)
        self._misfits = 0
        self.notes: list[str] = []
        if wishes.seed < 0:
            raise ConfigError(f"seed: {wishes.seed} is below 0")
        for field, message in checks.of_numbers(self._base):
            raise ConfigError(f"{field}: {message}")

    def useful(
        self, what: str, check: Callable[[RenderJob], Iterable[Mistake]], changes: Sequence[Change]
    ) -> list[Change]:
        """Those of the changes that a check finds nothing wrong with, each once. Raises ConfigError without any."""
        changes = list({tuple(change.values()): change for change in changes}.values())
        why = [next((message for _, message in check(replace(self._base, **change))), "") for change in changes]
        good = [change for change, wrong in zip(changes, why, strict=True) if not wrong]
        first = next(filter(None, why), "there are none")
        if not good:
            raise ConfigError(f"none of {len(changes)} {what} can be used: {first}")
        if len(good) < len(changes):
            self.notes.append(f"{len(changes) - len(good)} of {len(changes)} {what} left out: {first}{_more(why)}")
        return good

    def paired(self, who: list[Change], driving: list[Change], behind: list[Change]) -> list[RenderJob]:
        """The jobs of the pairing."""
        pairing, lists = self._wishes.pairing, (who, driving, behind)
        if pairing is Pairing.SAMPLE:  # the order of a query's rows may change; what is drawn should not
            lists = (_sorted(who), _sorted(driving), _sorted(behind))
        sizes = (len(who), len(driving), len(behind))
        most = self._wishes.count or (len(who) if pairing is Pairing.SAMPLE else None)
        if most is None and pairing is Pairing.PRODUCT and prod(sizes) > MOST_JOBS:
            raise ConfigError(f"{' x '.join(map(str, sizes))} are {prod(sizes)} jobs; ask for at most {MOST_JOBS}")
        numbers = triples(pairing, sizes, self._wishes.seed)
        jobs = (self._job(*(some[n] for some, n in zip(lists, triple, strict=True))) for triple in numbers)
        made = list(islice(filter(self._fits, jobs), most))
        if self._misfits:
            self.notes.append(f"{self._misfits} combinations left out: {_MISFIT}")
        if self._wishes.count and len(made) < self._wishes.count:
            self.notes.append(f"{self._wishes.count} jobs were asked for; there are no more than {len(made)}")
        return made

    def _job(self, *changes: Change) -> RenderJob:
        fields = {name: value for change in changes for name, value in change.items()}
        job = replace(self._base, **fields)
        text = json.dumps([self._wishes.seed, asdict(job)], sort_keys=True)
        return replace(job, seed=int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) % _SEEDS)

    def _fits(self, job: RenderJob) -> bool:
        """The parts, each of them good, go together."""
        wrong = self._checks.mistakes(job)
        self._misfits += bool(wrong)
        return not wrong


def _at_best(change: Change, facts: Facts) -> Change:
    """A reference with its best frame, unless it has one; frame 0 where there is no good one."""
    clip = facts.clips.get(change["reference"])
    if change["reference_frame"] is not None:
        return change
    best = clip.person.best_frame if clip and clip.person else None
    return change | {"reference_frame": best or 0}


def _lasting(change: Change, facts: Facts, seconds: float | None) -> Change:
    """A pose with the length that is asked for, or its own."""
    clip = facts.clips.get(change["pose"])
    if seconds is not None or clip is None:
        return change
    return change | {"seconds": round(float(clip.frames / clip.fps), 6)}


def _sorted(changes: list[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: tuple(change.values()))


def _more(why: Sequence[str]) -> str:
    others = sum(map(bool, why)) - 1
    return f" (and {others} more)" if others else ""
