"""Pipeline options as a user writes them, read without importing Beam."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from schemas.errors import ConfigError

DIRECT = "DirectRunner"


@dataclass(frozen=True, slots=True)
class RunnerOptions:
    """arguments: standard Beam pipeline options, `--name=value`. runner: its class name.

    workers: tasks at a time, as far as the options say; 1 if they do not.
    """

    arguments: tuple[str, ...]
    runner: str
    workers: int


def runner_options(arguments: tuple[str, ...], workers: int | None, default_workers: int) -> RunnerOptions:
    """Options of a run: several processes on this machine unless `arguments` name another runner.

    Raises ConfigError if `workers` is given for a runner that has an option of its own for it.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--runner", default=DIRECT)
    parser.add_argument("--direct_running_mode")
    for name in ("--direct_num_workers", "--parallelism", "--num_workers"):
        parser.add_argument(name, type=int)
    known, _ = parser.parse_known_args(arguments)
    if known.runner not in (DIRECT, "direct", "Direct"):
        if workers is not None:
            raise ConfigError(
                f"--workers is for {DIRECT}; {known.runner} takes an option: --parallelism (Flink), "
                "--num_workers (Dataflow), --direct_num_workers (Beam's own job service)"
            )
        number = known.parallelism or known.num_workers or known.direct_num_workers or 1
        return RunnerOptions(arguments, known.runner, number)
    if known.direct_num_workers is not None and workers not in (None, known.direct_num_workers):
        raise ConfigError(f"--workers {workers} contradicts --direct_num_workers={known.direct_num_workers}")
    number = known.direct_num_workers or workers or default_workers
    # Threads of Beam's: the work is done in a process for each of them, and every process of Beam's starts slowly.
    missing = [] if known.direct_running_mode else ["--direct_running_mode=multi_threading"]
    missing += [] if known.direct_num_workers else [f"--direct_num_workers={number}"]
    return RunnerOptions((*arguments, *missing), DIRECT, number)
