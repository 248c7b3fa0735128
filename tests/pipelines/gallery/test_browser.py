"""The site in a real browser: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import functools
import json
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
if CHROMIUM is None:
    pytest.skip("no chromium on this machine: apt-get install chromium", allow_module_level=True)


@dataclass
class Visit:
    """A page, and what the browser complained of."""

    page: Any
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    visited = Visit(context.new_page())
    visited.page.on("console", lambda message: visited.complaints.append(message.text))
    visited.page.on("pageerror", lambda error: visited.complaints.append(str(error)))
    yield visited
    context.close()


def ids(page: Any) -> list[str]:
    return page.locator("#grid h2").all_inner_texts()


def until(page: Any, condition: str) -> None:
    """Wait for a condition, looked at from outside: the site's rules forbid what Playwright would wait with inside."""
    give_up_at = time.monotonic() + 30
    while not page.evaluate(condition):
        assert time.monotonic() < give_up_at, condition
        page.wait_for_timeout(20)


def data(site: Path) -> dict[str, Any]:
    return json.loads((site / "clips-data.js").read_text().removeprefix("window.corpus = ").rstrip(";\n"))


def test_clips_are_sorted_and_filtered_and_the_address_says_how(visit: Visit, site: Path) -> None:
    page, columns = visit.page, data(site)["columns"]
    page.goto((site / "clips.html").as_uri())
    assert ids(page) == columns["clip_id"]
    page.select_option("[name=sort]", "background_motion")
    page.select_option("[name=order]", "down")
    by_motion = sorted(zip(columns["background_motion"], columns["clip_id"], strict=True), reverse=True)
    assert ids(page) == [clip_id for _, clip_id in by_motion]
    page.select_option("[name=score]", "background_motion")
    page.fill("[name=from]", str(by_motion[1][0]))
    assert ids(page) == [clip_id for _, clip_id in by_motion[:2]]
    assert "2 of 4 clips" in page.inner_text("#status")
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    assert ids(page) == [clip_id for _, clip_id in by_motion[:2]]
    page.click("button[type=reset]")
    playwright.expect(page.locator("#grid h2")).to_have_count(4)
    assert visit.complaints == []


def test_a_clip_plays_from_the_keyboard_and_stops_again(visit: Visit, site: Path) -> None:
    page = visit.page
    page.goto((site / "clips.html").as_uri())
    play = page.locator(".play").first
    play.focus()
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#grid video')?.currentTime > 0")
    assert play.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Enter")
    assert page.locator("#grid video").count() == 0
    assert visit.complaints == []


def test_a_clip_plays_while_the_mouse_is_over_it(visit: Visit, site: Path) -> None:
    page = visit.page
    page.goto((site / "clips.html").as_uri())
    page.locator("#grid li").nth(1).hover()
    until(page, "document.querySelector('#grid video')?.currentTime > 0")
    page.mouse.move(1, 1)
    playwright.expect(page.locator("#grid video")).to_have_count(0)


def test_a_click_on_a_timeline_takes_the_video_there(visit: Visit, site: Path) -> None:
    page = visit.page
    page.goto((site / "clip" / f"{data(site)['columns']['clip_id'][0]}.html").as_uri())
    until(page, "document.querySelector('video').readyState >= 1")
    page.locator(".timeline").first.click()
    until(page, "Math.abs(document.querySelector('video').currentTime - 0.5) < 0.05")
    until(page, "Math.abs(document.querySelector('.cursor').getAttribute('x1') - 160) < 10")
    assert page.locator(".timeline .cursor").count() == page.locator(".timeline").count()
    assert visit.complaints == []


def test_every_bar_and_threshold_is_really_drawn(visit: Visit, site: Path) -> None:
    page = visit.page
    page.goto((site / "index.html").as_uri())
    nested = page.evaluate("document.querySelectorAll('rect *, line *, polyline *').length")
    bars = page.locator("figure rect").evaluate_all("all => all.map(r => r.getBoundingClientRect().height)")
    assert nested == 0
    assert len(bars) > 30
    assert min(bars) > 0
    assert visit.complaints == []


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_no_page_breaks_a_rule_of_accessibility_or_runs_over_the_side(
    browser: Any, site: Path, scheme: str, width: int
) -> None:
    breaks_no_rule(browser, [site / "index.html", site / "clips.html", *_firsts(site)], scheme, width)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_the_pages_of_renders_and_of_their_evaluation_break_no_rule(
    browser: Any, tmp_path: Path, scheme: str, width: int
) -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    from pipelines.evaluation import page as evaluation
    from pipelines.farm import page as renders
    from tests.pipelines.gallery.rendered import evaluated, rendered

    folder = rendered(tmp_path / "renders")
    made = evaluation.write_page(evaluated(folder), None, tmp_path / "evaluation")
    assert "Worst by psnr" in made.read_text()
    breaks_no_rule(browser, [Path(str(renders.write_page(folder))), made], scheme, width)


def breaks_no_rule(browser: Any, paths: list[Path], scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python brings axe-core")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text()
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    for path in paths:
        page.goto(path.as_uri())
        page.evaluate(script)
        found = page.evaluate("axe.run().then(result => result.violations.map(v => [v.id, v.nodes[0].html]))")
        assert found == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    context.close()


def _firsts(site: Path) -> list[Path]:
    return [min((site / folder).glob("*.html")) for folder in ("clip", "reason")]


class Counting(SimpleHTTPRequestHandler):
    """Serves a folder and counts the bytes."""

    sent = 0

    def copyfile(self, source: Any, outputfile: Any) -> None:
        content = source.read()
        Counting.sent += len(content)
        outputfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def test_of_5000_clips_the_first_page_is_less_than_3_mb(visit: Visit, site: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    shutil.copytree(site, many, ignore=shutil.ignore_patterns("video", "strip", "clip", ".made"))
    tree, count = data(site), 5000
    size = len(tree["columns"]["clip_id"])
    columns = {name: [values[i % size] for i in range(count)] for name, values in tree["columns"].items()}
    columns["clip_id"] = [f"{i:016x}_{i}_{i + 100}" for i in range(count)]
    (many / "clips-data.js").write_text(f"window.corpus = {json.dumps(tree | {'columns': columns})};\n")
    poster = (tmp_path / "poster.jpg").write_bytes(b"\xff\xd8" + bytes(15_000)) and (tmp_path / "poster.jpg")
    for clip_id in columns["clip_id"]:
        (many / "poster" / f"{clip_id}.jpg").hardlink_to(poster)
    Counting.sent = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Counting, directory=str(many)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    visit.page.goto(f"http://127.0.0.1:{server.server_port}/clips.html", wait_until="load")
    assert visit.page.inner_text("#status") == "5000 of 5000 clips, page 1 of 105"
    assert 100_000 < Counting.sent < 3_000_000
    visit.page.click("#next")
    assert ids(visit.page)[0] == columns["clip_id"][48]
    server.shutdown()
