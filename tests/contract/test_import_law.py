"""Who may import what, and that an import does nothing: the laws hold, and each is seen to fail when it is broken."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.law

ROOT = Path(__file__).parents[2]
SOURCES = [
    path.relative_to(ROOT) for path in (*ROOT.glob("services/*/src"), *ROOT.glob("*/src"), *ROOT.glob("deploy/*/src"))
]
LAW: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

# What libraries do when our modules are imported, and cannot be kept from.
KNOWN = {
    ("reads the environment", "pydantic"),  # looks for its plugins when a model is defined
    ("opens a socket", "urllib3"),  # looks whether there is IPv6
}

# For each contract of pyproject.toml, an import that breaks it.
VIOLATIONS = [
    ("domain", "hoso_identity/domain.py", "import hoso_contracts"),
    ("domain", "hoso_notify/domain.py", "import hoso_chassis.consequences"),
    ("domain", "hoso_storage/domain.py", "import pydantic"),
    ("domain", "hoso_dossier/values.py", "import logging"),  # reached through another module
    ("people", "hoso_population_mock/names.py", "import random"),
    ("contracts", "hoso_contracts/errors.py", "import structlog"),
    ("mock", "hoso_population_mock/api.py", "import hoso_contracts"),
    ("chassis", "hoso_chassis/records.py", "import hoso_notify.domain"),
    ("services", "hoso_identity/names.py", "import hoso_dossier.values"),
    ("stack", "hoso_notify/app.py", "import hoso_stack.ports"),
    ("postgresql", "hoso_chassis/policy.py", "import asyncpg"),
    ("kafka", "hoso_dossier/handlers.py", "import aiokafka"),
    ("kafka", "hoso_storage/app.py", "from faststream.kafka import KafkaBroker"),
    ("objects", "hoso_storage/intake.py", "from minio import Minio"),
]
DEEDS = [
    ("import os\nos.environ.get('X')", "reads the environment"),
    ("import os\nos.getenv('X')", "reads the environment"),
    ("import os\ndict(os.environ)", "reads the environment"),
    ("import pydantic_settings\npydantic_settings.BaseSettings()", "reads the environment"),
    ("import socket\nsocket.socket().close()", "opens a socket"),
    ("import socket\nsocket.getaddrinfo('127.0.0.1', 1)", "asks for an address"),
    ("import threading\nthreading.Thread(target=list).start()", "starts a thread"),
    ("import asyncio\nasyncio.run(asyncio.to_thread(list))", "starts a thread"),
    ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])", "starts a program"),
]


def lint(root: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(root / source) for source in SOURCES)
    chosen = ("--contract", contract) if contract else ()
    command = (Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo", *chosen)
    return subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )


def watch(*modules: str, path: Path | None = None) -> set[tuple[str, str, str]]:
    command = (sys.executable, *(() if path else ("-P",)), ROOT / "tests/support/import_watch.py", *modules)
    environment = {**os.environ, "PYTHONPATH": str(path)} if path else None
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {tuple(finding) for finding in json.loads(done.stdout)}


def our_modules() -> list[str]:
    files = (file.relative_to(ROOT / source) for source in SOURCES for file in (ROOT / source).rglob("*.py"))
    names = (".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files)
    return sorted(name for name in names if not name.endswith(".__main__"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", root)
    for path in (*SOURCES, "tests/support"):
        shutil.copytree(ROOT / path, root / path, ignore=shutil.ignore_patterns("__pycache__", "*.json", "*.sql"))
    return root


def test_the_law_holds() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_every_contract_of_the_law_has_a_violation_here() -> None:
    assert {contract for contract, _, _ in VIOLATIONS} == {contract["id"] for contract in LAW["contracts"]}


def test_every_distribution_is_under_the_law() -> None:
    assert {name.partition(".")[0] for name in our_modules()} == set(LAW["root_packages"])


@pytest.mark.parametrize(("contract", "module", "violation"), VIOLATIONS)
def test_a_violating_import_breaks_its_contract(copy: Path, contract: str, module: str, violation: str) -> None:
    (file,) = (copy / source / module for source in SOURCES if (copy / source / module).exists())
    before = file.read_text()
    file.write_text(f"{before}\n{violation}\n")
    try:
        done = lint(copy, contract)
    finally:
        file.write_text(before)
    assert (done.returncode, "Contracts: 0 kept, 1 broken." in done.stdout) == (1, True), done.stdout + done.stderr


def test_importing_any_module_of_ours_does_nothing() -> None:
    assert [finding for finding in sorted(watch(*our_modules())) if finding[1:] not in KNOWN] == []


@pytest.mark.parametrize(("deed", "told"), DEEDS)
def test_an_import_that_does_something_is_told(tmp_path: Path, deed: str, told: str) -> None:
    (tmp_path / "hoso_doer.py").write_text(deed)
    findings = {finding for finding in watch("hoso_doer", path=tmp_path) if finding[1:] not in KNOWN}
    assert ("hoso_doer", told) in {finding[:2] for finding in findings}
