"""Overlay videos of single clips, and one contact sheet of them; the site of a whole corpus is `pipelines.gallery`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.corpus.clips import StoredClip
from pipelines.corpus.read import Corpus
from pipelines.corpus.rows import Row
from schemas.arrays import U8
from schemas.config import MediaConfig
from schemas.records import Frames
from transforms.encoding.h264 import encode_h264
from transforms.overlay.draw import draw_annotation
from transforms.overlay.sheet import contact_sheet, write_png
from transforms.pixels import MATRIX_OF_RGB, rgb, sample_indices, yuv_of_rgb

SHEET_NAME = "contact_sheet.png"
_SHEET_COLUMNS = 5
_CAPTION = {"person": "person_motion", "ground": "background_motion", "parallax": "background_parallax"}
_VIDEO = MediaConfig(crf=20)

Told = Callable[[int, int], None]
"""Told how many clips are drawn and how many there are."""


@dataclass(frozen=True, slots=True)
class Views:
    """Files written. sheet is None if there was no clip to show."""

    videos: tuple[Path, ...]
    sheet: Path | None


def view(corpus: Corpus, out: Path, clip_ids: Sequence[str], told: Told = lambda done, total: None) -> Views:
    """Write `<clip id>.mp4` for each clip and a contact sheet into a folder.

    Raises CorpusError for a clip that the corpus does not have, or that was rejected and has no video.
    """
    clips = corpus.clips(clip_ids=clip_ids)
    out.mkdir(parents=True, exist_ok=True)
    videos, rows = [], []
    for done, clip in enumerate(clips):
        told(done, len(clips))
        drawn = draw_clip(clip)
        path = out / f"{clip.clip_id}.mp4"
        path.write_bytes(encode_h264(drawn, _VIDEO).video)
        videos.append(path)
        rows.append([rgb(drawn, index) for index in sample_indices(len(drawn), _SHEET_COLUMNS)])
    told(len(clips), len(clips))
    return Views(tuple(videos), _write_sheet(out / SHEET_NAME, rows))


def draw_clip(clip: StoredClip) -> Frames:
    """The clip's frames with their annotations and a caption drawn in. Raises CorpusError if it cannot be read."""
    frames, annotation = clip.frames(), clip.annotation()
    for index in range(len(frames)):
        drawn = draw_annotation(rgb(frames, index), annotation, index, _caption(clip.row, index))
        frames.yuv_THW[index] = yuv_of_rgb(drawn)
    return replace(frames, matrix=MATRIX_OF_RGB)


def _caption(clip: Row, index: int) -> list[str]:
    scores = (f"{word} {clip[name]:.2f}" for word, name in _CAPTION.items() if clip[name] is not None)
    return [f"{clip['clip_id']}  frame {index}", f"{clip['camera']}  {'  '.join(scores)}"]


def _write_sheet(path: Path, rows: list[list[U8]]) -> Path | None:
    if not rows:
        return None
    write_png(str(path), contact_sheet(rows))
    return path
