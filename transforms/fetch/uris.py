"""Addresses of sources: which are fetched how, and what of them may be written down."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import SplitResult, quote, unquote_plus, urlsplit, urlunsplit

from schemas.errors import MediaError
from schemas.reasons import SourceReason

WEB_SCHEMES = frozenset({"http", "https"})
STORE_SCHEMES = frozenset({"s3", "gs", "hf"})
_SIGNING = re.compile(
    r"(?i)^x-(amz|goog|oss|cos|ms)-|^(signature|sig|expires|policy|key-pair-id|awsaccesskeyid|googleaccessid)$"
    r"|^(se|sp|sr|st|sv|spr|ske|skoid|sks|skt|sktid|skv|hdnts|hdntl|hdnea)$"
)
"""Query parameters that sign the rest of the address: of S3, Google, Azure and content networks."""
_SECRET = re.compile(
    r"(?i)token|secret|signature|credential|passw|^pwd$|^key$|api.?key|access.?key|auth|session|jwt|hmac"
)
"""Query parameters that authorise, or may."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CHAIN = "::"
"""Joins file systems in fsspec, so that one address would open another."""


def is_remote(argument: str) -> bool:
    """Whether a source is named by an address instead of a path."""
    return "://" in argument


def parsed(uri: str) -> SplitResult:
    """The parts of an address that may be fetched, characters outside ASCII percent-encoded in those of the web.

    Raises MediaError `refused` for any other scheme, for a missing host, and for what is no address.
    """
    try:
        parts = urlsplit(uri)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise MediaError(SourceReason.REFUSED, f"not an address: {error}") from None
    if parts.scheme not in WEB_SCHEMES | STORE_SCHEMES:
        raise MediaError(SourceReason.REFUSED, f"addresses of the scheme {parts.scheme!r} are not fetched")
    chained = parts.scheme in STORE_SCHEMES and _CHAIN in uri
    if not host or chained or _CONTROL.search(uri):
        raise MediaError(SourceReason.REFUSED, "not an address that can be fetched")
    return urlsplit(quote(uri, safe="%/:=&?~#+!$,;'@()*[]")) if parts.scheme in WEB_SCHEMES else parts


def without_secrets(uri: str) -> str:
    """The address as it is stored and shown, and by which an input is recognised.

    User, password, fragment and signatures are gone, so a link that is signed anew stays the same. Of tokens and keys
    eight digits of their digest are left: they may be what tells two sources apart.
    """
    if not is_remote(uri):
        return uri
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri.partition("?")[0].rpartition("@")[2]
    query = "&".join(_shown(pair) for pair in parts.query.split("&") if not _SIGNING.search(_name(pair)))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def as_text(path: str) -> str:
    """A file name as text that can be stored and printed: bytes that are no UTF-8 as `\\udcff`."""
    return path.encode(errors="backslashreplace").decode()


def without_addresses(text: str) -> str:
    """A message in which every address has lost its secrets."""
    return re.sub(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s'\"<>]+", lambda match: without_secrets(match[0]), text)


def _name(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])


def _shown(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if not equals or not _SECRET.search(_name(pair)):
        return pair
    return f"{name}=~{hashlib.sha256(value.encode()).hexdigest()[:8]}"
