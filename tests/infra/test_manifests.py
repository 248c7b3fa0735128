"""The manifests say what the tools they are for, and our command line, understand."""

from __future__ import annotations

import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from pipelines.cli.app import app
from schemas.config_loading import load_config, load_engine_config
from tests.command_line import REPOSITORY

INFRA = REPOSITORY / "infra"
RAYJOB, SKY, CLUSTER = INFRA / "ray" / "rayjob.yaml", INFRA / "sky" / "curate.yaml", INFRA / "ray" / "cluster.yaml"


def tree(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def commands() -> list[str]:
    lines = [tree(RAYJOB)["spec"]["entrypoint"], *tree(SKY)["run"].splitlines()]
    return [line.strip() for line in lines if line.strip().startswith("figureground ")]


def test_our_command_line_takes_the_commands_in_the_manifests() -> None:
    assert len(commands()) == 2
    for command in commands():
        _, verb, *arguments = shlex.split(command)
        parsed = typer.main.get_command(app).commands[verb].make_context(verb, list(arguments)).params  # type: ignore[attr-defined]
        assert parsed["engine"] == "ray"
        assert load_engine_config(settings=tuple(parsed["set_"])).ray.address == "auto"
        assert load_config(settings=tuple(parsed["set_"])) == load_config()


def test_ray_accepts_the_cluster_file() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = tree(CLUSTER)
    validate_config(prepare_config(config))
    assert config["available_node_types"][config["head_node_type"]]["resources"]["CPU"] == 0


def test_the_job_on_kubernetes_runs_the_version_of_ray_that_is_locked() -> None:
    spec = tree(RAYJOB)["spec"]["rayClusterSpec"]
    assert f"ray=={spec['rayVersion']}" in (REPOSITORY / "requirements.txt").read_text().replace("ray[data]", "ray")
    pods = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for pod in pods:
        (container,) = pod["template"]["spec"]["containers"]
        assert container["resources"]["limits"] == container["resources"]["requests"]
        volumes = {volume["name"] for volume in pod["template"]["spec"]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_every_node_of_the_task_runs_what_a_shell_can_read() -> None:
    assert subprocess.run(["bash", "-n", "-c", tree(SKY)["run"]], check=False).returncode == 0
    assert set(tree(SKY)) <= {"name", "num_nodes", "resources", "file_mounts", "setup", "run", "envs", "workdir"}


def test_the_container_has_every_package_and_nothing_that_is_not_there() -> None:
    lines = (INFRA / "container" / "Dockerfile").read_text().splitlines()
    copied = [name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]]
    assert all((REPOSITORY / name).exists() for name in copied)
    packages = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    assert set(packages) <= set(copied)


@pytest.mark.parametrize("path", [RAYJOB, SKY, CLUSTER])
def test_all_manifests_run_the_same_image(path: Path) -> None:
    assert "REGISTRY/figureground:latest" in path.read_text()
