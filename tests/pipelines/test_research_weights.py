"""Weights of research-grade annotators are told of and fetched by the driver, before a worker is hired."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.annotators.needs import research_weights
from models.weights.cache import cache_folder
from models.weights.store import absent
from pipelines.cli.research import ready_weights
from pipelines.synthesize import synthesize
from schemas.config import (
    BeamConfig,
    ComputeConfig,
    Config,
    EngineConfig,
    MasksConfig,
    PoseConfig,
    RayConfig,
    TracksConfig,
)
from schemas.errors import ConfigError
from tests.command_line import figureground
from tests.models.annotators.tiny.sam import save_sam
from tests.models.optional import needs
from tests.models.weights.servers import Hub, serving

SAM = ("masks.annotator=segment_anything", "masks.weights=tiny", "compute.device=cpu")
SET = tuple(word for setting in SAM for word in ("--set", setting))
CONFIG = Config(masks=MasksConfig(annotator="segment_anything", weights="tiny"), compute=ComputeConfig(device="cpu"))
HERE = EngineConfig()
SMALL_SAM = needs("torch", "torchvision", "segment_anything")


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("truth")
    synthesize(out, 1, seed=3, size=128, seconds=0.5, fps=12, people=(1, 1))
    return out / "corpus"


@pytest.fixture
def corpus(truth: Path, tmp_path: Path) -> Path:
    shutil.copytree(truth, tmp_path / "corpus")
    return tmp_path / "corpus"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Serves the weights `tiny`, which an empty cache lacks; what is embedded comes from the real one."""
    content = save_sam(tmp_path / "sam.safetensors").read_bytes()
    with serving(Hub({"/sam": content})) as served:
        entry = {"name": "tiny", "url": f"{served.url}/sam", "licence": "MIT", "purpose": "A small SAM"}
        entry["sha256"] = hashlib.sha256(content).hexdigest()
        (tmp_path / "own.json").write_text(json.dumps([entry]))
        monkeypatch.setenv("FIGUREGROUND_WEIGHTS", str(tmp_path / "own.json"))
        monkeypatch.setenv("FIGUREGROUND_MIRROR", str(cache_folder() / "weights"))
        monkeypatch.setenv("FIGUREGROUND_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("FIGUREGROUND_OFFLINE", raising=False)
        yield served


@SMALL_SAM
def test_annotate_fetches_with_progress_before_it_works(corpus: Path, hub: Hub) -> None:
    command = ("annotate", "--only", "masks", "--with", "segment_anything", *SET, "--workers", 1, "--json")
    run = figureground(*command, corpus, check=True)
    assert json.loads(run.stdout)["made"] == 1
    told = run.stderr.splitlines()
    assert [told.index(line) for line in ("0/1 tiny", "1/1 tiny", "1/1 clips")] == [1, 2, 3]
    assert "A small SAM" in told[0] and "MIT" in told[0]
    assert hub.asked == [("/sam", None)]


@SMALL_SAM
def test_evaluate_annotators_tells_licences_and_begins_nothing_if_weights_cannot_be_had(truth: Path, hub: Hub) -> None:
    run = figureground("evaluate-annotators", truth, "--only", "masks", *SET, FIGUREGROUND_OFFLINE="1")
    assert run.returncode == 1
    told = run.stderr.splitlines()
    assert "A small SAM" in told[0] and "MIT" in told[0]
    assert told[1] == "0/1 tiny"
    assert "tiny is not in the cache, and FIGUREGROUND_OFFLINE forbids" in told[2]
    assert hub.asked == []


def test_curate_begins_nothing_if_weights_cannot_be_had(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"never looked at")
    settings = ("pose.annotator=dwpose", "masks.annotator=selfie", "compute.device=cpu")
    said = [word for setting in settings for word in ("--set", setting)]
    where = {"FIGUREGROUND_CACHE": str(tmp_path / "cache"), "FIGUREGROUND_OFFLINE": "1"}
    run = figureground("curate", tmp_path / "a.mp4", "--corpus", tmp_path / "corpus", *said, **where)
    assert run.returncode == 1
    assert "dwpose_detector is not in the cache, and FIGUREGROUND_OFFLINE forbids" in run.stderr
    assert not (tmp_path / "corpus").exists()


@SMALL_SAM
def test_weights_are_left_to_machines_that_do_not_share_this_cache(hub: Hub) -> None:
    ready_weights(CONFIG, "ray", EngineConfig(ray=RayConfig(address="ray://far:10001")))
    ready_weights(CONFIG, "beam", EngineConfig(beam=BeamConfig(options=("--runner=FlinkRunner",))))
    ready_weights(Config(), "local", HERE)
    assert hub.asked == [] and absent(["tiny"]) == ["tiny"]
    ready_weights(CONFIG, "ray", HERE, quiet=True)
    ready_weights(CONFIG, "local", HERE)
    assert len(hub.asked) == 1 and absent(["tiny"]) == []


@SMALL_SAM
def test_nothing_is_fetched_for_a_gpu_that_is_missing(hub: Hub) -> None:
    far = Config(masks=CONFIG.masks, compute=ComputeConfig(device="cuda:63"))
    with pytest.raises(ConfigError, match="GPUs here"):
        ready_weights(far, "local", HERE)
    assert hub.asked == []


def test_weights_are_those_of_what_is_to_be_made() -> None:
    config = Config(
        pose=PoseConfig(annotator="openpose"), masks=CONFIG.masks, tracks=TracksConfig(annotator="cotracker3")
    )
    assert research_weights(config, ["poses"]) == ("openpose_body",)
    assert research_weights(config, ["masks"]) == ("tiny",)
    assert research_weights(config, ["tracks"]) == ("cotracker3_offline", "cotracker3_online")
    assert len(research_weights(config)) == 4
