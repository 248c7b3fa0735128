"""What `annotate` costs beside the bare networks that its annotators run.

    python -m infra.benchmarks.annotation_cost [VIDEO] [--network blazepose|sam] [--device cpu|cuda] [--clips N]
        [--frames N] [--side PX] [--batch N]

Builds a corpus of a video (default: the demo's), then runs `annotate` over it in this process. Whatever an annotator
gives a network is noted, and after each clip the same networks are run on the same input with nothing around them; its
video is decoded to RGB arrays by a plain PyAV loop, which whoever runs a network over a video has to do. Each row is
set against both: the bare networks, and the plain loop that decodes and runs the networks.
On the CPU all is measured by CPU seconds of all threads, a clip of one beside a clip of the other, so that a busy
machine slows both; on a GPU by wall seconds, each read when the GPU has finished, with how busy it was if the module
pynvml is there to say so. The first clip warms up and is not counted. `sam` is vit_b with random weights, for pictures
of so many px a side, in the precision of the default configuration.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

import av

from infra.benchmarks.annotation_meter import GpuMeter, Meter
from pipelines.annotate import annotate
from pipelines.chain import Chain
from pipelines.corpus.committer import Committer
from pipelines.corpus.delta import Tables
from pipelines.corpus.parts import PartWriter, write_rows
from pipelines.corpus.read import Corpus
from pipelines.corpus.unpack import rows_of
from pipelines.curate import curation_stages
from pipelines.events import PartDone
from pipelines.flow import Flow
from pipelines.job import Task
from schemas.config import ClipsConfig, ComputeConfig, Config, MasksConfig
from schemas.records import Frames, Source
from transforms.annotation.again import Again
from transforms.encoding.h264 import decode_frames

FORMER = "former"
"""Annotator that the corpus's own poses are said to be by, so that BlazePose has not made them yet."""


@dataclass
class Cost:
    """Seconds over the clips after the first, by a meter.

    networks_s: of the calls of networks, run again by themselves. decode_s: of a plain loop over the stored videos.
    annotator_s: of the annotator on frames in memory. pipeline_s: of the whole command, from the end of the first clip
    on.
    """

    meter: Meter = field(default_factory=Meter)
    pending: list[Callable[[], Any]] = field(default_factory=list)
    videos: list[bytes] = field(default_factory=list)
    calls: int = 0
    networks_s: float = 0.0
    decode_s: float = 0.0
    annotator_s: float = 0.0
    pipeline_s: float = 0.0
    _begun_s: float | None = None

    def next_clip(self, *_: object) -> None:
        """A clip is done: run its networks again."""
        calls, self.pending = self.pending, []
        videos, self.videos = self.videos, []
        started = self.meter.now_s()
        if self._begun_s is None:
            self.annotator_s, self._begun_s = 0.0, started
            self.meter.begin("annotate")
            return
        self.meter.begin("networks")
        for call in calls:
            call()
        self.calls += len(calls)
        ran = self.meter.now_s()
        self.networks_s += ran - started
        self.meter.begin("decode")
        for video in videos:
            decode_plainly(video)
        self.decode_s += self.meter.now_s() - ran
        self.meter.begin("annotate")

    def end(self) -> None:
        """The command has ended."""
        assert self._begun_s is not None
        self.pipeline_s = self.meter.now_s() - self._begun_s - self.networks_s - self.decode_s

    def timed(self, again: Any) -> Any:
        """The method of an annotator, with its time counted."""

        def annotate(*arguments: Any) -> Any:
            started = self.meter.now_s()
            made = again(*arguments)
            self.annotator_s += self.meter.now_s() - started
            return made

        return annotate

    def table(self, frames: int) -> Iterator[str]:
        """Lines for people; the plain loop decodes and runs the networks. frames: of the clips that were counted."""
        plain_s = self.networks_s + self.decode_s
        yield f"{'':10} {self.meter.unit:>8} {'ms a frame':>11} {'over networks':>14} {'over plain loop':>16}"
        rows = {"networks": self.networks_s, "decode": self.decode_s, "plain loop": plain_s}
        for name, seconds in (rows | {"annotator": self.annotator_s, "annotate": self.pipeline_s}).items():
            ratios = f"{seconds / self.networks_s:14.3f} {seconds / plain_s:16.3f}"
            yield f"{name:10} {seconds:8.2f} {1000 * seconds / frames:11.2f} {ratios}"


def decode_plainly(video: bytes) -> None:
    """Every frame as an RGB array, dropped at once."""
    with av.open(io.BytesIO(video)) as container:
        for frame in container.decode(video=0):
            frame.to_ndarray(format="rgb24")


def build_corpus(folder: Path, video: Path, clips: int, frames: int) -> Path:
    """A corpus of the beginning of a video, in clips of so many frames; all its poses are another annotator's."""
    short = cut(video, folder / "short.mp4", clips * (frames + 1) + 1)
    seconds = (frames + 0.5) / 30
    config = Config(recipe="everything", clips=ClipsConfig(min_s=seconds / 2, max_s=seconds, edge_frames=0))
    stages, root = curation_stages(config), folder / "corpus"
    Chain(stages).setup()
    digest = hashlib.sha256(short.read_bytes()).hexdigest()
    with Committer(root, config) as committer:
        for event in Flow(stages, PartWriter(root)).run(Task(Source(str(short), digest, short.stat().st_size))):
            if isinstance(event, PartDone):
                committer.add(event.part)
    read = Corpus(root)
    rows = [row | {"annotator": FORMER} for row in rows_of(read.arrow("poses"))]
    renamed = write_rows(read.layout, "poses", "renamed", rows)
    Tables(read.layout).replace("poses", read.files["poses"], [renamed], data_change=True)
    manifest = json.loads(read.layout.manifest.read_text()) | {"preferred": {"poses": FORMER}}
    read.layout.manifest.write_text(json.dumps(manifest))
    return root


def cut(video: Path, target: Path, frames: int) -> Path:
    """The first frames of a video, at 30 frames a second."""
    from schemas.config import MediaConfig
    from tests.models.footage import load
    from transforms.encoding.h264 import encode_h264

    target.write_bytes(encode_h264(replace(load(video, frames), fps=Fraction(30)), MediaConfig(crf=10)).video)
    return target


def measure_blazepose(corpus: Path) -> Cost:
    """Of `annotate --only poses --with blazepose`."""
    from models.annotators.litert import LiteRtNetwork

    cost, inner = Cost(), LiteRtNetwork.__call__

    def noted(network: LiteRtNetwork, image: Any) -> Any:
        cost.pending.append(lambda: inner(network, image))
        return inner(network, image)

    with patch.object(LiteRtNetwork, "__call__", noted):
        return _annotate(corpus, Config(recipe="everything"), "poses", cost)


def measure_sam(corpus: Path, weights: Path, batch: int, device: str = "cpu", meter: Meter | None = None) -> Cost:
    """Of `annotate --only masks --with segment_anything`. meter: None counts CPU seconds."""
    import torch
    from segment_anything.modeling import Sam

    torch.set_num_threads(1)
    entry = {"name": "random", "path": str(weights), "licence": "none", "purpose": "benchmark"}
    entry["sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    listed = weights.with_suffix(".json")
    listed.write_text(json.dumps([entry]))
    cost, plain, kind = Cost(meter or Meter()), Sam.__init__, torch.device(device).type

    def watched(sam: Any, *arguments: Any, **options: Any) -> None:
        plain(sam, *arguments, **options)
        for part in (sam.image_encoder, sam.prompt_encoder, sam.mask_decoder):
            part.register_forward_pre_hook(note, with_kwargs=True)

    def note(part: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        lower, precision = torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)

        def again() -> None:
            with torch.inference_mode(), torch.autocast(kind, precision, enabled=lower):
                part.forward(*given, **named)

        cost.pending.append(again)

    config = Config(
        recipe="everything",
        masks=MasksConfig(annotator="segment_anything", weights="random"),
        compute=ComputeConfig(device=device, batch=batch),
    )
    with patch.object(Sam, "__init__", watched), patch.dict(os.environ, {"FIGUREGROUND_WEIGHTS": str(listed)}):
        return _annotate(corpus, config, "masks", cost)


def save_sam(path: Path, side: int) -> Path:
    """Random weights of Segment Anything vit_b for pictures of so many px (published: 1024), in safetensors."""
    from functools import partial

    import torch
    from safetensors.torch import save_file
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    torch.manual_seed(0)
    encoder = ImageEncoderViT(
        img_size=side, embed_dim=768, depth=12, num_heads=12, out_chans=256, use_rel_pos=True, window_size=14,
        global_attn_indexes=(2, 5, 8, 11), norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
    )  # fmt: skip
    prompts = PromptEncoder(256, (side // 16, side // 16), (side, side), 16)
    decoder = MaskDecoder(
        transformer_dim=256, transformer=TwoWayTransformer(depth=2, embedding_dim=256, num_heads=8, mlp_dim=2048)
    )
    save_file(Sam(encoder, prompts, decoder).state_dict(), path)
    return path


def _annotate(corpus: Path, config: Config, table: str, cost: Cost) -> Cost:
    def noted(video: bytes, fps: Fraction) -> Frames:
        cost.videos.append(video)
        return decode_frames(video, fps)

    with (
        patch.object(Again, "annotate", cost.timed(Again.annotate)),
        patch("transforms.encoding.h264.decode_frames", noted),
    ):
        done = annotate(corpus, config, table, None, cost.next_clip)
    if done.failed:
        raise SystemExit("\n".join(done.failed))
    cost.end()
    return cost


def main(arguments: list[str]) -> None:
    """Measure and print."""
    import cv2

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--network", choices=("blazepose", "sam"), default="blazepose")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--clips", type=int, default=3)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=4)
    given = parser.parse_args(arguments)
    if given.device == "cuda" and given.network == "blazepose":
        parser.error("blazepose runs on the CPU alone; --network sam runs on a GPU")
    try:
        meter = GpuMeter() if given.device == "cuda" else Meter()
    except RuntimeError as error:
        parser.error(str(error))
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        corpus = build_corpus(Path(folder), given.video or demo_video(), given.clips, given.frames)
        if given.network == "blazepose":
            cost = measure_blazepose(corpus)
        else:
            weights = save_sam(Path(folder) / "sam.safetensors", given.side)
            cost = measure_sam(corpus, weights, given.batch, given.device, meter)
        lengths = Corpus(corpus).arrow("media", ["clip_id", "frames"]).sort_by("clip_id")["frames"].to_pylist()
    frames = sum(lengths[1:])
    print(f"{given.network}: {frames} frames, {cost.calls} calls of networks")
    print("\n".join((*cost.table(frames), *meter.close())))


def demo_video() -> Path:
    """A jumper and a walker before a still camera, out of the package sports2d."""
    from models.weights.wheels import wheel_members

    member = "Sports2D/Demo/demo.mp4"
    return wheel_members("sports2d", "0.8.34", [member])[member]


if __name__ == "__main__":
    main(sys.argv[1:])
