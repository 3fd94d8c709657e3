"""`python -m bench [NAME ...]`: measure all, or these, and say what was reached."""

import asyncio
import json
import sys
from importlib import import_module
from typing import Final

from bench.measured import ROOT

BENCHES: Final = ("start", "intake", "consume", "relay", "growth", "backlog")


def main(names: list[str]) -> None:
    """Run them one after the other; each writes its own results."""
    for name in names or BENCHES:
        if name not in BENCHES:
            raise SystemExit(f"[bench] there is no {name}: {', '.join(BENCHES)}")
        asyncio.run(import_module(f"bench.{name}").main())
    for file in sorted((ROOT / "out/bench").glob("*.json")):
        found = json.loads(file.read_text())
        ours, limit = found["ours"]["median"], found["limit"]["median"]
        sys.stdout.write(
            f"{found['name']:16} {ours:>12,.4g} against {limit:>12,.4g} {found['unit']}: ratio {found['ratio']:.2f}"
            f" (must {found['must']}, dream {found['dream']})\n"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
