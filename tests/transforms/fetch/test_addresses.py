from __future__ import annotations

import pytest

from schemas.fetch import FetchConfig
from transforms.fetch.addresses import AddressRule
from transforms.fetch.sniff import is_page, is_text
from transforms.fetch.uris import without_addresses, without_secrets

PRIVATE = (
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
    *("255.255.255.255", "198.18.0.1", "fd00:ec2::254", "not an address", ""),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public_are_not_permitted(address: str) -> None:
    assert not AddressRule().permits(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "64:ff9b::808:808"])
def test_public_addresses_are(address: str) -> None:
    assert AddressRule().permits(address)


def test_networks_can_be_let_through_one_by_one() -> None:
    rule = AddressRule.of(FetchConfig(allow_networks=("10.1.0.0/16", "fc00::/7")))
    assert [rule.permits(a) for a in ("10.1.9.9", "10.2.0.1", "fc00::5", "127.0.0.1")] == [True, False, True, False]
    assert AddressRule.of(FetchConfig(allow_private_network=True)).permits("169.254.169.254")


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://me:secret@example.org/v.mp4#t=1", "https://example.org/v.mp4"),
        ("https://b.s3.example/v.mp4?X-Amz-Signature=a&X-Amz-Credential=b&v=1", "https://b.s3.example/v.mp4?v=1"),
        ("https://x.blob.example/v?sv=1&se=2&sp=r&sig=abc&name=v", "https://x.blob.example/v?name=v"),
        ("https://example.org/v?id=5&page=2", "https://example.org/v?id=5&page=2"),
        ("/videos/me:secret@home.mp4", "/videos/me:secret@home.mp4"),
        ("http://[::1/x?token=1", "http://[::1/x"),
    ],
)
def test_secrets_are_taken_out_of_addresses(uri: str, shown: str) -> None:
    assert without_secrets(uri) == shown


def test_tokens_are_hidden_but_still_tell_sources_apart() -> None:
    one, two = (without_secrets(f"https://example.org/get?key={key}") for key in ("first", "second"))
    assert one != two
    assert "first" not in one and "second" not in two


def test_messages_lose_the_secrets_of_the_addresses_in_them() -> None:
    said = without_addresses("cannot reach 'https://me:pw@example.org/v?sig=abc&x=1': refused")
    assert said == "cannot reach 'https://example.org/v?x=1': refused"


@pytest.mark.parametrize(
    ("head", "text", "page"),
    [
        (b"<!DOCTYPE html><html>", True, True),
        (b"\n\n <HTML lang=en><head>", True, True),
        (b'{"error": "no such video"}', True, False),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", True, False),
        ("<html>не найдено, попробуйте позже</html>".encode(), True, True),
        ("<html> это не видео д".encode()[:-1], True, True),
        ("<html>café, más tarde</html>".encode("latin-1"), True, True),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00", False, False),
        (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f", False, False),
        (b"YUV4MPEG2 W352 H288 F25:1 Ip A1:1\n", False, False),
        (b"short", False, False),
    ],
)
def test_text_and_pages_are_told_by_their_first_bytes(head: bytes, text: bool, page: bool) -> None:
    assert (is_text(head), is_page(head)) == (text, page)
