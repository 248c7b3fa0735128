"""The site of a generated corpus in headless Chromium: how long its first pages take to load, and how many bytes.

python -m infra.benchmarks.gallery [--clips 5000] [--size 128] [--frames 8] [--workers N]

Needs chromium and playwright. The site is drawn for real (CPU seconds are said, too) and served on loopback; times are
medians of five visits with an empty cache, until the page's `load` event and until the first posters are decoded.
"""

from __future__ import annotations

import argparse
import functools
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from infra.benchmarks.generated_corpus import generate
from pipelines.corpus.read import Corpus
from pipelines.engines.local import LocalEngine
from pipelines.gallery.site import write_site

_VISITS = 5
_TRANSFERRED = """
performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
    .reduce((sum, entry) => sum + entry.transferSize, 0)
"""
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
_PICTURES = "[...document.images].filter(i => i.getBoundingClientRect().top < innerHeight).every(i => i.complete)"


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Browsers hang up when a page is left."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Address of a folder on loopback."""
    server = _Server(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def visit(browser: Any, address: str) -> tuple[float, float, int]:
    """Seconds to `load`, seconds until the visible pictures are there, and bytes."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    started = time.perf_counter()
    page.goto(address, wait_until="load")
    while not page.evaluate(_PICTURES):  # the site's own rules forbid Playwright's way of waiting for a condition
        page.wait_for_timeout(10)
    seen_s = time.perf_counter() - started
    loaded_s, transferred = page.evaluate(_LOADED) / 1000, int(page.evaluate(_TRANSFERRED))
    context.close()
    return loaded_s, seen_s, transferred


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("clips", 5000), ("size", 128), ("frames", 8), ("workers", None)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        root = generate(Path(folder) / "corpus", given.clips, given.clips, given.size, given.frames)
        site = Path(folder) / "site"
        for turn in ("first", "again"):
            started, used = time.perf_counter(), _cpu_s()
            with closing(LocalEngine(given.workers, threads=1)) as engine:
                made = write_site(Corpus(root), site, engine=engine)
            print(
                f"site, {turn}: {made.drawn} of {made.clips} clips drawn by {engine.workers} processes, "
                f"{time.perf_counter() - started:.0f} s wall, {_cpu_s() - used:.0f} CPU s",
                flush=True,
            )
        files = [path.stat().st_size for path in site.rglob("*") if path.is_file()]
        print(f"{len(files):,} files, {sum(files) / 1e6:.0f} MB; clips-data.js {_mb(site / 'clips-data.js')}")
        with served(site) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name in ("index.html", "clips.html"):
                visits = [visit(browser, f"{address}/{name}") for _ in range(_VISITS)]
                loaded_s, seen_s, transferred = (median(values) for values in zip(*visits, strict=True))
                print(f"{name}: load {loaded_s:.2f} s, pictures {seen_s:.2f} s, {transferred / 1e6:.2f} MB transferred")
            browser.close()


def _cpu_s() -> float:
    """Of this process and of children that have ended."""
    spent = psutil.Process().cpu_times()
    return float(spent.user + spent.system + spent.children_user + spent.children_system)


def _mb(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.2f} MB"


if __name__ == "__main__":
    main()
