"""Fixtures shared by all suites."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SAMPLE_VIDEOS = Path(__file__).resolve().parents[2] / "shared" / "data" / "videos"


@dataclass(frozen=True)
class SampleVideos:
    """Real labelled videos; not ours to distribute, so they live outside the repository."""

    folder: Path
    manifest: dict[str, dict[str, Any]]

    def path(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell's background job ignores SIGINT, and so would every program that a suite run in one starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def sample_videos() -> SampleVideos:
    if not (SAMPLE_VIDEOS / "manifest.json").exists():
        pytest.skip("the labelled sample videos are not in ../shared/data/videos")
    manifest = json.loads((SAMPLE_VIDEOS / "manifest.json").read_text())
    return SampleVideos(SAMPLE_VIDEOS, {video["file"]: video for video in manifest["videos"]})


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """A Ray cluster on this machine that every RayEngine of the process uses: starting one takes seconds."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import logging

    import ray

    ray.init(
        address="local",
        num_cpus=4,
        num_gpus=1,  # in Ray's books alone: stages that ask for a GPU find a place
        include_dashboard=False,
        object_store_memory=256 * 2**20,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    yield
    ray.shutdown()
