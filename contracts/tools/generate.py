"""Writes what is generated in hoso-contracts: topics.json, the JSON Schemas, the README's tables (`make contracts`)."""

import json
from pathlib import Path

import yaml

PACKAGE = Path(__file__).parents[1] / "src" / "hoso_contracts"


def main() -> None:
    topics = [yaml.safe_load(p.read_text("utf-8")) for p in sorted((PACKAGE / "topics").glob("*.yaml"))]
    (PACKAGE / "topics.json").write_text(json.dumps(topics, ensure_ascii=False, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
