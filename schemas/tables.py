"""The tables of a corpus: every column with its type, unit and meaning.

The descriptions travel in the Arrow field metadata, hence into the Delta log and every Parquet file.
Types keep to what Delta Lake has: no unsigned, float16 or fixed-size lists.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from schemas.measures import OF_A_VIDEO
from schemas.scores import CAMERAS, Scores

if TYPE_CHECKING:
    import pyarrow as pa

COORDINATE_SCALE = 8
"""Stored coordinates are integers in 1/8 px."""
CONFIDENCE_SCALE = 100
"""Stored confidences are integers in 1/100."""
NOBODY = -1
"""Person of the row of `poses` that says an annotator found nobody: with it the clip counts as annotated. No view
shows it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. type: as Arrow writes it, `int32` or `list<int32>`."""

    name: str
    type: str
    description: str
    unit: str
    nullable: bool

    @property
    def metadata(self) -> dict[str, str]:
        """Description and unit, for the field metadata."""
        return {"description": self.description} | ({"unit": self.unit} if self.unit else {})


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the corpus. key: columns that name a row; clip_rows: rows belong to a clip."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    clip_rows: bool = False
    delta_coded: tuple[str, ...] = ()
    """List columns stored with Parquet's DELTA_BINARY_PACKED coding."""

    @property
    def schema(self) -> pa.Schema:
        """The columns for Arrow."""
        return _arrow_schema(self.columns)


@functools.cache
def _arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    import pyarrow as pa

    types = {"bool": pa.bool_(), "double": pa.float64(), _TIME: pa.timestamp("us", "UTC")}

    def arrow(name: str) -> pa.DataType:
        if name.startswith(_LIST):
            return pa.list_(arrow(element_of(name)))
        return types[name] if name in types else pa.type_for_alias(name)

    return pa.schema([pa.field(c.name, arrow(c.type), nullable=c.nullable, metadata=c.metadata) for c in columns])


def element_of(type_: str) -> str:
    """Type of a list's elements."""
    return type_.removeprefix(_LIST).removesuffix(">")


_LIST = "list<"
_STR, _BOOL, _F64, _I32, _I64 = "string", "bool", "double", "int32", "int64"
_BINARY, _TIME = "binary", "timestamp[us, tz=UTC]"


def _list(element: str) -> str:
    return f"{_LIST}{element}>"


def _column(name: str, type_: str, description: str, unit: str = "", nullable: bool = True) -> Column:
    return Column(name, type_, description, unit, nullable)


def _id(name: str, description: str) -> Column:
    return _column(name, _STR, description, nullable=False)


_SOURCE_ID = _id("source_id", "First 16 hex digits of the source's SHA-256.")
_CLIP_ID = _id("clip_id", "<source_id>_<start_frame>_<end_frame>.")
_ANNOTATOR = (
    _id("annotator", "Name of the annotator that made the row."),
    _id("weights_sha256", "SHA-256 of the annotator's weights; empty if it has none."),
)

SOURCES = Table(
    "sources",
    "One row per input: what it is and what became of it.",
    ("uri", "sha256"),
    (
        _id("uri", "The input as named by the user: a path made absolute, or an address without its secrets."),
        _SOURCE_ID,
        _id("sha256", "SHA-256 of the whole content, hex."),
        _column("size_bytes", _I64, "Size of the content.", "bytes"),
        _id("verdict", "done, rejected (no usable video) or failed (the work on it failed)."),
        _column("reason", _STR, "Code of `schemas.reasons.SourceReason`; null when done."),
        _column("detail", _STR, "The reason in words."),
        _column("container", _STR, "Container format as the demuxer names it."),
        _column("codec", _STR, "Video codec."),
        _column("width", _I32, "Coded width.", "px"),
        _column("height", _I32, "Coded height.", "px"),
        _column("pixel_format", _STR, "Pixel format of the decoder's output."),
        _column("sample_aspect", _STR, "Pixel width to height, as num/den."),
        _column("rotation", _I32, "Clockwise rotation applied to show the picture upright.", "degrees"),
        _column("fps", _F64, "Average frame rate by the container.", "1/s"),
        _column("declared_frames", _I64, "Frames promised by the header; null if it promises none."),
        _column("frames_decoded", _I64, "Frames really decoded."),
        _column("damaged_packets", _I64, "Packets the decoder refused."),
        _column("duration_s", _F64, "From the first to the end of the last decoded frame.", "s"),
        _column("has_audio", _BOOL, "The container has an audio stream."),
        _column("shots", _I32, "Shots found."),
        _column("clips", _I32, "Candidate clips found, kept or not."),
        _column("cut_times_s", _list(_F64), "Boundaries between shots, one time per boundary.", "s"),
        _column("listed_id", _STR, "Id by the source list."),
        _column("licence", _STR, "Licence by the source list."),
        _column("caption", _STR, "Caption by the source list."),
        _column("listed_start_s", _F64, "Start of the part that the source list speaks of.", "s"),
        _column("listed_end_s", _F64, "End of the part that the source list speaks of.", "s"),
    ),
)

_SPAN = [
    _column("shot", _I32, "Running number of the shot in the source.", nullable=False),
    _column("shot_start_s", _F64, "Start of the shot.", "s"),
    _column("shot_end_s", _F64, "End of the shot.", "s"),
    _column("start_frame", _I64, "First source frame, presentation order.", nullable=False),
    _column("end_frame", _I64, "Source frame after the last.", nullable=False),
    _column("start_s", _F64, "Presentation time of the first frame.", "s"),
    _column("end_s", _F64, "Time at which the last frame stops showing.", "s"),
    _column("start_pts", _I64, "Exact time stamp of the first frame, in time_base units."),
    _column("time_base", _STR, "Unit of time stamps in seconds, as num/den."),
    _column("width", _I32, "Width of the stored clip.", "px"),
    _column("height", _I32, "Height of the stored clip.", "px"),
    _column("fps", _F64, "Frame rate of the stored clip, constant.", "1/s"),
    _column("frames", _I32, "Frames of the stored clip.", nullable=False),
]
_SCORE_COLUMNS = [
    _column(f.name, _F64, str(f.metadata["description"]), str(f.metadata["unit"])) for f in fields(Scores)
]

CLIPS = Table(
    "clips",
    "One row per candidate clip, kept or not, with every score.",
    ("clip_id",),
    (
        _CLIP_ID,
        _SOURCE_ID,
        *_SPAN,
        _column("kept", _BOOL, "Passed every rule, and its annotations and media are stored.", nullable=False),
        _column("reject_reasons", _list(_STR), "<score>_low or <score>_high for every rule broken."),
        _column("error", _STR, "What failed, if the work on the clip failed."),
        *_SCORE_COLUMNS,
        _column("camera", _STR, "Kind of background motion: " + ", ".join(CAMERAS) + "."),
        _column("phash", _STR, "Perceptual hashes of five frames, 16 hex digits each."),
        _column("duplicate_of", _STR, "Clip id of the kept clip this one nearly equals."),
    ),
)

POSES = Table(
    "poses",
    "One row per kept clip and person: keypoints on the clip's clock.",
    ("clip_id", "person", "annotator"),
    (
        _CLIP_ID,
        _SOURCE_ID,
        _column(
            "person",
            _I32,
            "0 is the main person. -1: the annotator found nobody in the clip; no view shows that row.",
            nullable=False,
        ),
        *_ANNOTATOR,
        _id("skeleton", "Name of the skeleton: order and names of the joints."),
        _column("frames", _I32, "Frames T.", nullable=False),
        _column("joints", _I32, "Joints J.", nullable=False),
        _column("present", _list(_BOOL), "Person found, one per frame."),
        _column("x", _list(_I32), "J x T, joint-major; 0 where the joint was not found.", "1/8 px"),
        _column("y", _list(_I32), "J x T, joint-major; 0 where the joint was not found.", "1/8 px"),
        _column("confidence", _list(_I32), "J x T, joint-major: probability of being seen.", "1/100"),
    ),
    clip_rows=True,
    delta_coded=("x", "y", "confidence"),
)

MASKS = Table(
    "masks",
    "One row per kept clip and person: COCO run-length masks on the clip's clock.",
    ("clip_id", "person", "annotator"),
    (
        _CLIP_ID,
        _SOURCE_ID,
        _column("person", _I32, "0 is the main person.", nullable=False),
        *_ANNOTATOR,
        _column("frames", _I32, "Frames T.", nullable=False),
        _column("width", _I32, "Width of the mask; the stored clip's.", "px"),
        _column("height", _I32, "Height of the mask; the stored clip's.", "px"),
        _column("rle", _list(_STR), "COCO compressed run lengths (column-major), one per frame."),
        _column("area_px", _list(_I32), "Pixels under the mask, one per frame.", "px"),
    ),
    clip_rows=True,
    delta_coded=("area_px",),
)

TRACKS = Table(
    "tracks",
    "One row per kept clip: sparse point tracks on the clip's clock.",
    ("clip_id", "annotator"),
    (
        _CLIP_ID,
        _SOURCE_ID,
        *_ANNOTATOR,
        _column("frames", _I32, "Frames T.", nullable=False),
        _column("points", _I32, "Points N.", nullable=False),
        _column("query_frame", _list(_I32), "Frame at which each point was chosen, one per point."),
        _column("x", _list(_I32), "N x T, point-major; last known place where not visible.", "1/8 px"),
        _column("y", _list(_I32), "N x T, point-major; last known place where not visible.", "1/8 px"),
        _column("visible", _list(_BOOL), "N x T, point-major: tracked and confirmed."),
        _column("on_person", _list(_BOOL), "N x T, point-major: under a person's mask."),
    ),
    clip_rows=True,
    delta_coded=("query_frame", "x", "y"),
)

MEDIA = Table(
    "media",
    "One row per kept clip: the encoded video.",
    ("clip_id",),
    (
        _CLIP_ID,
        _SOURCE_ID,
        _id("container", "Container of the bytes."),
        _id("codec", "Codec of the bytes."),
        _column("width", _I32, "Width.", "px"),
        _column("height", _I32, "Height.", "px"),
        _id("frame_rate", "Exact constant frame rate, as num/den."),
        _column("frames", _I32, "Frames.", nullable=False),
        _column("size_bytes", _I64, "Length of `video`.", "bytes"),
        _id("sha256", "SHA-256 of `video`, hex."),
        _column("pts", _list(_I64), "Source time stamp of each frame, in time_base units of `clips`."),
        _column("video", _BINARY, "The encoded video."),
    ),
    clip_rows=True,
    delta_coded=("pts",),
)

RUNS = Table(
    "runs",
    "One row per finished run of `curate` or `annotate`.",
    ("run_id",),
    (
        _id("run_id", "Time-ordered identifier of the run."),
        _column("started_at", _TIME, "Start of the run."),
        _column("seconds", _F64, "Wall time of the run.", "s"),
        _id("command", "Verb."),
        _id("engine", "Engine that ran the stages."),
        _column("workers", _I32, "Workers."),
        _id("config", "Configuration as JSON."),
        _id("versions", "Versions of the packages that shape the result, as JSON."),
        _id("counts", "In, kept, rejected and failed per stage, and seconds, as JSON."),
    ),
)

RENDERS = Table(
    "renders",
    "One row per render job with a verdict. It lies in a folder of renders, not in the corpus.",
    ("job_id",),
    (
        _id("job_id", "First 16 hex digits of the SHA-256 of the job."),
        _id("reference", "Who is seen: a clip, or an image file."),
        _column("reference_frame", _I32, "Frame of the reference's clip."),
        _id("pose", "Clip whose person drives the figure."),
        _id("background", "What drives the ground: a clip, a preset, or PRESET:STRENGTH."),
        _column("seconds", _F64, "Length asked for.", "s"),
        _column("seed", _I64, "Seed of the noise."),
        _column("size", _I32, "Short side asked for; null: the model's own.", "px"),
        _column("priority", _I64, "Higher ones were rendered first."),
        _id("verdict", "done or failed."),
        _column("reason", _STR, "inputs, not_finite, out_of_memory, crashed or error; null when done."),
        _column("detail", _STR, "The reason in words."),
        _id("model", "Name of the model."),
        _id("model_sha256", "SHA-256 over the model's files."),
        _column("steps", _I32, "Steps of the sampler; 0 if it has none."),
        _column("grid", _BOOL, "Reference, pose, points and result stand side by side."),
        _column("path", _STR, "The video, relative to the folder of renders."),
        _column("sha256", _STR, "SHA-256 of the video, hex."),
        _column("frames", _I32, "Frames."),
        _column("fps", _STR, "Exact constant frame rate, as num/den."),
        _column("width", _I32, "Width.", "px"),
        _column("height", _I32, "Height.", "px"),
        _column("clips", _I32, "Clips it was made of."),
        _column("render_s", _F64, "Time in the model; a share of it where several videos were stepped together.", "s"),
        _column("finished_at", _STR, "When it was finished, ISO 8601 in UTC."),
        _column("host", _STR, "Machine that finished it."),
        *(_column(m.name, _F64, f"As last measured by `evaluate`: {m.says}.", m.unit) for m in OF_A_VIDEO),
    ),
)

TABLES: dict[str, Table] = {t.name: t for t in (SOURCES, CLIPS, POSES, MASKS, TRACKS, MEDIA, RUNS)}
ANNOTATION_TABLES: tuple[str, ...] = tuple(t.name for t in TABLES.values() if t.clip_rows)
"""Tables whose rows belong to a kept clip; committed before the clip's own row."""
