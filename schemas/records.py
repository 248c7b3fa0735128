"""The records that travel between stages. All are immutable; a stage returns new ones.

Shape suffixes: T frames, H rows, W columns, J joints, N points, P persons.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from schemas.scores import Scores

if TYPE_CHECKING:
    from schemas.arrays import F32, I32, I64, U8, Bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source list says of an input; none of it is looked at, all of it is kept. start_s, end_s: a span of it."""

    id: str | None = None
    licence: str | None = None
    caption: str | None = None
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An input file, named by its content.

    uri: as named by the user, without secrets. path: where the bytes are, if that is not the uri.
    """

    uri: str
    sha256: str
    size_bytes: int
    path: str = ""
    listing: Listing = Listing()

    @property
    def file(self) -> str:
        """Path of the bytes."""
        return self.path or self.uri

    @property
    def source_id(self) -> str:
        """First 16 hex digits of the content's SHA-256."""
        return self.sha256[:16]


@dataclass(frozen=True, slots=True)
class Container:
    """What the container and the decoder said of a source. Unknown values are None."""

    format: str
    codec: str
    width: int
    height: int
    pixel_format: str
    sample_aspect: Fraction
    rotation: int
    average_fps: Fraction | None
    declared_frames: int | None
    declared_duration_s: float | None
    has_audio: bool


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of one clip at working size, upright, square pixels, on one constant clock.

    yuv_THW: (T, H * 3 // 2, W) uint8, planar YUV 4:2:0 (I420: Y, then U, then V below), limited range;
    H and W are even.
    pts_T: (T,) presentation time stamps of the source frames used, in units of `time_base`.
    source_frames_T: (T,) presentation-order index in the source of the frame used for each tick.
    matrix: YUV matrix as FFmpeg names it, `bt709` or `smpte170m`; the stored video is tagged with it.
    """

    yuv_THW: U8
    pts_T: I64
    source_frames_T: I64
    time_base: Fraction
    fps: Fraction
    matrix: str = "bt709"

    def __len__(self) -> int:
        return int(self.yuv_THW.shape[0])

    @property
    def width(self) -> int:
        """Width in px."""
        return int(self.yuv_THW.shape[2])

    @property
    def height(self) -> int:
        """Height in px."""
        return int(self.yuv_THW.shape[1]) * 2 // 3

    @property
    def luma_THW(self) -> U8:
        """(T, H, W) view of the luma plane, no copy."""
        return self.yuv_THW[:, : self.height]


@dataclass(frozen=True, slots=True)
class Pose:
    """Keypoints of one person over a clip.

    xy_TJ2: (T, J, 2) float32 pixels of the stored clip; NaN where the person or the joint was not found.
    confidence_TJ: (T, J) float32 in 0..1, probability that the joint is visible; 0 where not found.
    present_T: (T,) bool, person found in the frame.
    skeleton: name in `schemas.skeletons`.
    """

    xy_TJ2: F32
    confidence_TJ: F32
    present_T: Bool
    skeleton: str


@dataclass(frozen=True, slots=True)
class Mask:
    """One person's mask over a clip, COCO run-length encoded (column-major, compressed), one per frame."""

    rle: tuple[str, ...]
    area_px: tuple[int, ...]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Tracks:
    """Sparse point tracks over a clip.

    xy_NT2: (N, T, 2) float32 pixels of the stored clip; the last known place where not visible.
    visible_NT: (N, T) bool, tracked and confirmed.
    on_person_NT: (N, T) bool, a person's mask covers the place at that frame.
    query_frame_N: (N,) frame at which each point was chosen.
    way_back_px: mean distance by which points, followed to the next frame and back, miss where they started, each
    counted up to the tracker's limit; px of a picture of 360 px. None where the tracker does not look back. Not stored.
    """

    xy_NT2: F32
    visible_NT: Bool
    on_person_NT: Bool
    query_frame_N: I32
    way_back_px: float | None = None


@dataclass(frozen=True, slots=True)
class Annotator:
    """Who made an annotation: name, and SHA-256 of its weights ('' if it has none)."""

    name: str
    weights_sha256: str = ""


@dataclass(frozen=True, slots=True)
class PersonAnnotation:
    """One person of a clip; person 0 is the main one."""

    pose: Pose
    mask: Mask


@dataclass(frozen=True, slots=True)
class Annotation:
    """All annotations of a clip, on the clock of its frames."""

    persons: tuple[PersonAnnotation, ...]
    tracks: Tracks
    pose_annotator: Annotator
    mask_annotator: Annotator
    track_annotator: Annotator


@dataclass(frozen=True, slots=True)
class Media:
    """A clip's encoded video. sha256 is over `video`."""

    video: bytes
    codec: str
    container: str
    width: int
    height: int
    fps: Fraction
    frames: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Span:
    """Where a clip lies in its source. Frame indices count source frames in presentation order; end exclusive.

    start, end: exact times in seconds; `end` is the presentation time at which the last frame stops showing.
    """

    start_frame: int
    end_frame: int
    start: Fraction
    end: Fraction


@dataclass(frozen=True, slots=True)
class Clip:
    """A candidate clip, growing as it goes: frames, then scores, then annotation, then media.

    index: running number of the candidate in its source, the same in every run with one configuration.
    frames is None once nothing needs the pixels any more.
    camera: one of `schemas.scores.CAMERAS`; phash: 80 hex digits, see `transforms.screening.phash`.
    """

    source: Source
    index: int
    shot: int
    shot_span: Span
    span: Span
    width: int
    height: int
    fps: Fraction
    frame_count: int
    frames: Frames | None
    scores: Scores = field(default_factory=Scores)
    camera: str = "unknown"
    phash: str = ""
    annotation: Annotation | None = None
    media: Media | None = None
    pts_T: tuple[int, ...] = ()
    time_base: Fraction = Fraction(1)
    reject_reasons: tuple[str, ...] = ()
    error: str | None = None

    @property
    def clip_id(self) -> str:
        """`<first 16 hex of the source's sha256>_<start frame>_<end frame>`."""
        return f"{self.source.source_id}_{self.span.start_frame}_{self.span.end_frame}"

    @property
    def kept(self) -> bool:
        """No rule broken, nothing failed."""
        return not self.reject_reasons and self.error is None


@dataclass(frozen=True, slots=True)
class SourceReport:
    """The last thing said about a source: its verdict and what the decoder counted."""

    source: Source
    verdict: str
    reason: str | None = None
    detail: str | None = None
    container: Container | None = None
    duration_s: float | None = None
    frames_decoded: int = 0
    damaged_packets: int = 0
    shots: int = 0
    clips: int = 0
    cut_times_s: tuple[float, ...] = ()
