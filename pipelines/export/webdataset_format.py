"""WebDataset: tar shards, one sample a clip. Equal clips give equal bytes.

<split>/<first clip id>.tar holds <clip id>.mp4, .json (scores), .poses.npz, .tracks.npz and .masks.json
(COCO run lengths, one list per person). shards.json lists the shards of each split with their samples.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipelines.corpus.clips import StoredClip
from pipelines.export.arrays import npz, pose_arrays, track_arrays
from pipelines.export.base import Format, Item, Listed, Unit, Written, put
from pipelines.export.facts import scalars

_CLIPS_PER_SHARD = 64


class WebDataset(Format):
    """See the module."""

    name = "webdataset"
    about = "tar shards of video, poses, masks and tracks"

    def units(self, items: Sequence[Item]) -> Iterator[Unit]:
        """Shards of 64 clips, split by split."""
        for split in dict.fromkeys(item.split for item in items):
            inside = [item for item in items if item.split == split]
            for first in range(0, len(inside), _CLIPS_PER_SHARD):
                shard = inside[first : first + _CLIPS_PER_SHARD]
                yield Unit(f"{split}-{shard[0].clip.clip_id}", tuple(shard))

    def write(self, unit: Unit, out: Path) -> Written:
        """A shard. Raises CorpusError, naming the clip, if one cannot be read: a shard is written whole."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for item in unit.items:
                for ending, content in _sample(item.clip).items():
                    member = tarfile.TarInfo(f"{item.clip.clip_id}.{ending}")
                    member.size, member.mode = len(content), 0o644
                    archive.addfile(member, io.BytesIO(content))
        split, _, first = unit.name.partition("-")
        name = put(out, f"{split}/{first}.tar", buffer.getvalue())
        return Written(tuple({"shard": name} for _ in unit.items), (name,))

    def finish(self, listed: Sequence[Listed], splits: Sequence[str], out: Path) -> None:
        """The list of shards."""
        tree: dict[str, dict[str, int]] = {split: {} for split in splits}
        for entry in listed:
            shards = tree[entry.item.split]
            shards[entry.record["shard"]] = shards.get(entry.record["shard"], 0) + 1
        put(out, "shards.json", json.dumps(tree, indent=1).encode())


def _sample(clip: StoredClip) -> dict[str, bytes]:
    media, annotation = clip.media(), clip.annotation()
    masks = [list(person.mask.rle) for person in annotation.persons]
    facts: dict[str, Any] = scalars(clip) | {"frame_rate": str(media.fps)}
    return {
        "json": json.dumps(facts, default=str).encode(),
        "masks.json": json.dumps({"size": [media.height, media.width], "counts": masks}).encode(),
        "mp4": media.video,
        "poses.npz": npz(pose_arrays(annotation)),
        "tracks.npz": npz(track_arrays(annotation)),
    }
