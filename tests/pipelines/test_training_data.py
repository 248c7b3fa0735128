"""Training data out of corpora: the same windows for the same seed, from the right clips, on any number of workers."""

from __future__ import annotations

import pickle
import shutil
from contextlib import closing
from dataclasses import fields, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch.utils.data import DataLoader  # noqa: E402

from models.generator.training.batch import TrainingBatch  # noqa: E402
from pipelines.corpus.access import ClipReader  # noqa: E402
from pipelines.corpus.committer import Committer  # noqa: E402
from pipelines.corpus.compact import compact  # noqa: E402
from pipelines.corpus.parts import PartWriter, part_id_of  # noqa: E402
from pipelines.training_data.dataset import ClipDataset, Share  # noqa: E402
from pipelines.training_data.recent import RecentAnnotations, size_bytes  # noqa: E402
from pipelines.training_data.stream import START_METHOD, ClipStream, packed_batches, training_batches  # noqa: E402
from schemas.config import Config  # noqa: E402
from schemas.errors import ConfigError, CorpusError  # noqa: E402
from schemas.records import Annotation, Clip  # noqa: E402
from tests.pipelines.corpus_records import make_report  # noqa: E402
from transforms.synthesis.clip import make_clip  # noqa: E402
from transforms.synthesis.drawing import SceneSettings, draw_scene  # noqa: E402
from transforms.training_clips.cut import TrainingWindow  # noqa: E402
from transforms.training_clips.draw import ClipSettings  # noqa: E402
from transforms.training_clips.packing import Rooms, pack  # noqa: E402

SETTINGS = ClipSettings(32, 32, 4, clips=2)


def make_corpus(root: Path, seeds: range, rejected: tuple[int, ...] = (), frames: int = 16) -> Path:
    with Committer(root, Config()) as committer:
        for seed in seeds:
            clip: Clip = make_clip(draw_scene((seed,), SceneSettings(64, frames, Fraction(12))), f"/videos/{seed}.mp4")
            if seed in rejected:
                clip = replace(clip, annotation=None, media=None, reject_reasons=("luminance_low",))
            part = part_id_of(clip.source.source_id, 0)
            committer.add(PartWriter(root).write(part, [clip], make_report(clip.source, 1)))
    return root


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("training") / "corpus", range(5), rejected=(3,))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("other") / "corpus", range(20, 22))


@pytest.fixture(scope="module")
def dataset(corpus: Path) -> ClipDataset:
    return ClipDataset([Share(corpus)], SETTINGS, seed=7, length=8)


def same(one: TrainingWindow, two: TrainingWindow) -> bool:
    return (
        one.draw == two.draw
        and one.clip_id == two.clip_id
        and np.array_equal(one.frames_WHQ3, two.frames_WHQ3)
        and np.array_equal(one.xy_WJ2, two.xy_WJ2, equal_nan=True)
        and all(np.array_equal(a.xy_TN2, b.xy_TN2) for a, b in zip(one.points, two.points, strict=True))
    )


def equal(one: TrainingBatch, two: TrainingBatch) -> bool:
    tensors = (f.name for f in fields(one) if isinstance(getattr(one, f.name), torch.Tensor))
    return all(torch.equal(getattr(one, n).nan_to_num(-1), getattr(two, n).nan_to_num(-1)) for n in tensors)


def test_a_window_depends_on_seed_epoch_and_index_alone(corpus: Path, dataset: ClipDataset) -> None:
    again = pickle.loads(pickle.dumps(ClipDataset([Share(corpus)], SETTINGS, seed=7)))
    assert all(same(dataset.window(1, i), again.window(1, i)) for i in (3, 0, 2))
    assert not same(dataset.window(1, 0), dataset.window(1, 1))
    assert not same(dataset.window(1, 0), dataset.window(2, 0))
    assert not same(dataset.window(1, 0), ClipDataset([Share(corpus)], SETTINGS, seed=8).window(1, 0))


def test_only_kept_clips_are_drawn_and_all_of_them(corpus: Path, dataset: ClipDataset) -> None:
    kept = {clip.clip_id for clip in ClipReader(corpus_of(corpus)).clips}
    assert len(kept) == 4
    assert {dataset.window(0, i).clip_id for i in range(60)} == kept


def corpus_of(path: Path):
    from pipelines.corpus.read import Corpus

    return Corpus(path)


def test_the_reader_reads_what_the_corpus_reads(corpus: Path) -> None:
    opened = corpus_of(corpus)
    reader = ClipReader(opened)
    for clip in reader.clips:
        assert reader.media(clip.clip_id) == opened.media(clip.clip_id)
        mine, theirs = reader.annotation(clip.clip_id), opened.annotation(clip.clip_id)
        assert len(mine.persons) == len(theirs.persons)
        np.testing.assert_array_equal(mine.tracks.xy_NT2, theirs.tracks.xy_NT2)
        np.testing.assert_array_equal(mine.persons[-1].pose.xy_TJ2, theirs.persons[-1].pose.xy_TJ2)
        assert mine.persons[0].mask == theirs.persons[0].mask


def test_compaction_changes_no_window(corpus: Path, dataset: ClipDataset, tmp_path: Path) -> None:
    copy = shutil.copytree(corpus, tmp_path / "corpus")
    compact(copy)
    merged = ClipDataset([Share(copy)], SETTINGS, seed=7)
    assert len(corpus_of(copy).paths("media")) == 1
    assert all(same(dataset.window(0, i), merged.window(0, i)) for i in range(6))


def test_a_stream_gives_the_same_batches_on_any_number_of_workers(dataset: ClipDataset) -> None:
    alone, divided = (list(islice(training_batches(ClipStream(dataset, 2), workers), 5)) for workers in (0, 2))
    assert all(map(equal, alone, divided))
    for batch in alone:
        batch.check()
        assert batch.clip_frames == 4 and len(batch.points) == 2
        assert batch.frames_BW3HW.shape == (2, 7, 3, 32, 32)
        assert -1 <= batch.frames_BW3HW.min() < -0.2 and 0.2 < batch.frames_BW3HW.max() <= 1
        assert batch.figure_BW1HW.unique().tolist() == [0, 1]
        assert (batch.people_BW1HW >= batch.figure_BW1HW).all()


def test_a_stream_goes_on_where_another_stopped(dataset: ClipDataset) -> None:
    whole = list(islice(training_batches(ClipStream(dataset, 2), workers=0), 5))
    rest = list(islice(training_batches(ClipStream(dataset, 2, first=3), workers=0), 2))
    assert all(map(equal, whole[3:], rest))


def test_processes_share_the_windows_of_a_larger_batch_among_them(dataset: ClipDataset) -> None:
    whole = next(training_batches(ClipStream(dataset, 4), workers=0))
    halves = [next(training_batches(ClipStream(dataset, 2, rank=r, world=2), workers=0)) for r in range(2)]
    assert torch.equal(whole.frames_BW3HW, torch.cat([half.frames_BW3HW for half in halves]))


def test_workers_that_live_on_learn_of_the_next_epoch(dataset: ClipDataset) -> None:
    how = {"num_workers": 1, "persistent_workers": True, "multiprocessing_context": START_METHOD}
    loader = DataLoader(dataset, batch_size=4, collate_fn=pack, **how)
    epochs = []
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        epochs.append(torch.cat([packed.frames_BWHQ3 for packed in loader]))
    assert torch.equal(epochs[0], epochs[2])
    assert not torch.equal(epochs[0], epochs[1])
    assert len(epochs[0]) == len(dataset) == 8
    with pytest.raises(IndexError, match="0 to 7"):
        dataset[8]


def test_a_mix_draws_from_its_corpora_by_weight_not_by_size(corpus: Path, other: Path) -> None:
    own = {clip.clip_id for clip in ClipReader(corpus_of(corpus)).clips}
    mixed = ClipDataset([Share(corpus, 1.0), Share(other, 3.0)], SETTINGS, seed=1)
    share = np.mean([mixed.window(0, i).clip_id in own for i in range(120)])
    assert 0.12 < share < 0.38
    assert len(mixed) == 6
    alone = ClipDataset([Share(corpus, 0.0), Share(other, 1.0)], SETTINGS, seed=1)
    assert not any(alone.window(0, i).clip_id in own for i in range(20))


@pytest.mark.parametrize("weights", [(), (0.0,), (-1.0,), (float("nan"),)])
def test_weights_that_are_none_are_refused(corpus: Path, weights: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="weights"):
        ClipDataset([Share(corpus, weight) for weight in weights], SETTINGS, seed=1)


def test_a_corpus_without_a_clip_long_enough_says_how_long_its_longest_is(corpus: Path) -> None:
    with pytest.raises(CorpusError, match="longest has 16 frames; 31 are needed"):
        ClipDataset([Share(corpus)], ClipSettings(32, 32, 16, clips=2), seed=1)


def test_a_damaged_file_is_an_error_that_names_it(corpus: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(corpus, tmp_path / "corpus")
    for path in corpus_of(copy).paths("tracks"):
        content = bytearray(path.read_bytes())
        content[200:600] = bytes(400)
        path.write_bytes(content)
    broken = ClipDataset([Share(copy)], SETTINGS, seed=7)
    with pytest.raises(CorpusError, match=r"tracks.*check"):
        broken.window(0, 0)


def test_annotations_drawn_again_are_not_read_again(corpus: Path) -> None:
    reader = ClipReader(corpus_of(corpus))
    first, second, third = (clip.clip_id for clip in reader.clips[:3])
    read: list[str] = []

    def counted(clip_id: str) -> Annotation:
        read.append(clip_id)
        return reader.annotation(clip_id)

    def draw(recent: RecentAnnotations, *drawn: str) -> list[str]:
        read.clear()
        for clip_id in drawn:
            kept = recent.get(0, clip_id, counted)
            np.testing.assert_array_equal(kept.tracks.xy_NT2, reader.annotation(clip_id).tracks.xy_NT2)
        return read.copy()

    assert draw(RecentAnnotations(), first, second, first, second) == [first, second]
    largest = max(size_bytes(reader.annotation(clip_id)) for clip_id in (first, second, third))
    room_for_two = RecentAnnotations(limit=round(2.2 * largest))
    assert draw(room_for_two, first, second, first, third, first, second) == [first, second, third, second]
    assert draw(pickle.loads(pickle.dumps(room_for_two)), first) == [first]
    assert draw(RecentAnnotations(limit=0), first, first) == [first, first]
    mixed = RecentAnnotations()
    assert mixed.get(0, first, counted) is not mixed.get(1, first, counted)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_released_batch_makes_room_for_another_and_an_unreleased_one_stays_as_it_is(
    corpus: Path, workers: int
) -> None:
    stream = ClipStream(ClipDataset([Share(corpus)], SETTINGS, seed=7), 2)
    kept = list(islice(packed_batches(stream, workers), 24))
    with closing(packed_batches(stream, workers)) as batches:
        for number, (batch, same) in enumerate(zip(batches, kept, strict=False)):
            assert torch.equal(batch.frames_BWHQ3, same.frames_BWHQ3)
            assert torch.equal(batch.people_BWHQ, same.people_BWHQ)
            if number % 3:
                batch.release()
    assert not torch.equal(kept[0].frames_BWHQ3, kept[8].frames_BWHQ3)


def test_rooms_are_written_again_once_they_are_released(corpus: Path) -> None:
    dataset = ClipDataset([Share(corpus)], SETTINGS, seed=7)
    rooms = Rooms(lambda: dataset.room(2))
    first, second = rooms.take(), rooms.take()
    assert first is not second
    pack([dataset.window(0, i, first.window(i)) for i in range(2)], first).release()
    assert rooms.take() is first
    third = rooms.take()
    assert third is not first and third is not second
