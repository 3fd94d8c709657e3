"""A version of a text that was sent once never changes; a better one is the next version, in a folder of its own."""

from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

TEMPLATES = files("hoso_notify").joinpath("templates")
# Work that waits names a version: what was asked for is what is sent, also days and one deployment later.
WRITTEN = {
    "closing/v1/email.txt": "97b5219c98b82f38",
    "dossier-accepted/v1/email.txt": "d2e0f754279d6e85",
    "dossier-accepted/v1/sms.txt": "d4550f19dacbf2cf",
    "dossier-accepted/v1/subject.txt": "f883955a227fed2b",
    "dossier-refused/v1/email.txt": "712f3d798bd66c3c",
    "dossier-refused/v1/sms.txt": "b35ee936411880ac",
    "dossier-refused/v1/subject.txt": "0e26efc9a175e8a9",
    "dossier-submitted/v1/email.txt": "9803e000745abf90",
    "dossier-submitted/v1/sms.txt": "14a9a9c435ae6274",
    "dossier-submitted/v1/subject.txt": "262963e0560aaa9e",
    "dossier-supplement-requested/v1/email.txt": "da19edc051216b5b",
    "dossier-supplement-requested/v1/sms.txt": "83a8f893f3439082",
    "dossier-supplement-requested/v1/subject.txt": "15a1db94a8a39254",
}


def contents(folder: Traversable, path: str = "") -> dict[str, bytes]:
    """Every file below, by its path."""
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        name = f"{path}{entry.name}"
        found |= {name: entry.read_bytes()} if entry.is_file() else contents(entry, f"{name}/")
    return found


def test_every_text_is_as_it_was_written() -> None:
    assert {name: sha256(text).hexdigest()[:16] for name, text in contents(TEMPLATES).items()} == WRITTEN
