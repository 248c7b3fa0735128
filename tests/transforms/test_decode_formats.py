"""A file with an ending that is taken from a folder can be opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transforms.decoding import decode
from tests.video_files import moving, write_video
from transforms.decode.formats import FORMATS, VIDEO_SUFFIXES

CODECS = {
    "libx264": "3g2 3gp 264 avi f4v flv h264 m2t m2ts m4v mkv mov mp4 mts nut ts",
    "libx265": "265 h265 hevc",
    "mpeg2video": "m2v mpeg mpg mxf vob wtv",
    "mpeg1video": "m1v",
    "libvpx": "ivf ogg ogv webm",
    "wmv2": "asf wmv",
    "rv10": "rm",
    "flv": "swf",
    "rawvideo": "y4m",
    "libsvtav1": "obu",
    "mjpeg": "mjpeg mjpg",
    "gif": "gif",
    "dvvideo": "dv",
}
"""Encoders by the endings they are written with here."""
UNWRITTEN = {"amv", "avc", "cavs", "dif", "gxf", "mk3d", "nsv", "qt", "rmvb", "vc1"}
"""Endings for which the FFmpeg of PyAV has no encoder, or that only name another's format."""
PIX_FMTS = {"mjpeg": "yuvj420p", "gif": "rgb8"}


def test_every_ending_is_tried_or_named_as_left() -> None:
    assert {f".{ending}" for endings in CODECS.values() for ending in endings.split()} == VIDEO_SUFFIXES - {
        f".{ending}" for ending in UNWRITTEN
    }


@pytest.mark.parametrize(
    ("codec", "ending"), [(codec, e) for codec, endings in CODECS.items() for e in endings.split()]
)
def test_a_file_of_this_ending_is_read(tmp_path: Path, codec: str, ending: str) -> None:
    height, width = (576, 720) if codec == "dvvideo" else (96, 128)
    pix_fmt = PIX_FMTS.get(codec, "yuv420p")
    path = write_video(tmp_path / f"v.{ending}", moving(20, height, width), codec=codec, pix_fmt=pix_fmt)
    clips, report = decode(path, **{"clips.min_s": 0.5, "clips.edge_frames": 0})
    assert report.verdict == "done"
    assert report.frames_decoded == pytest.approx(20, abs=1)
    assert clips[0].fps == 25


def test_formats_that_name_other_files_are_not_opened() -> None:
    assert not {"concat", "hls", "dash", "sdp", "image2", "lavfi", "applehttp"} & set(FORMATS.split(","))
