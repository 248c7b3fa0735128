"""The command line, one verb a file."""

from pipelines.cli.app import main

__all__ = ["main"]
