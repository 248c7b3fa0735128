"""Pictures of a corpus: an overlay video per clip, and one contact sheet of all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipelines.corpus.read import Corpus
from pipelines.corpus.rows import Row
from schemas.config import MediaConfig
from schemas.errors import CorpusError
from schemas.records import U8, Annotation, Frames
from transforms.encoding.h264 import decode_frames, encode_h264
from transforms.overlay.draw import draw_annotation
from transforms.overlay.sheet import contact_sheet, write_png
from transforms.pixels import rgb, sample_indices

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


def view(corpus: Corpus, out: Path, clip_ids: Sequence[str] = (), told: Told = lambda done, total: None) -> Views:
    """Write `<clip id>.mp4` for each clip (default: all kept ones) and a contact sheet into a folder.

    Raises CorpusError for a clip that the corpus does not have, or that was rejected and has no video.
    """
    ids = list(clip_ids) or corpus.kept_clip_ids()
    clips = [_kept(corpus, clip_id) for clip_id in ids]
    out.mkdir(parents=True, exist_ok=True)
    videos, rows = [], []
    for done, clip in enumerate(clips):
        told(done, len(clips))
        drawn = _draw(corpus, clip)
        path = out / f"{clip['clip_id']}.mp4"
        path.write_bytes(encode_h264(drawn, _VIDEO).video)
        videos.append(path)
        rows.append([rgb(drawn, index) for index in sample_indices(len(drawn), _SHEET_COLUMNS)])
    told(len(clips), len(clips))
    return Views(tuple(videos), _write_sheet(out / SHEET_NAME, rows))


def _kept(corpus: Corpus, clip_id: str) -> Row:
    clip = corpus.clip(clip_id)
    if not clip["kept"]:
        why = ", ".join(clip["reject_reasons"] or ()) or clip["error"]
        raise CorpusError(f"clip {clip_id} was not kept ({why}), so it has no video to show")
    return clip


def _draw(corpus: Corpus, clip: Row) -> Frames:
    media, annotation = corpus.media(clip["clip_id"]), corpus.annotation(clip["clip_id"])
    frames = decode_frames(media.video, media.fps)
    for index in range(len(frames)):
        frames.yuv_THW[index] = _draw_frame(rgb(frames, index), annotation, index, _caption(clip, index))
    return frames


def _draw_frame(picture: U8, annotation: Annotation, index: int, caption: Sequence[str]) -> U8:
    drawn = draw_annotation(picture, annotation, index, caption)
    return np.asarray(cv2.cvtColor(drawn, cv2.COLOR_RGB2YUV_I420), dtype=np.uint8)


def _caption(clip: Row, index: int) -> list[str]:
    scores = (f"{word} {clip[name]:.2f}" for word, name in _CAPTION.items() if clip[name] is not None)
    return [f"{clip['clip_id']}  frame {index}", f"{clip['camera']}  {'  '.join(scores)}"]


def _write_sheet(path: Path, rows: list[list[U8]]) -> Path | None:
    if not rows:
        return None
    write_png(str(path), contact_sheet(rows))
    return path
