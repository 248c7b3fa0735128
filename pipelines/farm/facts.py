"""What a rendering needs to know of clips, read for many of them at once and without decoding a video.

Shape suffixes: T frames, J joints, N points.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.corpus.read import Corpus
from pipelines.corpus.rows import Row
from pipelines.corpus.unpack import pose_of, rows_of
from schemas.arrays import F32, Bool
from schemas.preference import preferred
from schemas.records import Pose
from schemas.skeletons import BLAZEPOSE_33
from schemas.skeletons.conversion import converted
from schemas.tables import COORDINATE_SCALE, TABLES
from transforms.retarget import measurable

_NOWHERE = np.iinfo(np.int32).max
Sizes = dict[str, tuple[int, int]]
"""Width and height of clips, px."""
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """The main person of a clip, or of a picture, which has one frame.

    found_T: found. seen_T: found, and masked. measured_T: found, and enough is seen to retarget from or to.
    best_frame: seen and measured, with the highest mean confidence of joints inside the picture, then the largest
    mask, then the first; None if there is no such frame.
    """

    found_T: Bool
    seen_T: Bool
    measured_T: Bool
    best_frame: int | None


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """A kept clip. size: width and height, px. person: None if nobody has both pose and mask.

    innermost_T2: how far from the middle the nearest usable point lies, across and down: 1 is the picture's edge,
    infinite where there is none. None if it was not asked for.
    """

    frames: int
    fps: Fraction
    size: tuple[int, int]
    person: PersonFacts | None = None
    innermost_T2: F32 | None = None

    def grounded(self, target: tuple[int, int], frames: NDArray[np.int64]) -> bool:
        """One of the frames has a usable point on a picture of another size, px, that the clip is enlarged to cover."""
        if self.innermost_T2 is None:
            return False
        factor = max(target[0] / self.size[0], target[1] / self.size[1])
        covered = [new / (factor * old) for new, old in zip(target, self.size, strict=True)]
        axis = int(np.argmin(covered))  # the other side is covered whole
        return bool((self.innermost_T2[frames, axis] < covered[axis]).any())


@dataclass(frozen=True, slots=True)
class Facts:
    """clips: kept ones, by id. rejected: ids of clips that were not kept, or have no video; other ids are unknown."""

    clips: dict[str, ClipFacts]
    rejected: frozenset[str]


def read_facts(corpus: Corpus, clip_ids: Collection[str], grounds: Collection[str] = ()) -> Facts:
    """Facts of clips. grounds: those whose points are asked for, too."""
    ids = sorted({*clip_ids, *grounds})
    kept = {row["clip_id"]: row["kept"] for row in corpus.arrow("clips", ["clip_id", "kept"], ids).to_pylist()}
    followed = set(corpus.arrow("tracks", ["clip_id"], ids)["clip_id"].to_pylist())
    media = corpus.arrow("media", ["clip_id", "frames", "frame_rate", "width", "height"], ids).to_pylist()
    stored = {row["clip_id"]: row for row in media if kept.get(row["clip_id"]) and row["clip_id"] in followed}
    sizes = {clip_id: (row["width"], row["height"]) for clip_id, row in stored.items()}
    people = _people(corpus, sizes)
    innermost = _grounds(corpus, {name: sizes[name] for name in set(grounds) & sizes.keys()})
    return Facts(
        {
            name: ClipFacts(
                row["frames"], Fraction(row["frame_rate"]), sizes[name], people.get(name), innermost.get(name)
            )
            for name, row in stored.items()
        },
        frozenset(kept.keys() - stored.keys()),
    )


def person_facts(pose: Pose, area_px_T: NDArray[Any], size: tuple[int, int]) -> PersonFacts:
    """Of a main person. area_px_T: of the mask. size: width and height of the picture, px."""
    pose = converted(pose, BLAZEPOSE_33.name)
    seen_T, measured_T = pose.present_T & (area_px_T > 0), pose.present_T & measurable(pose.xy_TJ2)
    inside_TJ = ((pose.xy_TJ2 >= 0) & (pose.xy_TJ2 <= np.array(size) - 1)).all(-1)
    sure_T = np.rint(100 * pose.confidence_TJ * inside_TJ).sum(1)
    good = np.flatnonzero(seen_T & measured_T)
    order = np.lexsort((good, -area_px_T[good], -sure_T[good]))
    return PersonFacts(pose.present_T, seen_T, measured_T, int(good[order[0]]) if len(good) else None)


def _people(corpus: Corpus, sizes: Sizes) -> dict[str, PersonFacts]:
    """The first person with pose and mask of each clip, as `Corpus.annotation` has it first."""
    posed, masked = (_keys(corpus, table, sizes, ("clip_id", "person")) for table in ("poses", "masks"))
    first: dict[str, int] = {}
    for clip_id, person in posed.keys() & masked.keys():
        first[clip_id] = min(person, first.get(clip_id, person))
    main = set(first.items())
    poses = {(*key, posed[key]) for key in main}
    masks = {(*key, masked[key]) for key in main}
    areas = {row["clip_id"]: row["area_px"] for row in _rows(corpus, "masks", ("area_px",), masks)}
    columns = ("skeleton", "frames", "joints", "present", "x", "y", "confidence")
    return {
        row["clip_id"]: person_facts(pose_of(row), areas[row["clip_id"]], sizes[row["clip_id"]])
        for row in _rows(corpus, "poses", columns, poses)
    }


def _grounds(corpus: Corpus, sizes: Sizes) -> dict[str, F32]:
    wanted = {(*key, annotator) for key, annotator in _keys(corpus, "tracks", sizes, ("clip_id",)).items()}
    columns = ("frames", "points", "x", "y", "visible", "on_person")
    return {row["clip_id"]: _innermost(row, sizes[row["clip_id"]]) for row in _rows(corpus, "tracks", columns, wanted)}


def _innermost(row: Row, size: tuple[int, int]) -> F32:
    """In whole numbers, as stored: a clip has a hundred thousand places."""
    sides = [COORDINATE_SCALE * side for side in size]
    x, y = (np.abs(2 * row[axis] - (side - COORDINATE_SCALE)) for axis, side in zip("xy", sides, strict=True))
    usable = row["visible"] & ~row["on_person"] & (x < sides[0]) & (y < sides[1])
    nearest = [np.where(usable, away, _NOWHERE).reshape(row["points"], row["frames"]) for away in (x, y)]
    least_T2 = np.stack([away_NT.min(0, initial=_NOWHERE) for away_NT in nearest], -1)
    return np.where(least_T2 < _NOWHERE, least_T2 / np.array(sides), np.inf).astype(np.float32)


def _keys(corpus: Corpus, table: str, sizes: Sizes, names: tuple[str, ...]) -> dict[Key, str]:
    """The preferred annotator, by the other columns of a table's key. sizes: of the clips that are asked for."""
    rows = corpus.arrow(table, [*names, "annotator"], list(sizes)).to_pylist()
    by_clip: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        by_clip[row["clip_id"]].add(row["annotator"])
    chosen = {clip_id: preferred(names, corpus.preference[table]) for clip_id, names in by_clip.items()}
    rows = [row for row in rows if row["annotator"] == chosen[row["clip_id"]]]
    return {tuple(row[name] for name in names): row["annotator"] for row in rows}


def _rows(corpus: Corpus, table: str, columns: Sequence[str], wanted: set[Key]) -> Iterator[Row]:
    """Rows by their keys, few of them in memory at a time; of row groups without any, no more than the keys is read."""
    key = [name for name in TABLES[table].key if name in ("clip_id", "person", "annotator")]
    for file in corpus.dataset(table).get_fragments():
        for group in file.split_by_row_group():
            keys = group.to_table(columns=key, use_threads=False)
            here = [one in wanted for one in zip(*(keys[name].to_pylist() for name in key), strict=True)]
            if any(here):
                rows = group.to_table(columns=[*key, *columns], use_threads=False)
                yield from rows_of(rows.filter(pa.array(here, pa.bool_())))
