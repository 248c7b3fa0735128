"""What the first bytes of a download are, whatever its name and its headers say."""

from __future__ import annotations

import re

_MEDIA_IN_TEXT = (b"YUV4MPEG2",)
_PAGE = re.compile(rb"<(!doctype html|html|head|body|script|title|meta)\b", re.IGNORECASE)
_TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\n\r\f") | frozenset(range(0x80, 0x100))
_FEWEST_BYTES = 16


def is_text(head: bytes) -> bool:
    """The bytes are text of some kind: a page, an error message, a playlist, a script. No video begins so."""
    if len(head) < _FEWEST_BYTES or head.startswith(_MEDIA_IN_TEXT) or not _TEXT.issuperset(head):
        return False
    return sum(byte >= 0x80 for byte in head) <= len(head) // 2


def is_page(head: bytes) -> bool:
    """The bytes are the beginning of a web page."""
    return is_text(head) and _PAGE.search(head) is not None
