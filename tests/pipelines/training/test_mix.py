"""Corpora and synthetic video in one training: what is drawn from which, and exactly again by a resumed run."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")

from safetensors.torch import load_file  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from pipelines.cli.app import app  # noqa: E402
from pipelines.training.build import build_source  # noqa: E402
from pipelines.training.checkpoint import latest_checkpoint  # noqa: E402
from pipelines.training.mix import in_words, read_mix  # noqa: E402
from pipelines.training.sources import CorpusSource, MixedSource, SyntheticSource  # noqa: E402
from pipelines.training_data.dataset import Share  # noqa: E402
from schemas.errors import ConfigError  # noqa: E402
from tests.pipelines.test_training_data import make_corpus  # noqa: E402
from tests.pipelines.training.tiny_stage import stage  # noqa: E402

SIZE, FRAMES, BATCH = 16, 3, 4
TINY = [
    "data.size=16", "data.frames=3", "data.batch=2", "model.widths=[8, 8, 16]", "log_every=1", "checkpoint_every=2",
    "look_every=100", "data.pool_shards=0", "optimizer.warmup_steps=1", "optimizer.decay_steps=0",
]  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_corpus(tmp_path_factory.mktemp("mix") / "corpus", range(3))


def mixed(corpus: Path, share: float, decoders: int = 0) -> MixedSource:
    corpora = CorpusSource((Share(corpus),), 7, SIZE, FRAMES, decoders)
    return MixedSource(SyntheticSource(7, SIZE, FRAMES), corpora, share)


def frames(batches, count):
    return [batch.frames_BW3HW for batch in islice(batches, count)]


def test_every_place_of_a_batch_is_drawn_from_the_mix_by_weight(corpus: Path):
    source = mixed(corpus, 0.25)
    windows = torch.cat(frames(source.batches(1, BATCH, 0), 15))
    synthetic = torch.cat(frames(source.synthetic.batches(1, BATCH, 0), 15))
    real = torch.cat(frames(source.corpora.batches(1, BATCH, 0), 15))
    from_corpus = [torch.equal(window, other) for window, other in zip(windows, real, strict=True)]
    from_synthesis = [torch.equal(window, other) for window, other in zip(windows, synthetic, strict=True)]
    assert all(a != b for a, b in zip(from_corpus, from_synthesis, strict=True))
    assert 6 <= sum(from_corpus) <= 26
    mixed_batches = [len({*from_corpus[start : start + BATCH]}) == 2 for start in range(0, 60, BATCH)]
    assert sum(mixed_batches) >= 5


def test_a_mix_goes_on_where_it_stopped_and_is_shared_out_among_processes(corpus: Path):
    whole = frames(mixed(corpus, 0.5).batches(2, BATCH, 0), 4)
    late = frames(mixed(corpus, 0.5).batches(2, BATCH, 2), 2)
    assert all(map(torch.equal, whole[2:], late))
    halves = [frames(mixed(corpus, 0.5).batches(2, BATCH // 2, 1, rank, 2), 1)[0] for rank in range(2)]
    assert torch.equal(whole[1], torch.cat(halves))


def test_workers_decode_the_same_mix(corpus: Path):
    here = frames(mixed(corpus, 0.7).batches(1, BATCH, 0), 3)
    elsewhere = frames(mixed(corpus, 0.7, decoders=2).batches(1, BATCH, 0), 3)
    assert all(map(torch.equal, here, elsewhere))


def test_weights_are_shares_of_all_windows(corpus: Path):
    source = build_source(read_mix(["synthetic=3", f"{corpus}=0.5", "elsewhere=0.5"]), stage(), 0)
    assert isinstance(source, MixedSource)
    assert source.share == 0.25
    assert source.corpora.mix == (Share(str(corpus), 0.5), Share("elsewhere", 0.5))
    assert isinstance(build_source(read_mix(["a", "b=2"]), stage(), 0), CorpusSource)
    assert isinstance(build_source(read_mix(["synthetic=2"]), stage(), 0), SyntheticSource)


def test_a_number_after_the_last_equals_sign_is_a_weight():
    assert read_mix(["a/day=monday", "b/day=2=0.1", "s3://bucket/c"]) == (
        Share("a/day=monday"), Share("b/day=2", 0.1), Share("s3://bucket/c"),
    )  # fmt: skip
    assert in_words(read_mix(["s3://bucket/c/", "b/d=0.1"])) == ["c=1", "d=0.1"]


@pytest.mark.parametrize("texts", [[], ["a", "a=2"], ["a=0"], ["a=-1"], ["a=nan"], ["a=inf"], ["=1"], [""]])
def test_a_mix_that_is_none_is_refused(texts: list[str]):
    with pytest.raises(ConfigError, match="--corpus"):
        read_mix(texts)


def train(out: Path, corpora: list[str], *settings: str):
    arguments = ["train", "--config", "pocket-video", "--out", str(out), "--json"]
    for corpus in corpora:
        arguments += ["--corpus", corpus]
    for setting in (*TINY, *settings):
        arguments += ["--set", setting]
    return CliRunner().invoke(app, arguments)


def test_a_training_on_a_mix_that_is_resumed_equals_an_uninterrupted_one(corpus: Path, tmp_path: Path):
    given = ["synthetic", f"{corpus}=1"]
    whole = train(tmp_path / "whole", given, "steps=4")
    assert whole.exit_code == 0, whole.output
    train(tmp_path / "parts", given, "steps=2")
    resumed = train(tmp_path / "parts", given, "steps=4")
    assert json.loads(resumed.stdout.splitlines()[-1])["already"] == 2
    a, b = (load_file(latest_checkpoint(tmp_path / name / "checkpoints")) for name in ("whole", "parts"))
    assert all(torch.equal(a[name], b[name]) for name in a)
    alone = train(tmp_path / "alone", ["synthetic"], "steps=4")
    assert alone.exit_code == 0
    c = load_file(latest_checkpoint(tmp_path / "alone" / "checkpoints"))
    assert not all(torch.equal(a[name], c[name]) for name in a)
    changed = train(tmp_path / "parts", ["synthetic", f"{corpus}=2"], "steps=5")
    assert "corpora: ['synthetic=1', 'corpus=1'] -> ['synthetic=1', 'corpus=2']" in str(changed.exception)


def test_a_pool_is_made_from_one_mix(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipelines.training.sources._SHARD_BATCH", 2)
    pool = f"data.pool={tmp_path / 'pool'}"
    first = train(tmp_path / "a", ["synthetic"], "data.pool_shards=1", "steps=1", pool)
    assert first.exit_code == 0, first.output
    other = train(tmp_path / "b", ["synthetic", f"{corpus}=0.1"], "data.pool_shards=1", "steps=1", pool)
    assert isinstance(other.exception, ConfigError)
    assert "was made from synthetic=1, not from synthetic=1, corpus=0.1" in str(other.exception)


def test_settings_that_a_checkpoint_does_not_know_had_their_defaults(tmp_path: Path):
    from pipelines.training.checkpoint import require_same_settings, settings_tree

    config = stage("seed=3")
    old = settings_tree(config, ["synthetic=1"])
    del old["corpora"], old["optimizer"]["beta2"]
    path = tmp_path / "run" / "checkpoints" / "step_00000001.safetensors"
    require_same_settings(path, old, settings_tree(config, ["synthetic=1"]))
    other = replace(config, optimizer=replace(config.optimizer, beta2=0.5))
    with pytest.raises(ConfigError, match=r"optimizer\.beta2: 0\.99 -> 0\.5"):
        require_same_settings(path, old, settings_tree(other, ["synthetic=1"]))
