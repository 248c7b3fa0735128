"""The process that hands the pipeline to its runner and waits: Beam never runs in the driver itself.

Its runners cannot be interrupted from inside and leave threads, servers and children; a process can be ended.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pipelines.engines.beam.exchange import Exchange
from pipelines.engines.beam.options import DIRECT
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions


def submit_main(folder: str, runner: str, arguments: list[str], lifeline_fd: int) -> None:
    """Entry point. lifeline_fd: closes when the driver dies. SIGTERM cancels a job that runs elsewhere."""
    _end_with_the_driver(lifeline_fd)
    logging.basicConfig(level=logging.WARNING)
    exchange = Exchange(Path(folder))
    try:
        options = pipeline_options(runner, arguments)
    except ConfigError as error:
        exchange.break_off(error)
        return
    result = run_pipeline(exchange, options, direct=runner == DIRECT)
    signal.signal(signal.SIGTERM, _leave)
    try:
        result.wait_until_finish()
    except SystemExit:
        result.cancel()
        os._exit(1)  # what Beam left running must not hold us


def pipeline_options(runner: str, arguments: list[str]) -> PipelineOptions:
    """Beam's options. Raises ConfigError for one that Beam does not know or cannot read."""
    from apache_beam.options.pipeline_options import PipelineOptions

    try:
        options = PipelineOptions(arguments)
        known = options.get_all_options()
        everything = options.get_all_options(retain_unknown_options=True)
    except SystemExit:
        raise ConfigError(f"Beam cannot read the pipeline options {' '.join(arguments)}") from None
    unknown = sorted(everything.keys() - known.keys())
    if unknown and runner == DIRECT:
        raise ConfigError(f"no pipeline option of {DIRECT} is named {', '.join(unknown)}")
    return options


def run_pipeline(exchange: Exchange, options: PipelineOptions, *, direct: bool) -> Any:
    """Build the pipeline and start it."""
    import apache_beam as beam

    from pipelines.engines.beam.stages import build

    pipeline = beam.Pipeline(runner=_direct_runner(options) if direct else None, options=options)
    build(pipeline, exchange)
    return pipeline.run()


def _direct_runner(options: PipelineOptions) -> Any:
    """Beam's in-process runner by itself: `DirectRunner` may choose another one, whose binary it downloads."""
    from apache_beam.portability.api import beam_provision_api_pb2
    from apache_beam.runners.portability.fn_api_runner import fn_runner
    from apache_beam.runners.portability.portable_runner import JobServiceHandle

    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    info = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
    return fn_runner.FnApiRunner(provision_info=fn_runner.ExtendedProvisionInfo(info))


def _end_with_the_driver(lifeline_fd: int) -> None:
    """Take Beam's workers along, which may be deep in a bundle: they are of our process group."""

    def watch() -> None:
        os.read(lifeline_fd, 1)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="lifeline").start()


def _leave(*_: object) -> NoReturn:
    sys.exit(1)
