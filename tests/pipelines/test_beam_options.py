"""Pipeline options: what we read of them ourselves, and that Beam reads those we recommend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipelines.engines.beam.exchange import Brief, Exchange
from pipelines.engines.beam.options import runner_options
from pipelines.engines.beam.submit import pipeline_options
from pipelines.flow import Flow
from schemas.config import BeamConfig, LimitsConfig
from schemas.config_loading import parse_engine_config
from schemas.errors import ConfigError
from tests.pipelines.engine_stages import Decode, ListWriter, task

GUIDE = Path(__file__).resolve().parents[2] / "infra" / "README.md"

FLINK = ("--runner=PortableRunner", "--job_endpoint=localhost:8099", "--parallelism=8")


def test_without_options_the_stages_run_in_several_processes_here() -> None:
    options = runner_options((), None, 3)
    assert options.runner == "DirectRunner"
    assert options.workers == 3
    assert set(options.arguments) == {"--direct_running_mode=multi_threading", "--direct_num_workers=3"}


def test_what_the_user_says_of_the_direct_runner_is_kept() -> None:
    given = ("--runner=DirectRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=5")
    assert runner_options(given, None, 3).arguments == given
    assert runner_options(given, None, 3).workers == 5


def test_options_of_another_runner_are_passed_on_as_they_are() -> None:
    options = runner_options(FLINK, None, 3)
    assert (options.arguments, options.runner, options.workers) == (FLINK, "PortableRunner", 8)


def test_workers_are_not_silently_ignored() -> None:
    with pytest.raises(ConfigError, match="--parallelism"):
        runner_options(FLINK, 4, 3)
    with pytest.raises(ConfigError, match="--workers 4 contradicts --direct_num_workers=2"):
        runner_options(("--direct_num_workers=2",), 4, 3)


def recommended() -> dict[str, BeamConfig]:
    """Configurations of the guide, by runner and environment."""
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(beam:.*?)```", GUIDE.read_text(), re.S)]
    configs = [parse_engine_config(block).beam for block in blocks]
    return {re.sub(r"\W+", "-", " ".join(config.options[:3])): config for config in configs}


@pytest.mark.parametrize("name", recommended())
def test_beam_knows_every_option_of_the_guide_and_makes_a_pipeline_of_them(name: str, tmp_path: Path) -> None:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PortableOptions
    from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner
    from apache_beam.transforms.environments import Environment

    from pipelines.engines.beam.stages import build

    read = runner_options(recommended()[name].options, None, 1)
    options = pipeline_options(read.runner, list(read.arguments))
    assert options.get_all_options().keys() == options.get_all_options(retain_unknown_options=True).keys()
    exchange = Exchange(tmp_path / "run-1")
    exchange.create(Brief(Flow((Decode(),), ListWriter()), LimitsConfig(), 1, None, None))
    exchange.put_tasks([task("a?clips=1")])
    pipeline = beam.Pipeline(runner=FnApiRunner(), options=options)
    build(pipeline, exchange)
    environment = Environment.from_options(options.view_as(PortableOptions))
    proto = pipeline.to_runner_api(default_environment=environment)
    assert {t.unique_name.partition("/")[0] for t in proto.components.transforms.values()} >= {
        "Tasks",
        "Spread",
        "Work",
    }
    assert len(proto.SerializeToString()) < 100_000  # tasks travel over the exchange
