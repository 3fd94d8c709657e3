"""A request's head: said once, in a version that is spoken, of a path that hides nothing."""

import pytest

from hoso_chassis.heads import Headers, is_sound, without_upgrade

HOST = (b"host", b"a")


@pytest.mark.parametrize(
    ("version", "target", "headers"),
    [
        ("1.1", b"/", [HOST]),
        ("1.0", b"/", []),
        ("1.1", b"/a?b=%2f", [HOST]),
        ("1.1", b"/%C6%B0?c=d", [HOST, (b"accept", b"a"), (b"accept", b"b")]),
        ("1.1", b"/", [HOST, (b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")]),  # refused later
        ("1.1", b"/", [HOST, (b"transfer-encoding", b"gzip"), (b"transfer-encoding", b"chunked")]),  # refused later
    ],
)
def test_a_plain_head_is_sound(version: str, target: bytes, headers: Headers) -> None:
    assert is_sound(version, target, headers)


@pytest.mark.parametrize(
    ("version", "target", "headers"),
    [
        ("0.9", b"/", [HOST]),
        ("2.0", b"/", [HOST]),
        ("1.1", b"/", []),
        ("1.1", b"/", [HOST, HOST]),
        ("1.0", b"/", [(b"transfer-encoding", b"chunked")]),
        ("1.1", b"/a%2fb", [HOST]),
        ("1.1", b"/a%5Cb?c", [HOST]),
        ("1.1", b"/a#b", [HOST]),
        ("1.1", b"/a?b#c", [HOST]),
        ("1.1", b"/", [HOST, (b"content-type", b"a/b"), (b"content-type", b"a/b")]),
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_not(version: str, target: bytes, headers: Headers) -> None:
    assert not is_sound(version, target, headers)


def test_a_wish_for_another_protocol_is_left_out_and_nothing_else() -> None:
    headers = [
        HOST,
        (b"connection", b"keep-alive, Upgrade, HTTP2-Settings"),
        (b"upgrade", b"h2c"),
        (b"http2-settings", b"AA"),
        (b"content-length", b"3"),
    ]
    plain = without_upgrade(b"POST", b"/a?b", "1.1", headers)
    assert plain == b"POST /a?b HTTP/1.1\r\nhost: a\r\nconnection: keep-alive\r\ncontent-length: 3\r\n\r\n"
