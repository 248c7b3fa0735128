from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.corpus.check import check
from pipelines.corpus.committer import Committer
from pipelines.corpus.duplicates import mark_near_duplicates
from pipelines.corpus.hashes import first_matches, parse_hashes
from pipelines.corpus.parts import PartWriter
from pipelines.corpus.read import Corpus
from schemas.config import Config
from schemas.records import Clip
from tests.command_line import figureground
from tests.pipelines.corpus_records import make_clip, make_report, make_source

PLAIN = "0123456789abcdef" * 5


def flipped(phash: str, bits: int) -> str:
    """Another hash that differs in so many bits of each word."""
    mask = int(f"{(1 << bits) - 1:016x}" * 5, 16)
    return f"{int(phash, 16) ^ mask:080x}"


def marked(root: Path, clips: Sequence[Clip], bits: float = 6) -> dict[str, str | None]:
    """Add clips, mark near-duplicates; original by clip id."""
    with Committer(root, Config()) as committer:
        for i, clip in enumerate(clips):
            committer.add(PartWriter(root).write(f"{clip.source.source_id}_{i}", [clip]))
        mark_near_duplicates(committer, bits)
    rows = Corpus(root).arrow("clips", ["clip_id", "kept", "duplicate_of", "reject_reasons"]).to_pylist()
    for row in rows:
        if not row["reject_reasons"] or row["reject_reasons"] == ["near_duplicate"]:
            assert row["kept"] == (row["duplicate_of"] is None)
            assert row["reject_reasons"] == ([] if row["kept"] else ["near_duplicate"])
    return {row["clip_id"]: row["duplicate_of"] for row in rows}


def clip_of(name: str, phash: str, *, index: int = 0, width: int = 64, shot: int = 0) -> Clip:
    return replace(make_clip(make_source(name), index, shot=shot, phash=phash), width=width)


def test_the_larger_clip_is_kept_and_the_other_names_it(tmp_path: Path) -> None:
    small, large = clip_of("a", PLAIN, width=64), clip_of("b", flipped(PLAIN, 6), width=128)
    assert marked(tmp_path, [small, large]) == {small.clip_id: large.clip_id, large.clip_id: None}


def with_sharpness(clip: Clip, sharpness: float | None) -> Clip:
    return replace(clip, scores=replace(clip.scores, sharpness=sharpness))


def test_of_copies_of_one_size_the_sharper_is_kept(tmp_path: Path) -> None:
    first, second = sorted((clip_of("a", PLAIN), clip_of("b", PLAIN)), key=lambda clip: clip.source.source_id)
    unknown, blurred, sharp = clip_of("c", PLAIN), with_sharpness(first, 1.21), with_sharpness(second, 1.35)
    found = marked(tmp_path, [unknown, blurred, sharp])
    assert found == {unknown.clip_id: sharp.clip_id, blurred.clip_id: sharp.clip_id, sharp.clip_id: None}


def test_the_last_digits_of_sharpness_choose_nobody(tmp_path: Path) -> None:
    first, second = sorted((clip_of("a", PLAIN), clip_of("b", PLAIN)), key=lambda clip: clip.source.source_id)
    found = marked(tmp_path, [with_sharpness(first, 1.3), with_sharpness(second, 1.3 + 1e-9)])
    assert found == {first.clip_id: None, second.clip_id: first.clip_id}


def test_of_copies_of_one_size_the_less_damaged_is_kept_whatever_order_they_came_in(tmp_path: Path) -> None:
    whole, broken = with_sharpness(clip_of("a", PLAIN), 1.1), with_sharpness(clip_of("b", PLAIN), 1.4)
    large = clip_of("c", PLAIN, width=128)
    packets = {whole.source.uri: 0, broken.source.uri: 3, large.source.uri: 9}
    for order in ((whole, broken), (broken, whole)):
        root = tmp_path / order[0].source.source_id
        for clip in order:
            add_with_report(root, clip, packets[clip.source.uri])
        assert originals(root) == {whole.clip_id: None, broken.clip_id: whole.clip_id}
    assert check(root).digest == check(tmp_path / whole.source.source_id).digest
    add_with_report(root, large, packets[large.source.uri])
    assert originals(root)[whole.clip_id] == large.clip_id, "size comes before damage"


def test_a_copied_file_which_nobody_decoded_does_not_hide_the_damage(tmp_path: Path) -> None:
    whole, broken = clip_of("a", PLAIN), with_sharpness(clip_of("b", PLAIN), 1.4)
    add_with_report(tmp_path, broken, 3)
    copied = replace(broken.source, uri="/videos/a_copy.mp4")
    with Committer(tmp_path, Config()) as committer:
        report = make_report(copied, verdict="rejected", reason="duplicate")
        committer.add(PartWriter(tmp_path).write("copied", (), report))
    add_with_report(tmp_path, whole, 0)
    assert originals(tmp_path) == {whole.clip_id: None, broken.clip_id: whole.clip_id}


def add_with_report(root: Path, clip: Clip, damaged_packets: int) -> None:
    """A run over one source: its clip, its report, and the marking at the end."""
    with Committer(root, Config()) as committer:
        report = replace(make_report(clip.source, 1), damaged_packets=damaged_packets)
        committer.add(PartWriter(root).write(clip.source.source_id, [clip], report))
        mark_near_duplicates(committer, 6)


def originals(root: Path) -> dict[str, str | None]:
    rows = Corpus(root).arrow("clips", ["clip_id", "duplicate_of"]).to_pylist()
    return {row["clip_id"]: row["duplicate_of"] for row in rows}


def test_one_bit_more_than_allowed_is_another_clip(tmp_path: Path) -> None:
    clips = [clip_of("a", PLAIN), clip_of("b", flipped(PLAIN, 7))]
    assert set(marked(tmp_path, clips).values()) == {None}


def test_clips_of_one_shot_are_never_compared_but_clips_of_two_shots_are(tmp_path: Path) -> None:
    clips = [clip_of("a", PLAIN, index=i, shot=shot) for i, shot in enumerate((0, 0, 1))]
    first, _, other_shot = (clip.clip_id for clip in clips)
    assert marked(tmp_path, clips) == {clips[0].clip_id: None, clips[1].clip_id: None, other_shot: first}


def test_hidden_duplicates_do_not_show_and_do_not_dangle(tmp_path: Path) -> None:
    clips = [clip_of("a", PLAIN), clip_of("b", PLAIN)]
    marked(tmp_path, clips)
    with Corpus(tmp_path).connect() as connection:
        assert connection.sql("SELECT count(*) FROM media").fetchall() == [(1,)]
    report = check(tmp_path)
    assert report.ok
    assert (report.rows["media"], report.set_aside) == (2, {"poses": 2, "masks": 2, "tracks": 1, "media": 1})


def test_a_check_tells_what_queries_show_and_what_is_set_aside(tmp_path: Path) -> None:
    marked(tmp_path, [clip_of("a", PLAIN), clip_of("b", PLAIN), clip_of("c", flipped(PLAIN, 7))])
    said = figureground("check", tmp_path, check=True).stdout
    assert said.startswith(
        "0 sources, 3 clips, 4 poses, 4 masks, 2 tracks, 2 media; "
        "set aside as near-duplicates: 2 poses, 2 masks, 1 tracks, 1 media; 0 problems; digest "
    )


def test_clips_rejected_for_other_reasons_neither_match_nor_change(tmp_path: Path) -> None:
    rejected = make_clip(make_source("a"), 0, reasons=("luminance_low",), phash=PLAIN)
    kept = clip_of("b", PLAIN)
    assert marked(tmp_path, [rejected, kept]) == {rejected.clip_id: None, kept.clip_id: None}
    assert Corpus(tmp_path).clip(rejected.clip_id)["reject_reasons"] == ["luminance_low"]


def test_the_result_depends_on_the_set_of_clips_not_on_runs_or_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    chain = [flipped(PLAIN, bits) for bits in (0, 4, 8, 12, 3, 20)]
    clips = [clip_of(f"s{i}", phash, width=int(rng.choice([64, 128]))) for i, phash in enumerate(chain * 2)]
    clips = [with_sharpness(clip, [None, 1.1, 1.2, 1.2004][i % 4]) for i, clip in enumerate(clips)]
    at_once = marked(tmp_path / "at once", clips)
    assert sum(original is not None for original in at_once.values()) >= 4
    shuffled = [clips[i] for i in rng.permutation(len(clips))]
    for piece in range(0, len(clips), 3):
        result = marked(tmp_path / "piecewise", shuffled[piece : piece + 3])
    assert result == at_once
    assert check(tmp_path / "piecewise").digest == check(tmp_path / "at once").digest


def test_a_clip_comes_back_when_its_original_is_itself_replaced(tmp_path: Path) -> None:
    middle, far = clip_of("m", flipped(PLAIN, 5), width=96), clip_of("f", flipped(PLAIN, 10), width=64)
    assert marked(tmp_path, [middle, far])[far.clip_id] == middle.clip_id
    best = clip_of("b", PLAIN, width=128)
    assert marked(tmp_path, [best]) == {best.clip_id: None, middle.clip_id: best.clip_id, far.clip_id: None}


def test_nothing_is_committed_if_nothing_changes(tmp_path: Path) -> None:
    marked(tmp_path, [clip_of("a", PLAIN), clip_of("b", PLAIN)])
    log = list((Corpus(tmp_path).layout.table("clips") / "_delta_log").iterdir())
    with Committer(tmp_path, Config()) as committer:
        assert mark_near_duplicates(committer, 6) == 0
    assert list((Corpus(tmp_path).layout.table("clips") / "_delta_log").iterdir()) == log


@pytest.mark.parametrize("bits", [0, 3.9, 6, 10])
def test_the_search_finds_what_comparing_every_pair_finds(bits: float) -> None:
    rng = np.random.default_rng(2)
    count = 2500
    hashes = rng.integers(0, 2**64, (count, 5), dtype=np.uint64)
    for i in np.flatnonzero(rng.random(count) < 0.4):
        hashes[i] = hashes[rng.integers(0, count)]
        for _ in range(rng.integers(0, 60)):
            hashes[i, rng.integers(0, 5)] ^= np.uint64(1) << np.uint64(rng.integers(0, 64))
    groups = np.arange(count) // 3
    expected = np.full(count, -1)
    for i in range(count):
        near = np.bitwise_count(hashes[:i] ^ hashes[i]).sum(axis=1) <= bits * 5
        originals = np.flatnonzero(near & (groups[:i] != groups[i]) & (expected[:i] < 0))
        expected[i] = originals[0] if len(originals) else -1
    found = first_matches(hashes, groups.tolist(), bits)
    assert (found >= 0).sum() > 10
    np.testing.assert_array_equal(found, expected)


def test_twenty_thousand_equal_pictures_do_not_blow_up() -> None:
    found = first_matches(np.zeros((20_000, 5), np.uint64), range(20_000), 6)
    assert found.tolist() == [-1] + [0] * 19_999


def test_a_text_that_is_no_hash_is_refused() -> None:
    with pytest.raises(ValueError, match="80 hex digits, not 4"):
        parse_hashes(["beef"])
