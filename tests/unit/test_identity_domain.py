"""A verification is asked once, answered once, and can be asked again for ever."""

import ast
import sys
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import get_args
from uuid import uuid4

import pytest

from hoso_identity.domain import AnotherDossier, State, Step, Verdict, Verification

AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=5)


def asked() -> Verification:
    verification = Verification(uuid4())
    verification.ask(uuid4(), AT)
    return verification


def test_a_new_one_is_looked_up() -> None:
    verification, dossier = Verification(uuid4()), uuid4()
    assert verification.ask(dossier, AT) is Step.LOOK_UP
    assert (verification.state, verification.dossier_id, verification.asked_at) == ("asked", dossier, AT)


def test_one_in_work_waits() -> None:
    verification = asked()
    assert verification.ask(verification.dossier_id or uuid4(), LATER) is Step.WAIT
    assert (verification.state, verification.asked_at) == ("asked", AT)


@pytest.mark.parametrize("verdict", get_args(Verdict))
def test_an_answered_one_repeats_its_verdict(verdict: Verdict) -> None:
    verification = asked()
    assert verification.answer(verdict, LATER)
    assert verification.ask(verification.dossier_id or uuid4(), LATER) is Step.REPEAT
    assert (verification.state, verification.verdict, verification.answered_at) == ("answered", verdict, LATER)


def test_the_first_verdict_stands() -> None:
    verification = asked()
    verification.answer("verified", AT)
    assert not verification.answer("rejected", LATER)
    assert (verification.verdict, verification.answered_at) == ("verified", AT)


def test_a_given_up_one_is_revived() -> None:
    verification = asked()
    verification.give_up()
    assert verification.state == "given-up"
    assert verification.ask(verification.dossier_id or uuid4(), LATER) is Step.LOOK_UP
    assert (verification.state, verification.asked_at) == ("asked", AT)


def test_one_whose_work_was_lost_is_begun_anew() -> None:
    verification = asked()
    verification.in_work = False  # what the store finds when the work died without a word
    assert verification.ask(verification.dossier_id or uuid4(), LATER) is Step.LOOK_UP


def test_giving_up_takes_no_verdict_away() -> None:
    verification = asked()
    verification.answer("rejected", AT)
    verification.give_up()
    assert (verification.state, verification.verdict) == ("answered", "rejected")


@pytest.mark.parametrize("state", get_args(State))
def test_an_id_is_about_one_dossier(state: State) -> None:
    verification = Verification(uuid4(), uuid4(), state)
    with pytest.raises(AnotherDossier):
        verification.ask(uuid4(), AT)
    assert verification.state == state


@pytest.mark.parametrize("module", ["domain", "names", "matching"])
def test_the_decisions_import_no_io_and_no_wire_type(module: str) -> None:
    allowed = sys.stdlib_module_names - {"asyncio", "socket", "ssl", "http", "urllib", "os", "subprocess", "logging"}
    spec = find_spec(f"hoso_identity.{module}")
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text("utf-8"))
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in imported} <= allowed | {"pydantic", "hoso_identity"}
