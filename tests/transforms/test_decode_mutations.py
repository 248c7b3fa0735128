"""Good files mutated at random, 200 of them here and FUZZ_EXAMPLES under `make fuzz`: always a verdict."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.reasons import SourceReason
from tests.malformed.child import Decoder
from tests.malformed.kinds import encoded, telecined, written
from tests.video_files import moving

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "200"))
VERDICTS = {str(reason) for reason in SourceReason} | {"done"}
_PICTURES = list(moving(12, 64, 96, seed=3))
GOOD = {
    "h264.mp4": written(frames=12, audio=True),
    "h264.mkv": written("mkv", frames=12, audio=True),
    "h264.h264": written("h264", frames=12),
    "mpeg2.ts": encoded("mpeg2video", "yuv420p", telecined()[:12], "ts"),
    "mpeg4.avi": encoded("mpeg4", "yuv420p", _PICTURES, "avi"),
    "mjpeg.mov": encoded("mjpeg", "yuvj420p", _PICTURES, "mov"),
    "vp9.webm": encoded("libvpx-vp9", "yuv420p", _PICTURES, "webm"),
    "ffv1.mkv": encoded("ffv1", "yuv420p", _PICTURES),
    "gif.gif": encoded("gif", "rgb8", _PICTURES, "gif"),
    "flv1.flv": encoded("flv", "yuv420p", _PICTURES, "flv"),
    "png.mov": encoded("png", "rgb24", _PICTURES, "mov"),
    "wmv2.asf": encoded("wmv2", "yuv420p", _PICTURES, "asf"),
}

Mutation = tuple[str, float, int, bytes]
MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "overwrite", "insert", "delete", "cut", "swap", "largest", "zero"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(1, 400),
        st.binary(min_size=1, max_size=16),
    ),
    min_size=1,
    max_size=8,
)


def mutated(data: bytes, mutations: list[Mutation]) -> bytes:
    """place: as a share of the file; half of all fall into the headers, where most decisions are made."""
    found = bytearray(data)
    for what, place, length, content in mutations:
        reach = len(found) if length % 2 else min(len(found), 2000)
        at = int(place * reach)
        if what == "flip" and found:
            found[min(at, len(found) - 1)] ^= content[0] or 1
        elif what == "overwrite":
            found[at : at + len(content)] = content
        elif what == "insert":
            found[at:at] = content
        elif what == "delete":
            del found[at : at + length]
        elif what == "cut":
            del found[at + length :]
        elif what == "swap":
            found[at : at + length] = found[at : at + length][::-1]
        else:
            found[at : at + 4] = b"\xff\xff\xff\xff" if what == "largest" else bytes(4)
    return bytes(found)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return {name: make(tmp_path_factory.mktemp("good")).read_bytes() for name, make in GOOD.items()}


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder(limit_s=30)
    yield decoder
    decoder.close()


def test_the_files_are_good_before_they_are_mutated(decoder: Decoder, good: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in good.items():
        (tmp_path / name).write_bytes(data)
        assert (name, decoder.decode(tmp_path / name).outcome) == (name, "done")


@pytest.mark.timeout(7200)
@settings(
    max_examples=EXAMPLES,
    derandomize=EXAMPLES == 200,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(name=st.sampled_from(sorted(GOOD)), mutations=MUTATIONS)
def test_a_mutated_file_gets_a_verdict_within_bounds(
    decoder: Decoder,
    good: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    mutations: list[Mutation],
) -> None:
    path = tmp_path_factory.getbasetemp() / f"mutated{Path(name).suffix}"
    path.write_bytes(mutated(good[name], mutations))
    found = decoder.decode(path)
    assert found.outcome in VERDICTS
    assert found.peak_rss_bytes < 600e6
    assert found.seconds < 20


@pytest.fixture(scope="module", autouse=True)
def _deaths_are_told(decoder: Decoder) -> Iterator[None]:
    """A native crash is a verdict, not a failure of this suite; but it is said."""
    yield
    if decoder.deaths:
        print(f"\n{decoder.deaths} of {EXAMPLES} mutated files killed or stalled their decoder")
