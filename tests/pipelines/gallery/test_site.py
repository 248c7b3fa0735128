from __future__ import annotations

import json
import re
import shutil
from contextlib import closing
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import av
import pytest

from pipelines.corpus.read import Corpus
from pipelines.engines.local import LocalEngine
from pipelines.gallery.markup import el, page
from pipelines.gallery.site import write_site
from tests.pipelines.small_corpus import add_clips, puppet_clip


class Links(HTMLParser):
    """Addresses and tags of a page."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("href", "src", "poster") and value]


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_every_link_of_every_page_leads_to_a_file_of_the_site(site: Path) -> None:
    assert len(pages(site)) == 2 + 4 + 2
    for path in pages(site):
        for address in Links(path.read_text()).addresses:
            assert address.startswith("#") or (path.parent / address).is_file(), (path, address)


def test_every_kept_clip_has_a_page_a_video_and_pictures(site: Path, corpus: Corpus) -> None:
    for clip in corpus.clips():
        for name in ("clip/{}.html", "video/{}.mp4", "poster/{}.jpg", "strip/{}.jpg"):
            assert (site / name.format(clip.clip_id)).stat().st_size > 500
        with av.open(str(site / "video" / f"{clip.clip_id}.mp4")) as container:
            assert sum(1 for _ in container.decode(video=0)) == clip.row["frames"]


def test_names_of_sources_and_corpora_are_text_and_never_markup(site: Path) -> None:
    for path in pages(site):
        content = path.read_text()
        assert not {"b", "i"} & set(Links(content).tags)
    assert "&lt;i&gt;corpus" in (site / "index.html").read_text()
    assert "/videos/&lt;b&gt;4&lt;/b&gt; &amp; more.mp4" in (site / "reason" / "luminance_low.html").read_text()


def test_markup_escapes_text_and_attributes_but_not_itself() -> None:
    made = el("p", el("b", "1 < 2"), ["&", 3], None, title='"><script>', hidden=True, id=None)
    assert made == '<p title="&quot;&gt;&lt;script&gt;" hidden><b>1 &lt; 2</b>&amp;3</p>'
    assert b"<title>&lt;/title&gt;</title>" in page("</title>")


def test_nothing_runs_but_the_scripts_of_the_site(site: Path) -> None:
    for path in pages(site):
        content = path.read_text()
        assert "default-src 'none'" in unescape(content)
        assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=|https?://", content)


def test_the_thresholds_are_drawn_into_the_distributions(site: Path) -> None:
    index = (site / "index.html").read_text()
    figures = dict(re.findall(r"<figure><figcaption><h3>(\w+)</h3>(.*?)</figure>", index))
    assert figures["luminance"].count('class="limit"') == 2
    assert "rule: from 0.05 up to 0.9" in figures["luminance"]
    assert figures["contrast"].count('class="limit"') == 0
    assert figures["person_motion"].count('class="limit"') == 1


def test_the_overview_counts_what_the_corpus_has(site: Path) -> None:
    index = (site / "index.html").read_text()
    assert re.search(r'<th scope="row">kept clips</th><td>4</td>', index)
    assert re.search(r'<a href="reason/luminance_low.html">luminance_low</a></th><td>1</td>', index)


def test_the_data_of_the_page_of_clips_are_the_scores(site: Path, corpus: Corpus) -> None:
    script = (site / "clips-data.js").read_text()
    data = json.loads(script.removeprefix("window.corpus = ").rstrip(";\n"))
    assert data["columns"]["clip_id"] == corpus.kept_clip_ids()
    stored = [clip.row["background_motion"] for clip in corpus.clips()]
    assert data["columns"]["background_motion"] == pytest.approx(stored, rel=1e-3)


def test_running_again_draws_only_what_is_new(corpus: Corpus, tmp_path: Path) -> None:
    root = Path(shutil.copytree(str(corpus.root), tmp_path / "corpus"))
    write_site(Corpus(root), tmp_path / "site")
    assert write_site(Corpus(root), tmp_path / "site").drawn == 0
    add_clips(root, [puppet_clip(11)])
    again = write_site(Corpus(root), tmp_path / "site")
    assert (again.clips, again.drawn, again.failed) == (5, 1, ())


def test_several_processes_draw_what_one_draws(corpus: Corpus, site: Path, tmp_path: Path) -> None:
    def contents(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    told: list[tuple[int, int]] = []
    with closing(LocalEngine(2, threads=1)) as engine:
        made = write_site(corpus, tmp_path, lambda *done: told.append(done), engine=engine)
        assert contents(tmp_path) == contents(site)
    assert write_site(corpus, tmp_path).drawn == 0
    assert (made.drawn, made.failed, told) == (4, (), [(done, 4) for done in range(5)])


def test_of_a_clip_that_is_gone_nothing_stays_in_the_site(corpus: Corpus, tmp_path: Path) -> None:
    from pipelines.corpus.forget import forget

    root = Path(shutil.copytree(str(corpus.root), tmp_path / "corpus"))
    write_site(Corpus(root), tmp_path / "site")
    gone = Corpus(root).clips()[0]
    (tmp_path / "site" / "video" / "mine.mp4").touch()
    forget(root, [gone.source_id])
    write_site(Corpus(root), tmp_path / "site")
    left = [path for path in (tmp_path / "site").rglob("*") if gone.source_id in path.name]
    assert left == []
    assert (tmp_path / "site" / "video" / "mine.mp4").exists()
    for path in (tmp_path / "site").rglob("*.html"):
        assert gone.source_id not in path.read_text()


def test_a_clip_that_cannot_be_read_is_said_and_the_site_is_there(corpus: Corpus, tmp_path: Path) -> None:
    root = Path(shutil.copytree(str(corpus.root), tmp_path / "corpus"))
    damaged = Corpus(root).paths("media")[0]
    damaged.write_bytes(damaged.read_bytes()[:-400])
    site = write_site(Corpus(root), tmp_path / "site")
    assert (site.clips, len(site.failed), site.drawn) == (4, 1, 3)
    assert "figureground check" in site.failed[0]
    assert site.index.is_file()


def test_a_corpus_without_kept_clips_has_a_site_too(tmp_path: Path) -> None:
    from pipelines.corpus.committer import Committer
    from schemas.config import Config

    with Committer(tmp_path / "empty", Config()):
        pass
    site = write_site(Corpus(tmp_path / "empty"), tmp_path / "site")
    assert (site.clips, site.sheet) == (0, None)
    assert "No clip was rejected" in site.index.read_text()
