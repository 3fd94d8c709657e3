"""What another agency meets when it installs hoso-contracts: pydantic, plain files, and a README whose words hold."""

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest

from support.contract_files import EXAMPLES, HOME, MODULES, PACKAGE

ALLOWED = {"hoso_contracts", "pydantic", "pydantic_core"}
PYDANTIC_BRINGS = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}
README = (HOME / "README.md").read_text("utf-8")
SNIPPET, _ = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

LOADED = """
import sys
before = set(sys.modules)
import importlib
for module in {modules!r}:
    importlib.import_module(module)
from hoso_contracts import event_types
assert len(event_types()) == {types}
print(" ".join({{name.partition(".")[0] for name in set(sys.modules) - before}}))
"""


def python(code: str) -> str:
    """What a fresh interpreter prints, which sees the installed packages and nothing of the tests."""
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


def imported(tree: ast.Module) -> set[str]:
    """The packages that a module imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.name.partition(".")[0] for one in node.names}
        if isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names - sys.stdlib_module_names


def test_it_depends_on_pydantic_alone() -> None:
    requirements = requires("hoso-contracts") or []
    assert [re.split(r"[<>=]", one)[0] for one in requirements] == ["pydantic"]


def test_importing_all_of_it_loads_pydantic_and_the_standard_library_only() -> None:
    types = len({one.type for one in EXAMPLES})
    loaded = set(python(LOADED.format(modules=MODULES, types=types)).split()) - sys.stdlib_module_names
    foreign = {name for name in loaded if not name.startswith("_sysconfigdata")}
    assert foreign - PYDANTIC_BRINGS == {"hoso_contracts"}


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda file: file.stem)
def test_no_module_imports_anything_else(file: Path) -> None:
    assert imported(ast.parse(file.read_text("utf-8"))) <= ALLOWED


def test_the_snippet_of_the_readme_decodes_a_message_in_ten_lines() -> None:
    (accepted,) = (one for one in EXAMPLES if one.name == "hoso.dossier.accepted.v1")
    assert python(SNIPPET).strip() == f"{accepted.data['code']} is due 2026-11-27 10:00:00+00:00"
    assert len([line for line in SNIPPET.splitlines() if line.strip()]) <= 10


def test_every_file_that_the_readme_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (HOME / link).exists()] == []


def test_the_readme_names_every_attribute_of_the_envelope() -> None:
    from_code = set(json.loads(python("import json, hoso_contracts.attributes as a; print(json.dumps(list(a.KNOWN)))")))
    named = set(re.findall(r"`ce_([a-z]+)`", README))
    assert named == from_code - {"specversion", "datacontenttype"}


def test_what_comes_later_has_no_file_yet() -> None:
    assert "## Comes later" in README
    later = re.compile(r"sign|jws|feed|snapshot|client|compat")
    assert [file.name for file in HOME.rglob("*") if later.search(file.name)] == []
