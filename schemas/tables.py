"""The tables of a corpus: every column with its type, unit, meaning and source.

All of that travels in the Arrow field metadata, hence into the Delta log and every Parquet file. A corpus keeps what
it said when it was made: readers compare names and types alone.
"""

from __future__ import annotations

from dataclasses import fields

from schemas.columns import BINARY, BOOL, F64, I32, I64, NO_UNIT, STR, TIME, Table, column, list_of, made_by, text
from schemas.measures import OF_A_VIDEO
from schemas.reasons import NEAR_DUPLICATE
from schemas.scores import CAMERAS, Scores

COORDINATE_SCALE = 8
"""Stored coordinates are integers in 1/8 px."""
CONFIDENCE_SCALE = 100
"""Stored confidences are integers in 1/100."""
NOBODY = -1
"""Person of the row of `poses` that says an annotator found nobody: with it the clip counts as annotated. No view
shows it."""

_LOOKED_AT, _CURATE, _DECODE = "fingerprint, fetch", "curate", "decode"
_POSES, _MASKS, _TRACKS = "annotate: pose", "annotate: masks", "annotate: tracks"
_SOURCE_ID, _CLIP_ID = (
    *made_by(_LOOKED_AT, text("source_id", "First 16 hex digits of the source's SHA-256.")),
    *made_by(_DECODE, text("clip_id", "<source_id>_<start_frame>_<end_frame>.")),
)
_ANNOTATOR = (
    text("annotator", "Name of the annotator that made the row."),
    text("weights_sha256", "SHA-256 of the annotator's weights; empty if it has none."),
)

SOURCES = Table(
    "sources",
    "One row per input: what it is and what became of it.",
    ("uri", "sha256"),
    (
        *made_by(
            "user",
            text("uri", "The input as named by the user: a path made absolute, or an address without its secrets."),
        ),
        *made_by(
            _LOOKED_AT,
            text(
                "source_id",
                "First 16 hex digits of the source's SHA-256. Inputs of equal content share it: all but one have the "
                "reason duplicate, and clips belong to the one.",
            ),
        ),
        *made_by(
            _LOOKED_AT,
            text("sha256", "SHA-256 of the whole content, hex."),
            column("size_bytes", I64, "Size of the content.", "bytes"),
        ),
        *made_by(
            "the stage that ended it",
            text("verdict", "done, rejected (no usable video) or failed (the work on it failed)."),
            column("reason", STR, "Code of `schemas.reasons.SourceReason`; null when done."),
            column("detail", STR, "The reason in words."),
        ),
        *made_by(
            "decode: container",
            column("container", STR, "Container format as the demuxer names it."),
            column("codec", STR, "Video codec."),
            column("width", I32, "Coded width.", "px"),
            column("height", I32, "Coded height.", "px"),
            column("pixel_format", STR, "Pixel format of the decoder's output."),
            column("sample_aspect", STR, "Pixel width to height, as num/den."),
            column("rotation", I32, "Clockwise rotation applied to show the picture upright.", "degrees"),
            column(
                "fps",
                F64,
                "Average frame rate by the container, or by its time stamps where they contradict it.",
                "1/s",
            ),
            column("declared_frames", I64, "Frames promised by the header; null if it promises none.", "frames"),
        ),
        *made_by(
            _DECODE,
            column("frames_decoded", I64, "Frames really decoded.", "frames"),
            column("damaged_packets", I64, "Packets the decoder refused, or that came marked as damaged.", "packets"),
            column("duration_s", F64, "From the first to the end of the last decoded frame.", "s"),
        ),
        *made_by("decode: container", column("has_audio", BOOL, "The container has an audio stream.")),
        *made_by(
            _DECODE,
            column("shots", I32, "Shots found.", "shots"),
            column("clips", I32, "Candidate clips found, kept or not.", "clips"),
            column("cut_times_s", list_of(F64), "Boundaries between shots, one time per boundary.", "s"),
        ),
        *made_by(
            "source list",
            column("listed_id", STR, "Id by the source list."),
            column("licence", STR, "Licence by the source list."),
            column("caption", STR, "Caption by the source list."),
            column("listed_start_s", F64, "Start of the part that the source list speaks of.", "s"),
            column("listed_end_s", F64, "End of the part that the source list speaks of.", "s"),
        ),
    ),
)

_SPAN = (
    column("shot", I32, "Running number of the shot in the source, from 0.", NO_UNIT, nullable=False),
    column("shot_start_s", F64, "Start of the shot.", "s"),
    column("shot_end_s", F64, "End of the shot.", "s"),
    column("start_frame", I64, "First source frame, presentation order, from 0.", "frames", nullable=False),
    column("end_frame", I64, "Source frame after the last.", "frames", nullable=False),
    column("start_s", F64, "Presentation time of the first frame.", "s"),
    column("end_s", F64, "Time at which the last frame stops showing.", "s"),
    column("start_pts", I64, "Exact time stamp of the first frame.", "time_base"),
    column("time_base", STR, "Unit of time stamps in seconds, as num/den."),
    column("width", I32, "Width of the stored clip.", "px"),
    column("height", I32, "Height of the stored clip.", "px"),
    column("fps", F64, "Frame rate of the stored clip, constant.", "1/s"),
    column("frames", I32, "Frames of the stored clip.", "frames", nullable=False),
)
_SCORE_COLUMNS = tuple(
    made_by(score.metadata["source"], column(score.name, F64, score.metadata["description"], score.metadata["unit"]))[0]
    for score in fields(Scores)
)

_PHASH = (
    "Perceptual hashes of 64 bits, 16 hex digits each, of five frames: the middles of the clip's fifths, in order; the "
    "third is phash[33:48]. As a number: ('0x' || phash[33:48])::UBIGINT. Null if the picture was not looked at."
)

CLIPS = Table(
    "clips",
    "One row per candidate clip, kept or not, with every score.",
    ("clip_id",),
    (
        _CLIP_ID,
        _SOURCE_ID,
        *made_by(_DECODE, *_SPAN),
        *made_by(
            _CURATE,
            column("kept", BOOL, "Passed every rule, and its annotations and media are stored.", nullable=False),
            column(
                "reject_reasons",
                list_of(STR),
                "<score>_low or <score>_high for every rule broken; "
                f"{NEAR_DUPLICATE} alone for a copy set aside at the end of a run, stored but shown by no view.",
            ),
            column("error", STR, "What failed, if the work on the clip failed."),
        ),
        *_SCORE_COLUMNS,
        *made_by("people, annotate", column("camera", STR, "Kind of background motion: " + ", ".join(CAMERAS) + ".")),
        *made_by("picture", column("phash", STR, _PHASH)),
        *made_by(
            _CURATE,
            column("duplicate_of", STR, "Clip id of the kept clip this one nearly equals, by `near_duplicate_bits`."),
        ),
    ),
)

POSES = Table(
    "poses",
    "One row per kept clip and person: keypoints on the clip's clock.",
    ("clip_id", "person", "annotator"),
    (
        _CLIP_ID,
        _SOURCE_ID,
        *made_by(
            _POSES,
            column(
                "person",
                I32,
                "0 is the main person. -1: the annotator found nobody in the clip; no view shows that row.",
                NO_UNIT,
                nullable=False,
            ),
            *_ANNOTATOR,
            text("skeleton", "Name of the skeleton: order and names of the joints."),
            column("frames", I32, "Frames T.", "frames", nullable=False),
            column("joints", I32, "Joints J.", "joints", nullable=False),
            column("present", list_of(BOOL), "Person found, one per frame."),
            column("x", list_of(I32), "J x T, joint-major; 0 where the joint was not found.", "1/8 px"),
            column("y", list_of(I32), "J x T, joint-major; 0 where the joint was not found.", "1/8 px"),
            column(
                "confidence",
                list_of(I32),
                "J x T, joint-major: probability of being seen, stored as 0..100; the view `keypoints` shows 0..1.",
                "1/100",
            ),
        ),
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
        *made_by(
            _MASKS,
            column("person", I32, "0 is the main person.", NO_UNIT, nullable=False),
            *_ANNOTATOR,
            column("frames", I32, "Frames T.", "frames", nullable=False),
            column("width", I32, "Width of the mask; the stored clip's.", "px"),
            column("height", I32, "Height of the mask; the stored clip's.", "px"),
            column("rle", list_of(STR), "COCO compressed run lengths (column-major), one per frame."),
            column("area_px", list_of(I32), "Pixels under the mask, one per frame.", "px"),
        ),
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
        *made_by(
            _TRACKS,
            *_ANNOTATOR,
            column("frames", I32, "Frames T.", "frames", nullable=False),
            column("points", I32, "Points N.", "points", nullable=False),
            column("query_frame", list_of(I32), "Frame at which each point was chosen, one per point.", "frames"),
            column("x", list_of(I32), "N x T, point-major; last known place where not visible.", "1/8 px"),
            column("y", list_of(I32), "N x T, point-major; last known place where not visible.", "1/8 px"),
            column("visible", list_of(BOOL), "N x T, point-major: tracked and confirmed."),
            column("on_person", list_of(BOOL), "N x T, point-major: under a person's mask."),
        ),
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
        *made_by(
            "encode",
            text("container", "Container of the bytes."),
            text("codec", "Codec of the bytes."),
            column("width", I32, "Width.", "px"),
            column("height", I32, "Height.", "px"),
            text("frame_rate", "Exact constant frame rate, as num/den."),
            column("frames", I32, "Frames.", "frames", nullable=False),
            column("size_bytes", I64, "Length of `video`.", "bytes"),
            text("sha256", "SHA-256 of `video`, hex."),
        ),
        *made_by(_DECODE, column("pts", list_of(I64), "Source time stamp of each frame.", "time_base of `clips`")),
        *made_by("encode", column("video", BINARY, "The encoded video.")),
    ),
    clip_rows=True,
    delta_coded=("pts",),
)

_COUNTS = (
    "JSON. Of curate: sources (by verdict), reasons (of sources not done), clips (candidates), kept_clips (before "
    "near-duplicates are set aside), video_s (seconds of video of the sources), peak_rss_mb (of a worker), and stages: "
    "by name in, kept, rejected, failed (items) and busy_s (seconds, summed over workers). Of annotate: clips (kept "
    "ones), made (annotated by this run), failed."
)

RUNS = Table(
    "runs",
    "One row per finished run of `curate` or `annotate`; a run that was killed has none.",
    ("run_id",),
    made_by(
        "the run",
        text("run_id", "Time-ordered identifier of the run."),
        column("started_at", TIME, "Start of the run."),
        column("seconds", F64, "Wall time of the run.", "s"),
        text("command", "curate, or annotate with the table and the annotator, such as: annotate masks selfie."),
        text("engine", "Engine that ran the stages."),
        column("workers", I32, "Workers.", "workers"),
        text("config", "Configuration as JSON."),
        text("versions", "Versions of the packages that shape the result, as JSON."),
        text("counts", _COUNTS),
    ),
)

RENDERS = Table(
    "renders",
    "One row per render job with a verdict. It lies in a folder of renders, not in the corpus.",
    ("job_id",),
    (
        *made_by(
            "the job",
            text("job_id", "First 16 hex digits of the SHA-256 of the job."),
            text("reference", "Who is seen: a clip, or an image file."),
            column("reference_frame", I32, "Frame of the reference's clip, from 0.", "frames"),
            text("pose", "Clip whose person drives the figure."),
            text("background", "What drives the ground: a clip, a preset, or PRESET:STRENGTH."),
            column("seconds", F64, "Length asked for.", "s"),
            column("seed", I64, "Seed of the noise.", NO_UNIT),
            column("size", I32, "Short side asked for; null: the model's own.", "px"),
            column("priority", I64, "Higher ones were rendered first.", NO_UNIT),
        ),
        *made_by(
            "render",
            text("verdict", "done or failed."),
            column("reason", STR, "inputs, not_finite, out_of_memory, crashed or error; null when done."),
            column("detail", STR, "The reason in words."),
            text("model", "Name of the model."),
            text("model_sha256", "SHA-256 over the model's files."),
            column("steps", I32, "Steps of the sampler; 0 if it has none.", "steps"),
            column("sampler", STR, "Sampler asked for; null: the model's own, or none."),
            column("precision", STR, "What the network computed in; null if there is none, or it was not known yet."),
            column("guidance", F64, "Strength of guidance by all conditions together; 1 is none.", NO_UNIT),
            column("guidance_figure", F64, "Strength of guidance by the pose; 1 is none.", NO_UNIT),
            column("guidance_ground", F64, "Strength of guidance by the points; 1 is none.", NO_UNIT),
            column("grid", BOOL, "Reference, pose, points and result stand side by side."),
            column("path", STR, "The video, relative to the folder of renders."),
            column("sha256", STR, "SHA-256 of the video, hex."),
            column("frames", I32, "Frames.", "frames"),
            column("fps", STR, "Exact constant frame rate, as num/den."),
            column("width", I32, "Width.", "px"),
            column("height", I32, "Height.", "px"),
            column("clips", I32, "Clips it was made of.", "clips"),
            column(
                "render_s", F64, "Time in the model; a share of it where several videos were stepped together.", "s"
            ),
            column("finished_at", STR, "When it was finished, ISO 8601 in UTC."),
            column("host", STR, "Machine that finished it."),
        ),
        *made_by("evaluate", *(column(m.name, F64, f"As last measured: {m.says}.", m.unit) for m in OF_A_VIDEO)),
    ),
)

TABLES: dict[str, Table] = {t.name: t for t in (SOURCES, CLIPS, POSES, MASKS, TRACKS, MEDIA, RUNS)}
ANNOTATION_TABLES: tuple[str, ...] = tuple(t.name for t in TABLES.values() if t.clip_rows)
"""Tables whose rows belong to a kept clip; committed before the clip's own row."""
