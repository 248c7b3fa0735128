"""A pool of prepared clips on disk: made once, drawn from again and again, so that a CPU trains instead of rendering.

Shard i is a safetensors file of bytes that depends on the source and i alone; building goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from models.generator.training.prepared import PreparedClip, concatenate
from pipelines.training.prepare import prepare_window
from pipelines.training.sources import WindowSource, shard
from schemas.errors import ConfigError


def build_shard(folder: Path, index: int, source: WindowSource) -> Path:
    """Write one shard unless it is there."""
    path = folder / f"{index:06d}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        clips = concatenate([clip.as_bytes() for batch in shard(source, index) for clip in prepare_window(batch)])
        partial = path.with_suffix(".partial")
        save_file({name: tensor.cpu().contiguous() for name, tensor in clips.tensors().items()}, partial)
        partial.replace(path)
    return path


def build_pool(
    folder: Path, shards: int, source: WindowSource, progress: Callable[[int, int], None] | None = None
) -> ClipPool:
    """Write what is missing of the first `shards` shards, and open them."""
    for index in range(shards):
        build_shard(folder, index, source)
        if progress is not None:
            progress(index + 1, shards)
    return ClipPool(folder, shards)


def require_made_from(folder: Path, corpora: Sequence[str]) -> None:
    """Note beside a pool that is begun what it is made from; ConfigError where one that is there has another note.

    corpora: as `mix.in_words` names them.
    """
    note = folder / "made_from.json"
    if note.exists():
        if (old := json.loads(note.read_text())) != list(corpora):
            raise ConfigError(
                f"the pool {folder} was made from {', '.join(old)}, not from {', '.join(corpora)}: give the same "
                "--corpus, or another data.pool"
            )
    elif not any(folder.glob("*.safetensors")):
        folder.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(list(corpora)))


class ClipPool:
    """The first `shards` shards of a folder, mapped into memory, as one sequence of clips in bytes."""

    def __init__(self, folder: Path, shards: int) -> None:
        paths = [folder / f"{index:06d}.safetensors" for index in range(shards)]
        missing = [path.name for path in paths if not path.exists()]
        if missing:
            raise ConfigError(f"the pool {folder} lacks {len(missing)} of {shards} shards, such as {missing[0]}")
        self._shards = [PreparedClip(**load_file(path)) for path in paths]
        self._place = [(s, row) for s, shard in enumerate(self._shards) for row in range(len(shard))]

    def __len__(self) -> int:
        return len(self._place)

    def clips(self, indices: Iterable[int]) -> PreparedClip:
        """Some clips as one batch of bytes."""
        chosen = (self._place[index] for index in indices)
        return concatenate([self._shards[s].rows(torch.tensor([row])) for s, row in chosen])
