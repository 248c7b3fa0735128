"""Videos that a web page shows, through yt-dlp: a program of its own, in a folder of its own, behind our proxy."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from schemas.errors import MediaError
from schemas.extras import needs
from schemas.fetch import FetchConfig
from schemas.reasons import SourceReason
from transforms.fetch.addresses import AddressRule
from transforms.fetch.network import Resolve
from transforms.fetch.proxy import GuardedProxy
from transforms.fetch.sniff import is_text
from transforms.fetch.store import PartFile, Validators

_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".webm", ".mkv", ".3gp", ".flv", ".ts", ".avi"})
_BLOCK_BYTES = 1 << 20
_LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
import yt_dlp
yt_dlp.main(sys.argv[2:])
"""
_OPTIONS = (
    *("--ignore-config", "--no-cache-dir", "--no-playlist", "--playlist-items", "1", "--no-mtime", "--no-part"),
    *("--quiet", "--no-warnings", "--no-progress", "--hls-prefer-native", "--no-colors"),
    *("--format", "b[ext=mp4]/b[ext=webm]/b", "--output", "media.%(ext)s"),
)


async def fetch_page(uri: str, part: PartFile, config: FetchConfig, rule: AddressRule, resolver: Resolve) -> None:
    """Fill the part with the video of a page. Raises MediaError with the reason if there is none to be had."""
    if find_spec("yt_dlp") is None:
        raise MediaError(SourceReason.FETCH_FAILED, needs("a web page: that", "yt_dlp"))
    folder = Path(tempfile.mkdtemp(prefix=".page-", dir=part.path.parent))
    try:
        async with GuardedProxy(rule, resolver) as proxy:
            await _run(uri, folder, proxy.url, config)
        _take(_only_video(folder), part, config)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(uri: str, folder: Path, proxy: str, config: FetchConfig) -> None:
    """yt-dlp, without the user's settings, cookies, plugins and programs."""
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy")
    home = {
        "HOME": str(folder),
        "PATH": "",
        "YTDLP_NO_PLUGINS": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    limits = (
        *("--max-filesize", str(config.max_bytes), "--socket-timeout", str(config.idle_s)),
        *("--retries", str(config.attempts), "--fragment-retries", str(config.attempts)),
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _LIMITED, str(config.max_bytes), *_OPTIONS, *limits, "--", uri),
        cwd=folder,
        env=dict.fromkeys(names, proxy) | home,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, said = await process.communicate()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {process.returncode}"]
        raise MediaError(SourceReason.FETCH_FAILED, f"yt-dlp: {last[0][:300]}")


def _only_video(folder: Path) -> Path:
    found = [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
    if [path.stem for path in found] != ["media"] or found[0].suffix not in _SUFFIXES:
        names = ", ".join(sorted(path.name for path in found)[:5]) or "nothing"
        raise MediaError(SourceReason.NOT_VIDEO, f"yt-dlp left no single video file, but: {names}")
    return found[0]


def _take(video: Path, part: PartFile, config: FetchConfig) -> None:
    size_bytes = video.stat().st_size
    if size_bytes > config.max_bytes:
        raise MediaError(SourceReason.TOO_LARGE, f"{size_bytes} bytes are more than fetch.max_bytes")
    part.restart(Validators(), size_bytes)
    with video.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            part.append(block)
    if is_text(part.head):
        raise MediaError(SourceReason.NOT_VIDEO, "yt-dlp brought text instead of video")
