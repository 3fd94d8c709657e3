"""The chassis' README says what is true: its tables follow the code, its example runs, the tests it names exist."""

import ast
import re
from pathlib import Path
from typing import cast

import pytest
from pydantic_core import PydanticUndefined

from hoso_chassis import decoding
from hoso_chassis.policy import Failure
from hoso_chassis.service import Service
from hoso_chassis.settings import ServiceSettings, load
from support import record_matrix

ROOT = Path(__file__).parents[2]
CHASSIS = ROOT / "services/chassis"
README = (CHASSIS / "README.md").read_text()


def table(heading: str) -> list[str]:
    _, _, section = README.partition(f"\n## {heading}\n")
    return [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")][1:]


def test_the_settings_are_those_of_the_code() -> None:
    rows: list[str] = []
    for name, setting in ServiceSettings.model_fields.items():
        unset = setting.default is None or setting.default is PydanticUndefined
        default = "required" if setting.is_required() else "" if unset else f"`{setting.default}`"
        rows.append(f"| `{name.upper()}` | {default} | {setting.description} |")
    assert table("Settings") == rows


def test_every_module_has_its_row_with_its_first_words() -> None:
    rows: list[str] = []
    for file in sorted((CHASSIS / "src/hoso_chassis").glob("[!_]*.py")):
        first = (ast.get_docstring(ast.parse(file.read_text())) or "").splitlines()[0]
        rows.append(f"| `{file.name}` | {first.rstrip('.')} |")
    assert table("The modules") == rows


def test_every_way_to_fail_has_its_row() -> None:
    code = "".join((CHASSIS / "src/hoso_chassis" / name).read_text() for name in ("batch.py", "decoding.py"))
    code = re.sub(r'log\.[a-z]+\(\s*"[a-z-]+"', "", code)  # what is logged is no reason
    reasons = set(decoding._REASONS.values()) | set(re.findall(r'"([a-z]+(?:-[a-z]+)+)"', code))
    reasons -= {"passed-over"}
    rows = table("When a record fails")
    assert {reason for row in rows for reason in re.findall(r"`([a-z-]+)`", row.split("|")[3])} == reasons
    assert {failure.value for failure in Failure} == {row.split("|")[2].split(",")[0].strip() for row in rows} - {""}


def test_the_end_of_every_kind_of_record_is_told_as_the_matrix_has_it() -> None:
    assert table("Odd records, kind by kind") == record_matrix.table()


def test_the_tests_it_names_exist() -> None:
    named = re.findall(r"\| (test_\w+\.py): `(test_\w+)` \|", README)
    assert len(named) == len(table("What is guaranteed, and where it was seen"))
    for file, test in named:
        assert f"def {test}(" in (ROOT / "tests/integration" / file).read_text()


def test_its_example_is_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@localhost/none")
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)  # noqa: S102  # our own text
    service = cast("Service[ServiceSettings, object]", names["service"])
    parts = service.build(load(service.settings))
    assert parts.inbound.topics == ("dossier.lifecycle.v1",)


def test_every_service_leads_to_what_is_said_of_health_and_dead_letters_and_repeats_none_of_it() -> None:
    assert "\n## Health, and dead letters\n" in README
    for folder in ("dossier", "identity", "notify", "storage"):
        other = (ROOT / "services" / folder / "README.md").read_text()
        assert "(../chassis/README.md#health-and-dead-letters)" in other
        assert "died_at FROM dead_letters" not in other


def test_what_is_said_of_health_is_what_the_probes_answer() -> None:
    section = README.partition("\n## Health, and dead letters\n")[2].partition("\n## ")[0]
    process = (CHASSIS / "src/hoso_chassis/process.py").read_text()
    for loop in re.findall(r'heartbeat\(f?"([a-z-]+)', process):
        assert f"`{loop}" in section
    for word in ("loops", "pings", "halted", "seconds", "error", "database"):
        assert f"`{word}`" in section
