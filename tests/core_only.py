"""The command line of an installation without extras: `python -m tests.core_only curate ...`.

What is in `sys.modules` as None is to Python not installed: neither found nor imported.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
OTHER_NAMES = {"opencv_python_headless": "cv2", "rerun_sdk": "rerun", "scenedetect_headless": "scenedetect"}


def modules_of(requirements: list[str]) -> set[str]:
    """Modules that distributions bring, by their requirements."""
    names = {"".join(c if c.isalnum() else "_" for c in r.split(">")[0].split("[")[0]) for r in requirements}
    return {OTHER_NAMES.get(name, name) for name in names}


def modules_of_extras() -> dict[str, set[str]]:
    """By extra, but for what developers need; nothing that comes without one."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    extras = project["optional-dependencies"].items()
    return {name: modules_of(wanted) for name, wanted in extras if name != "dev"}


def main() -> None:
    for modules in modules_of_extras().values():
        sys.modules.update(dict.fromkeys(modules))  # type: ignore[arg-type]
    from pipelines.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
