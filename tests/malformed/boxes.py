"""Bytes of containers: boxes of ISO 14496-12, elements of Matroska, and edits of both."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator

Edit = Callable[[bytearray], bytes | bytearray]
_CLUSTER, _SEGMENT, _SIMPLE_BLOCK = 0x1F43B675, 0x18538067, 0xA3


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def boxes(data: bytes | bytearray) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of the boxes at the top."""
    at = 0
    while at + 8 <= len(data):
        size = struct.unpack_from(">I", data, at)[0]
        yield bytes(data[at + 4 : at + 8]), at, at + size
        at += max(8, size)


def top_box(data: bytes | bytearray, kind: bytes) -> tuple[int, int]:
    ((start, end),) = ((start, end) for found, start, end in boxes(data) if found == kind)
    return start, end


def element(identity: str, content: bytes) -> bytes:
    """A Matroska element with a size of eight bytes."""
    return bytes.fromhex(identity) + struct.pack(">Q", len(content) | 1 << 56) + content


def overwritten(mark: bytes, offset: int, value: bytes) -> Edit:
    """Bytes at a distance from the first occurrence of a mark replaced by others."""

    def edit(data: bytearray) -> bytearray:
        at = data.index(mark) + offset
        data[at : at + len(value)] = value
        return data

    return edit


def replaced(old: bytes, new: bytes) -> Edit:
    def edit(data: bytearray) -> bytearray:
        assert old in data
        return data.replace(old, new)

    return edit


def flipped(seed: int) -> Edit:
    """One bit in four hundred bytes, at random."""

    def edit(data: bytearray) -> bytearray:
        rng = random.Random(seed)
        for _ in range(max(1, len(data) // 400)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        return data

    return edit


def without_index(data: bytearray) -> bytes:
    return b"".join(data[start:end] for kind, start, end in boxes(data) if kind != b"moov")


def corrupt_first_keyframe(data: bytearray) -> bytearray:
    start, _ = top_box(data, b"mdat")
    data[start + 900 : start + 1700] = random.Random(1).randbytes(800)
    return data


def million_samples(data: bytearray) -> bytearray:
    """The tables of an .mp4 say: a million samples of 100 bytes in one chunk."""
    for table, offset, value in (
        (b"stsz", 4, (100, 1_000_000)),
        (b"stts", 8, (1_000_000,)),
        (b"stsc", 12, (1_000_000,)),
    ):
        at = data.index(table) + 4 + offset
        data[at : at + 4 * len(value)] = struct.pack(f">{len(value)}I", *value)
    return data


def external_samples(data: bytearray) -> bytearray:
    """The samples of an .mp4 are said to lie in another file, which QuickTime aliases name."""
    at = data.index(b"dref") + 12
    assert bytes(data[at + 4 : at + 8]) == b"url "
    data[at : at + 12] = struct.pack(">I", 12) + b"alis" + bytes(4)
    return data


def swapped_blocks(data: bytearray) -> bytearray:
    """Time codes of neighbouring Matroska blocks change places: decoding times that fall."""
    places = list(_time_codes(data, 0, len(data)))
    assert len(places) > 8
    for a, b in zip(places[2::4], places[3::4], strict=False):
        data[a : a + 2], data[b : b + 2] = data[b : b + 2], data[a : a + 2]
    return data


def shifted_blocks(data: bytearray) -> bytearray:
    """Matroska blocks 400 ms earlier, before zero."""
    for at in _time_codes(data, 0, len(data)):
        struct.pack_into(">h", data, at, struct.unpack_from(">h", data, at)[0] - 400)
    return data


def _time_codes(data: bytearray, at: int, end: int) -> Iterator[int]:
    while at + 2 < end:
        identity, at = _number(data, at, keep_mark=True)
        size, at = _number(data, at, keep_mark=False)
        if identity in (_SEGMENT, _CLUSTER):
            yield from _time_codes(data, at, min(end, at + size))
        elif identity == _SIMPLE_BLOCK:
            yield at + 1
        at += size


def _number(data: bytearray, at: int, *, keep_mark: bool) -> tuple[int, int]:
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    return value if keep_mark else value & (1 << 7 * length) - 1, at + length


def deep_boxes() -> bytes:
    content = b""
    for _ in range(3000):
        content = box(b"moov", content)
    return box(b"ftyp", b"isom\x00\x00\x02\x00isom") + content


def compressed_bomb() -> bytes:
    """A compressed index (cmov) of 150 KB that unpacks to 150 MB."""
    unpacked_bytes = 150 * 2**20
    packed = zlib.compress(bytes(unpacked_bytes), 1)
    index = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", unpacked_bytes) + packed)
    return box(b"ftyp", b"qt  \x00\x00\x02\x00qt  ") + box(b"moov", box(b"cmov", index))


def gif(width: int, height: int) -> bytes:
    size = struct.pack("<HH", width, height)
    header = b"GIF89a" + size + b"\x80\x00\x00" + bytes(6)
    return header + b"\x2c\x00\x00\x00\x00" + size + b"\x00\x02\x02\x44\x01\x00\x3b"


def subtitles() -> bytes:
    """A Matroska file of one text track."""
    track = element("d7", b"\x01") + element("73c5", b"\x01") + element("83", b"\x11") + element("86", b"S_TEXT/UTF8")
    cluster = element("e7", b"\x00") + element("a3", b"\x81\x00\x00\x80hello")
    segment = element("18538067", element("1654ae6b", element("ae", track)) + element("1f43b675", cluster))
    return element("1a45dfa3", element("4282", b"matroska")) + segment
