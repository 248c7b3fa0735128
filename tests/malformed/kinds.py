"""Media that is broken, unusual or built to break things: a file per kind, and the verdicts it may get."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from tests.malformed import boxes
from tests.video_files import Picture, moving, still, texture, write_audio, write_video

FRAMES, HEIGHT, WIDTH = 30, 96, 128
Make = Callable[[Path], Path]
"""Writes the file into a folder and returns its path."""

DONE, DAMAGED, NOT_VIDEO = frozenset({"done"}), frozenset({"damaged"}), frozenset({"not_video"})
NO_STREAM, TOO_LARGE = frozenset({"no_video_stream"}), frozenset({"too_large"})
ANY = DONE | DAMAGED | NOT_VIDEO | NO_STREAM | TOO_LARGE | {"no_frames", "too_short", "unsupported_codec"}
"""What a file with random damage may come to."""


@dataclass(frozen=True)
class Kind:
    """A file. verdicts: the reasons it may be given, or `done`."""

    name: str
    make: Make
    verdicts: frozenset[str]


def content(data: bytes) -> Make:
    def make(folder: Path) -> Path:
        (folder / "v.mp4").write_bytes(data)
        return folder / "v.mp4"

    return make


def written(ending: str = "mp4", frames: int = FRAMES, **options: Any) -> Make:
    """A good file; options as for `write_video`."""
    return lambda folder: write_video(folder / f"v.{ending}", moving(frames, HEIGHT, WIDTH, seed=5), **options)


def edited(edit: boxes.Edit, ending: str = "mp4", **options: Any) -> Make:
    """A good file with its bytes changed."""

    def make(folder: Path) -> Path:
        path = written(ending, **options)(folder)
        path.write_bytes(edit(bytearray(path.read_bytes())))
        return path

    return make


def encoded(
    codec: str, pix_fmt: str, pictures: Iterable[Picture], ending: str = "mkv", colorspace: int = 2, **settings: Any
) -> Make:
    """Pictures through any codec; settings are attributes of its context."""
    kept = list(pictures)

    def make(folder: Path) -> Path:
        path = folder / f"v.{ending}"
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(codec, rate=25)
            stream.height, stream.width = kept[0].shape[:2]
            stream.pix_fmt = pix_fmt
            stream.codec_context.colorspace = colorspace
            for name, value in settings.items():
                setattr(stream.codec_context, name, value)
            for index, picture in enumerate(kept):
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                frame = frame.reformat(format=pix_fmt, dst_colorspace=colorspace if colorspace != 2 else None)
                frame.pts = index
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return make


def half_mdat(folder: Path) -> Path:
    """The index comes first and is whole; half of the pictures are missing."""
    whole, path = written(frames=60)(folder), folder / "half.mp4"
    with av.open(str(whole)) as source, av.open(str(path), "w", options={"movflags": "+faststart"}) as target:
        copy = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    data = path.read_bytes()
    path.write_bytes(data[: sum(boxes.top_box(data, b"mdat")) // 2])
    return path


def cover_art(folder: Path) -> Path:
    """Sound with a picture of its cover."""
    with av.open(str(folder / "v.m4a"), "w", format="mp4") as container:
        sound: Any = container.add_stream("aac", rate=16000, layout="mono")
        cover: Any = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(texture(64, 64), format="rgb24").reformat(format="yuvj420p")
        container.mux(cover.encode(picture))
        container.mux(cover.encode(None))
        for start in range(0, 16000, 1024):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return folder / "v.m4a"


def huge_picture(folder: Path) -> Path:
    """One black picture of 65 million pixels, in 80 KB."""
    with av.open(str(folder / "v.mov"), "w") as container:
        stream: Any = container.add_stream("png", rate=25)
        stream.width, stream.height, stream.pix_fmt = 8192, 8000, "gray"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((8000, 8192), np.uint8), format="gray")))
        container.mux(stream.encode(None))
    return folder / "v.mov"


def size_change(folder: Path) -> Path:
    shots = (still(15, texture(96, 128, 1)), still(15, texture(64, 96, 2)))
    parts = [write_video(folder / f"{n}.ts", shot, codec="mpeg2video") for n, shot in enumerate(shots)]
    (folder / "v.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    return folder / "v.ts"


def many_streams(folder: Path) -> Path:
    with av.open(str(folder / "v.mkv"), "w") as container:
        streams: list[Any] = [container.add_stream("mpeg4", rate=25) for _ in range(300)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(10):
            container.mux(streams[0].encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(streams[0].encode(None))
    return folder / "v.mkv"


def telecined() -> list[Picture]:
    """24 film frames a second in 30 of two fields each: of five frames, two mix their neighbours."""
    film = iter(moving(24, HEIGHT, WIDTH, seed=5, velocity=(3.0, 0.0)))
    return [shown for a, b, c, d in zip(*(film,) * 4, strict=True) for shown in (a, b, woven(b, c), woven(c, d), d)]


def woven(top: Picture, bottom: Picture) -> Picture:
    mixed = top.copy()
    mixed[1::2] = bottom[1::2]
    return mixed


_PICTURES = list(moving(FRAMES, HEIGHT, WIDTH, seed=5))
_JUMP = [n + (n > 15) * 25 * 36_000 for n in range(FRAMES)]
_UNEVEN = [n * 40 + n % 3 * 10 for n in range(FRAMES)]
_INTERLACED = 1 << 18 | 1 << 29
"""AV_CODEC_FLAG_INTERLACED_DCT and _ME."""

KINDS = (
    Kind("zero_bytes", content(b""), frozenset({"empty"})),
    Kind("text", content(b"this is no video\n" * 50), NOT_VIDEO),
    Kind("html", content(b"<!DOCTYPE html><html><body>404</body></html>" * 20), NOT_VIDEO),
    Kind("random_bytes", content(random.Random(0).randbytes(20_000)), NOT_VIDEO | DAMAGED | NO_STREAM),
    Kind("missing_moov", edited(boxes.without_index), DAMAGED),
    Kind("half_mdat", half_mdat, DONE),
    *(Kind(f"bit_flips_{seed}", edited(boxes.flipped(seed)), ANY) for seed in range(20)),
    Kind("trailing_garbage", edited(lambda data: data + random.Random(2).randbytes(9000)), DONE),
    Kind("corrupt_first_keyframe", edited(boxes.corrupt_first_keyframe), DONE | DAMAGED),
    Kind("audio_only", lambda folder: write_audio(folder / "v.mp4"), NO_STREAM),
    Kind("cover_art", cover_art, NO_STREAM),
    Kind("subtitles_only", content(boxes.subtitles()), NO_STREAM),
    Kind("one_frame", written(frames=1), frozenset({"too_short"})),
    Kind("two_frames", written(frames=2), DONE),
    Kind("zero_duration", edited(boxes.overwritten(b"mvhd", 20, bytes(4))), DONE),
    Kind("wrong_declared_duration", edited(boxes.overwritten(b"mdhd", 20, b"\x7f\xff\xff\xff")), DONE),
    Kind("variable_rate", written(pts=_UNEVEN, time_base=Fraction(1, 1000)), DONE),
    Kind("telecine", encoded("mpeg2video", "yuv420p", telecined(), "ts"), DONE),
    Kind("no_pts", written("h264"), DONE),
    Kind("falling_dts", edited(boxes.swapped_blocks, "mkv"), DONE),
    Kind("negative_start", edited(boxes.shifted_blocks, "mkv"), DONE),
    Kind("edit_list", written(pts=range(-10, FRAMES - 10)), DONE),
    Kind("ten_hour_jump", written("mkv", pts=_JUMP), DONE),
    Kind("stamps_beyond_31_bits", written(pts=range(2**33, 2**33 + FRAMES)), DONE),
    *(Kind(f"rotation_{turn}", written(rotation=turn), DONE) for turn in (90, 180, 270)),
    Kind("sample_aspect", written(sample_aspect=Fraction(16, 11)), DONE),
    Kind("odd_size", encoded("ffv1", "yuv420p", [p[:91, :121] for p in _PICTURES]), DONE),
    Kind("one_by_one", encoded("ffv1", "yuv444p", [p[:1, :1] for p in _PICTURES]), DONE),
    Kind("size_change", size_change, DONE),
    Kind("ten_bits", written("mkv", pix_fmt="yuv420p10le"), DONE),
    Kind("full_chroma", written("mkv", pix_fmt="yuv444p"), DONE),
    Kind("full_range", written("mkv", full_range=True), DONE),
    Kind("alpha", encoded("qtrle", "argb", _PICTURES, "mov"), DONE),
    Kind("grey", encoded("ffv1", "gray", _PICTURES), DONE),
    Kind(
        "high_dynamic_range",
        encoded("ffv1", "yuv420p10le", _PICTURES, colorspace=9, color_trc=16, color_primaries=9),
        DONE,
    ),
    Kind("interlaced", encoded("mpeg2video", "yuv420p", telecined(), "ts", flags=_INTERLACED), DONE),
    Kind("declared_65535", content(boxes.gif(65535, 65535)), TOO_LARGE | DAMAGED),
    Kind("huge_picture", huge_picture, TOO_LARGE),
    Kind("300_streams", many_streams, DONE | TOO_LARGE | DAMAGED),
    Kind("million_samples", edited(boxes.million_samples), ANY),
    Kind("deep_boxes", content(boxes.deep_boxes()), DAMAGED | NO_STREAM),
    Kind("compressed_bomb", content(boxes.compressed_bomb()), DAMAGED | NO_STREAM),
    Kind("external_samples", edited(boxes.external_samples), ANY),
    Kind("encrypted", edited(boxes.replaced(b"avc1", b"encv")), ANY),
    Kind("unknown_codec", edited(boxes.replaced(b"avc1", b"zzzz")), frozenset({"unsupported_codec"}) | NO_STREAM),
    Kind(
        "unknown_codec_matroska",
        edited(boxes.replaced(b"V_MPEG4/ISO/AVC", b"V_ZZZZZ/ISO/AVC"), "mkv"),
        frozenset({"unsupported_codec"}),
    ),
)
