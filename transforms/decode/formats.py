"""The formats that are opened, and the endings their files have."""

from __future__ import annotations

_VIDEO = {
    "mov,mp4,3gp": "3g2 3gp f4v m4v mov mp4 qt",
    "matroska,webm": "mk3d mkv webm",
    "avi,amv": "amv avi",
    "mpegts": "m2t m2ts mts ts",
    "mpeg,mpegvideo": "m1v m2v mpeg mpg vob",
    "m4v,h264,hevc,obu,vc1,cavsvideo": "264 265 avc cavs h264 h265 hevc obu vc1",
    "ivf,flv,asf,ogg,mxf,gxf,nut": "asf flv gxf ivf mxf nut ogg ogv wmv",
    "dv,rm,mjpeg,gif,wtv,yuv4mpegpipe,nsv,swf": "dif dv gif mjpeg mjpg nsv rm rmvb swf wtv y4m",
}
"""FFmpeg's demuxers of containers and bare streams that hold media themselves, and the endings of their files.

Formats that name other files or hosts (concat, hls, dash, sdp, image2 ...) are not among them.
"""
_SOUND = "mp3,aac,wav,flac,aiff,ac3,eac3,caf,amr,au,w64,ape,tta"
"""Opened only to say of the file that it holds no video."""

FORMATS = ",".join((*_VIDEO, _SOUND))
"""What may be opened, as FFmpeg's `format_whitelist`."""
VIDEO_SUFFIXES = frozenset(f".{ending}" for endings in _VIDEO.values() for ending in endings.split())
"""Endings, in lower case, of files that may be video."""
