"""`figureground.json`: what the corpus was built with, so that nobody continues it with something else."""

from __future__ import annotations

import json
from dataclasses import asdict

from pipelines.corpus.layout import MANIFEST, Layout, write_atomically
from schemas.config import Config, differences
from schemas.config_loading import parse_config
from schemas.errors import ConfigError, CorpusError

FORMAT = 2
"""Goes up with every change of the tables' columns."""


def write_manifest(layout: Layout, config: Config) -> None:
    """Declare the folder a corpus of this configuration."""
    manifest = {"format": FORMAT, "config_digest": config.digest(), "config": asdict(config)}
    write_atomically(layout.manifest, json.dumps(manifest, indent=2).encode())


def read_manifest(layout: Layout) -> Config:
    """The configuration the corpus was built with. Raises CorpusError if there is no corpus we can read."""
    try:
        manifest = json.loads(layout.manifest.read_text())
        format_ = manifest["format"]
        tree = manifest["config"]
    except FileNotFoundError:
        raise CorpusError(f"{layout.root} is no corpus: it has no {MANIFEST}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{layout.manifest} cannot be read: {type(error).__name__}: {error}") from None
    if format_ != FORMAT:
        raise CorpusError(
            f"{layout.root} has format {format_}; this version of figureground reads format {FORMAT}: build it anew in "
            "another folder, or use the version that built it"
        )
    return parse_config(tree)


def require_same_config(layout: Layout, config: Config) -> None:
    """Raise ConfigError, naming every difference, if the corpus was built with another configuration."""
    changed = differences(read_manifest(layout), config)
    if changed:
        lines = "\n".join(f"  {line}" for line in changed)
        raise ConfigError(
            f"{layout.root} was built with another configuration (corpus -> now):\n{lines}\n"
            "Go on with the corpus's own settings, or write to a new folder."
        )
