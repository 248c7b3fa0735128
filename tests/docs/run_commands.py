"""Runs command lines one after the other in this process, which `query` limits for the rest of its life.

Reads a list of [words, standard input] as JSON; writes what each raised or left with, null where all went well.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import traceback

import typer

from pipelines.cli.app import app


def run(arguments: list[str], content: str) -> str | None:
    sys.stdin = io.StringIO(content)
    try:
        with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())), contextlib.redirect_stderr(io.StringIO()):
            left = typer.main.get_command(app).main(arguments, standalone_mode=False)
    except BaseException:
        return traceback.format_exc()
    return f"exit code {left}" if left else None


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps([run(arguments, content) for arguments, content in asked]))
