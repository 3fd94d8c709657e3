"""Who says whether a file is clean; the first one says only that nobody has looked."""

from collections.abc import AsyncGenerator
from typing import Protocol

from hoso_storage.domain import NOT_SCANNED


class ScannerUnavailable(Exception):
    """The scanner does not answer; asked again later."""


class ScannerRefused(Exception):
    """The scanner will never take this file; a person must look."""


class Scanner(Protocol):
    """Looks through a file and gives a verdict."""

    async def scan(self, content: AsyncGenerator[bytes]) -> str:
        """Return "clean", "infected" or "not-scanned".

        Raises:
            ScannerUnavailable: try again later.
            ScannerRefused: never.
        """
        ...


class NotScanned:
    """The scanner of an installation that has none: it opens no file and says so."""

    async def scan(self, content: AsyncGenerator[bytes]) -> str:
        """Return "not-scanned"."""
        await content.aclose()
        return NOT_SCANNED
