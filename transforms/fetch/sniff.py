"""What the first bytes of a download are, whatever its name and its headers say."""

from __future__ import annotations

import codecs
import re

_MEDIA_IN_TEXT = (b"YUV4MPEG2",)
_PAGE = re.compile(rb"<(!doctype html|html|head|body|script|title|meta)\b", re.IGNORECASE)
_FEWEST_BYTES = 16
_UTF8 = codecs.getincrementaldecoder("utf-8")


def is_text(head: bytes) -> bool:
    """The bytes are text of some kind: a page, an error message, a playlist, a script. No video begins so."""
    if len(head) < _FEWEST_BYTES or head.startswith(_MEDIA_IN_TEXT):
        return False
    try:
        text = _UTF8().decode(head)  # a character may be cut off at the end
    except UnicodeDecodeError:
        return _PAGE.match(head.lstrip()) is not None
    return all(char.isprintable() or char.isspace() for char in text)


def is_page(head: bytes) -> bool:
    """The bytes are the beginning of a web page."""
    return is_text(head) and _PAGE.search(head) is not None
