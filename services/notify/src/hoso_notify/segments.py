"""How a text travels as SMS: alphabet, parts, where they are cut (3GPP TS 23.038, 23.040); it sends nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal
from unicodedata import normalize

Encoding = Literal["gsm-7", "ucs-2"]

_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = dict(zip("\f^{}\\[~]|€", b"\x0a\x14\x28\x29\x2f\x3c\x3d\x3e\x40\x65", strict=True))
_ESCAPE: Final = 0x1B
_GSM_7: Final = {
    **{letter: bytes([code]) for code, letter in enumerate(_BASIC) if code != _ESCAPE},
    **{letter: bytes([_ESCAPE, code]) for letter, code in _EXTENSION.items()},
}
# What fits: alone, and beside the 6 octets that say which part of what it is. Septets of GSM-7, UTF-16 units of UCS-2.
_ROOM: Final[dict[Encoding, tuple[int, int]]] = {"gsm-7": (160, 153), "ucs-2": (70, 67)}
MOST_PARTS: Final = 255  # the number of parts is one octet


class TooLong(ValueError):
    """The text needs more parts than an SMS can have."""


@dataclass(frozen=True, slots=True)
class Segmented:
    """A text cut into the parts it is sent as; it joins to the text in NFC."""

    encoding: Encoding
    parts: tuple[str, ...]

    def octets(self) -> Iterator[bytes]:
        """Each part as SMPP's `short_message` carries it: GSM-7 one septet an octet, UCS-2 big-endian."""
        for part in self.parts:
            yield b"".join(_code(letter, self.encoding) for letter in part)


def segment(text: str) -> Segmented:
    """Cut a text, after NFC, into as few parts as it needs.

    A letter is never split: neither the two septets of an extension character nor the two units of a surrogate pair.

    Raises:
        TooLong: it needs more than 255 parts.
    """
    text = normalize("NFC", text)
    encoding: Encoding = "gsm-7" if all(letter in _GSM_7 for letter in text) else "ucs-2"
    alone, beside = _ROOM[encoding]
    parts = tuple(_cut(text, encoding, alone))
    if len(parts) > 1:
        parts = tuple(_cut(text, encoding, beside))
    if len(parts) > MOST_PARTS:
        raise TooLong
    return Segmented(encoding, parts)


def _cut(text: str, encoding: Encoding, room: int) -> Iterator[str]:
    start, used = 0, 0
    for at, letter in enumerate(text):
        cost = _cost(letter, encoding)
        if used + cost > room:
            yield text[start:at]
            start, used = at, 0
        used += cost
    yield text[start:]


def _cost(letter: str, encoding: Encoding) -> int:
    octets = len(_code(letter, encoding))
    return octets if encoding == "gsm-7" else octets // 2


def _code(letter: str, encoding: Encoding) -> bytes:
    return _GSM_7[letter] if encoding == "gsm-7" else letter.encode("utf-16-be")
