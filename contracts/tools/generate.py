"""Writes what is generated in hoso-contracts: topics.json, the JSON Schemas, the README's tables; `--check` looks."""

import argparse
import importlib
import json
import sys
import tomllib
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema

HOME: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = HOME / "src"
PACKAGE: Final = SOURCE / "hoso_contracts"
TOPICS_JSON: Final = PACKAGE / "topics.json"
README: Final = HOME / "README.md"
DAY_MS: Final = 86_400_000


class _OneOfEach(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML's own loader would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  # PyYAML's own signature
        """Build a mapping whose keys differ."""
        mapping = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "a key stands twice", node.start_mark)
        return mapping


class _Plain(GenerateJsonSchema):
    """JSON Schema without titles that only repeat a field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # pydantic's own signature
        """No field has one."""
        return False


def topics_json() -> str:
    """The topics as the package reads them: what the YAML files say, in the order of their names."""
    known = entry_points()
    topics: list[dict[str, Any]] = []
    for file in sorted((PACKAGE / "topics").glob("*.yaml")):
        topic = yaml.load(file.read_text("utf-8"), _OneOfEach)  # noqa: S506  # a SafeLoader
        for name in topic.get("types", ()):
            if name not in known:
                raise SystemExit(f"{file.name} carries {name}, which is no entry point in pyproject.toml")
        topics.append(topic)
    return _json(topics)


def entry_points() -> Mapping[str, str]:
    """Where the model of each type is, as pyproject.toml says: a new one need not be installed first."""
    project = tomllib.loads((HOME / "pyproject.toml").read_text("utf-8"))["project"]
    return project["entry-points"]["hoso.events"]


def event_models() -> Mapping[str, type[BaseModel]]:
    """The models by their type, sorted."""
    models: dict[str, type[BaseModel]] = {}
    for name, target in sorted(entry_points().items()):
        module, _, model = target.partition(":")
        models[name] = getattr(importlib.import_module(module), model)
    return models


def schemas(models: Mapping[str, type[BaseModel]]) -> Iterator[tuple[Path, str]]:
    """One JSON Schema 2020-12 a type: what a reader has to be able to take."""
    named = importlib.import_module("hoso_contracts.payload").dataschema
    for name, model in models.items():
        head = {"$schema": _Plain.schema_dialect, "$id": named(name)}
        yield PACKAGE / "schemas" / f"{name}.json", _json(head | model.model_json_schema(schema_generator=_Plain))


def readme(text: str, topics: list[dict[str, Any]], models: Mapping[str, type[BaseModel]]) -> str:
    """The README with its two tables written anew between their markers."""
    for name, rows in {"topics": _topic_rows(topics), "events": _event_rows(topics, models)}.items():
        begin, end = f"<!-- {name}: written by tools/generate.py -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise SystemExit(f"{README.name} has lost the markers of its table of {name}")
        table = "".join("| " + " | ".join(row) + " |\n" for row in rows)
        text = before + begin + table + end + after
    return text


def _topic_rows(topics: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    yield "topic", "what it carries", "kind", "from → to", "key", "personal data", "kept"
    yield ("---",) * 7
    for one in topics:
        kind = f"{'public' if one['public'] else 'internal'} {one['kind']}"
        way = f"{', '.join(one['producers'])} → {', '.join(one['consumers'])}"
        kept = f"{one['retention_ms'] // DAY_MS} days"
        yield f"`{one['name']}`", one["description"], kind, way, f"`{one['key']}`", one["personal_data"], kept


def _event_rows(topics: list[dict[str, Any]], models: Mapping[str, type[BaseModel]]) -> Iterator[tuple[str, ...]]:
    yield "event type", "topic", "what it says", "shape"
    yield ("---",) * 4
    for topic in topics:
        for name in topic["types"]:
            says = (models[name].__doc__ or "").partition("\n")[0]
            yield f"`{name}`", f"`{topic['name']}`", says, f"[schema](src/hoso_contracts/schemas/{name}.json)"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _read(file: Path) -> str | None:
    return file.read_text("utf-8") if file.exists() else None


def _write_topics(text: str) -> None:
    """Write what the package reads when it is imported, before it is; put the old back when the package refuses it."""
    before = _read(TOPICS_JSON)
    TOPICS_JSON.write_text(text, "utf-8")
    try:
        importlib.import_module("hoso_contracts.topics")
    except ValidationError as error:
        if before is not None:
            TOPICS_JSON.write_text(before, "utf-8")
        raise SystemExit(f"topics/*.yaml: {error}") from None


def _settle(wanted: Mapping[Path, str], *, check: bool) -> list[Path]:
    """Write what differs and remove schemas that no type has, or only look; return the files that were not right."""
    stray = [file for file in sorted((PACKAGE / "schemas").glob("*")) if file not in wanted]
    changed = [file for file, text in wanted.items() if _read(file) != text]
    if not check:
        for file in changed:
            file.parent.mkdir(exist_ok=True)
            file.write_text(wanted[file], "utf-8")
        for file in stray:
            file.unlink()
    return changed + stray


def generate(*, check: bool) -> list[Path]:
    """Bring every generated file up to date, or only look; return those that were not."""
    text = topics_json()
    changed = [TOPICS_JSON] if _read(TOPICS_JSON) != text else []
    if check and changed:
        return changed  # the package might not even import: the rest would follow from the wrong topics
    if changed:
        _write_topics(text)
    models = event_models()
    table = readme(_read(README) or "", json.loads(text), models)
    return changed + _settle({**dict(schemas(models)), README: table}, check=check)


def main() -> int:
    """Return the exit status: with `--check`, 1 when a file is not what would be written now."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is not as it should be")
    check: bool = parser.parse_args().check
    sys.path.insert(0, str(SOURCE))
    differing = generate(check=check)
    for file in differing:
        print(f"{'differs' if check else 'written'}: {file.relative_to(HOME)}")
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
