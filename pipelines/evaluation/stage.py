"""Videos to their figures, in whatever process an engine gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.annotators.factory import create_pose
from pipelines.corpus.layout import Place
from pipelines.corpus.read import Corpus
from pipelines.evaluation.catalogue import DISCO, Family, network_of
from pipelines.evaluation.footage import Footage
from pipelines.evaluation.measure import OWN, Measured, is_of_pictures, measurable, measure_pictures
from pipelines.evaluation.results import Figure, ReportFolder, VideoResult, told
from pipelines.evaluation.subjects import Subject
from schemas.arrays import F32
from schemas.config import Config
from schemas.outcomes import Kept, Outcome
from transforms.measures.film import pieces
from transforms.measures.windows import WINDOW, windows
from transforms.stage import Resources, Stage

if TYPE_CHECKING:
    from models.annotators.base import PoseAnnotator

_PAIRED, _FRAMES = "lpips", "fid"
_THREADS = 1


class MeasureVideo(Stage[Subject, VideoResult]):
    """Subject to what is known of it now; figures that were there are not measured again.

    report: where figures are kept. corpus: None where no video has a job. families: to measure.
    """

    name = "measure"
    accepts = Subject
    resources = Resources(cpus=1.0, memory_mb=2048)

    def __init__(self, report: Path, corpus: str | Place | None, families: Sequence[Family]) -> None:
        self._report, self._place, self._families = ReportFolder(report), corpus, tuple(families)
        self._corpus: Corpus | None = None
        self._held: dict[str, Any] = {}

    def setup(self) -> None:
        """Open the corpus. Networks are loaded when the first video needs them."""
        import cv2

        cv2.setNumThreads(_THREADS)
        self._corpus = None if self._place is None else Corpus(self._place)

    def teardown(self) -> None:
        """Free the networks."""
        self._corpus = None
        self._held.clear()

    def process(self, item: Subject) -> Iterable[Outcome[VideoResult]]:
        """One kept result: a video that cannot be read is one with an error."""
        result = self._report.kept(item)
        missing = [f for f in self._families if measurable(item, f) and not self._is_done(result, item, f)]
        if missing:
            self._measure(item, missing, result)
            self._report.keep(result)
        yield Kept(result)

    def _is_done(self, result: VideoResult, subject: Subject, family: Family) -> bool:
        if family.name not in result.figures:
            return False
        return not family.over_all or self._report.has_features(subject.name, family.name)

    def _measure(self, subject: Subject, families: Sequence[Family], result: VideoResult) -> None:
        try:
            video = Measured(subject, self._corpus, self._pose)
        except Exception as error:  # a bad video is a row that says why, whatever is wrong with it
            result.errors[""] = f"{type(error).__name__}: {error}"
            return
        result.frames = len(video.made)
        for family in families:
            try:
                result.figures[family.name] = self._figures(video, family)
            except Exception as error:  # the other families may fare better
                result.errors[family.name] = f"{type(error).__name__}: {error}"

    def _figures(self, video: Measured, family: Family) -> list[Figure]:
        if family.name in OWN:
            return OWN[family.name](video)
        if is_of_pictures(family.name):
            return measure_pictures(video, family.name)
        made, true = video.squares(family.name.startswith(DISCO))
        if network_of(family) == _PAIRED:
            return [Figure(family.name, told(float(self._lpips(made, true, family).mean())))]
        look = self._frame_features if network_of(family) == _FRAMES else self._window_features
        self._report.keep_features(video.subject.name, family.name, look(made, family), look(true, family))
        return []

    def _lpips(self, made: Footage, true: Footage, family: Family) -> F32:
        from models.features.networks import Lpips

        network, disco = self._network(_PAIRED, Lpips), family.name.startswith(DISCO)
        pairs = zip(pieces(made), pieces(true), strict=True)
        return np.concatenate([network(a, b, disco=disco) for a, b in pairs])

    def _frame_features(self, film: Footage, _: Family) -> F32:
        from models.features.networks import Inception

        network = self._network(_FRAMES, Inception)
        return np.concatenate([network(piece) for piece in pieces(film)])

    def _window_features(self, film: Footage, family: Family) -> F32:
        """DisCo takes a window at every frame, which are hardly samples of their own; else they lie end to end."""
        from models.features.networks import VideoNetwork

        name = network_of(family)
        network = self._network(name, lambda: VideoNetwork(name))
        found: F32 = network(windows(film, 1 if family.name.startswith(DISCO) else WINDOW))
        return found

    def _pose(self) -> PoseAnnotator:
        annotator: PoseAnnotator = self._network("pose", lambda: create_pose(Config(), _THREADS, masks=False))
        return annotator

    def _network(self, name: str, load: Callable[[], Any]) -> Any:
        if name not in self._held:
            self._held[name] = load()
        return self._held[name]
