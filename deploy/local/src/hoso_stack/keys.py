"""Keys and passwords of one stack, made anew at every `up`; nothing here has a default and nothing is committed."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from joserfc.jwk import OKPKey

from hoso_stack.supervisor import write_atomically


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets of the parts; the key pairs lie in files beside."""

    postgres: str
    dossier: str
    identity: str
    storage: str
    notify: str
    s3_access: str
    s3_secret: str
    smpp_id: str
    smpp_password: str


def make(folder: Path) -> Keys:
    """Make passwords and the issuer's and receipts' key pairs in `folder`."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _pair(folder, "issuer")
    _pair(folder, "receipts")
    keys = Keys(
        *(secrets.token_hex(16) for _ in range(5)),
        s3_access=secrets.token_hex(10),
        s3_secret=secrets.token_hex(20),
        smpp_id="hoso",
        smpp_password=secrets.token_hex(4),  # SMPP 3.4 allows eight octets
    )
    write_atomically(folder / "secrets.json", json.dumps(asdict(keys)))
    return keys


def read(folder: Path) -> Keys:
    """The passwords that `make` wrote."""
    return Keys(**json.loads((folder / "secrets.json").read_text()))


def _pair(folder: Path, name: str) -> None:
    key = OKPKey.generate_key("Ed25519", {"kid": f"{name}-{secrets.token_hex(4)}", "use": "sig"})
    write_atomically(folder / f"{name}.private.json", json.dumps(key.as_dict(private=True)))
    write_atomically(folder / f"{name}.public.json", json.dumps({"keys": [key.as_dict(private=False)]}), 0o644)
