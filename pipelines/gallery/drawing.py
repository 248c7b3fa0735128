"""Every clip's page, pictures and video, drawn by as many processes as there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipelines.corpus.access import ClipReader
from pipelines.corpus.clips import StoredClip
from pipelines.corpus.layout import Place, write_atomically
from pipelines.corpus.read import Corpus
from pipelines.corpus.rows import Row
from pipelines.engines.base import Engine
from pipelines.gallery.clip_page import clip_page
from pipelines.gallery.media import draw
from pipelines.mapping import outcomes_of
from schemas.outcomes import Failed, Kept, Outcome
from transforms.stage import Resources, Stage

Told = Callable[[int, int], None]
"""Told how many clips are drawn and how many there are."""


@dataclass(frozen=True, slots=True)
class ClipToDraw:
    """row: of the table `clips`. uri: address of its source. before, after: ids of its neighbours."""

    row: Row
    uri: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """new: it was drawn now; it was there already otherwise."""

    clip_id: str
    new: bool


class DrawClip(Stage[ClipToDraw, Drawn]):
    """Writes what a site shows of a clip into the folder of the site."""

    name = "draw"
    accepts = ClipToDraw
    resources = Resources(cpus=1.0, memory_mb=1024)

    def __init__(self, place: Place, out: Path) -> None:
        self._place, self._out = place, out
        self._opened: tuple[Corpus, ClipReader] | None = None

    def setup(self) -> None:
        """Open the corpus, and leave the other processors to the other workers."""
        import cv2

        cv2.setNumThreads(1)
        corpus = Corpus(self._place)
        self._opened = corpus, ClipReader(corpus)

    def teardown(self) -> None:
        """Close the corpus."""
        self._opened = None

    def process(self, item: ClipToDraw) -> Iterable[Outcome[Drawn]]:
        """One kept outcome. Raises CorpusError for a clip that cannot be read."""
        if self._opened is None:
            raise ValueError("a clip came before setup")
        corpus, reader = self._opened
        clip = StoredClip(item.row, reader)
        new = draw(clip, self._out)
        content = clip_page(corpus, clip, clip.annotation(), item.uri, item.before, item.after)
        write_atomically(self._out / "clip" / f"{clip.clip_id}.html", content)
        yield Kept(Drawn(clip.clip_id, new))


def draw_all(
    corpus: Corpus, clips: Sequence[StoredClip], uris: dict[str, str], out: Path, engine: Engine | None, told: Told
) -> tuple[int, dict[str, str]]:
    """Draw what is not there yet. Returns how many clips were drawn, and by its id why a clip could not be.

    engine: None works in this process.
    """
    ids: list[str | None] = [None, *(clip.clip_id for clip in clips), None]
    items = [ClipToDraw(c.row, uris.get(c.source_id, ""), ids[i], ids[i + 2]) for i, c in enumerate(clips)]
    drawn, failed = 0, {}
    told(0, len(items))
    with closing(outcomes_of(DrawClip(corpus.root, out.absolute()), items, engine)) as outcomes:
        for done, outcome in enumerate(outcomes, 1):
            if isinstance(outcome, Kept):
                drawn += outcome.item.new
            elif isinstance(outcome, Failed):
                clip_id = outcome.item.row["clip_id"]
                failed[clip_id] = f"{clip_id}: {outcome.error}"
            told(done, len(items))
    return drawn, failed
