"""The register as a process: what it answers, how tests disturb it over HTTP, how it starts, stops and comes back."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from hoso_population_mock.people import person_at, subject_of, typed_name
from support.population import NOBODYS_NUMBER, Register, register_process
from support.waiting import until

CALM = {
    "latency_ms": 0,
    "latency_jitter_ms": 0,
    "error_rate": 0.0,
    "throttle_per_second": None,
    "outage": False,
    "hang": False,
    "wrong_answer_rate": 0.0,
}
PERSON = person_at(4711)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Generator[Register]:
    with register_process(tmp_path_factory.mktemp("register") / "log") as made:
        yield made


@pytest.fixture
def register(process: Register) -> Register:
    process.switch()
    return process


@pytest.fixture
def client(register: Register) -> Generator[httpx.Client]:
    with httpx.Client(base_url=register.url, trust_env=False) as made:
        yield made


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Status and slug; every problem has both titles and the right media type."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == answer.status_code
    assert document["title"] != document["title_en"]
    return answer.status_code, document["type"].removeprefix("/problems/")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def test_a_person_is_found_by_number(register: Register) -> None:
    answer = register.look_up(PERSON.identity_number)
    assert answer.status_code == 200
    assert answer.json() == {
        "identity_number": PERSON.identity_number,
        "full_name": PERSON.full_name,
        "date_of_birth": PERSON.date_of_birth.isoformat(),
        "date_of_birth_precision": PERSON.date_of_birth_precision,
        "gender": PERSON.gender,
        "permanent_address": PERSON.permanent_address,
    }


@pytest.mark.parametrize("number", [NOBODYS_NUMBER, "001090000001", "999999999999"])
def test_nobodys_number_is_404_in_the_registers_own_words(register: Register, number: str) -> None:
    answer = register.look_up(number)
    assert problem(answer) == (404, "no-such-person")
    assert number not in answer.text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "not-json")),
        (b"nonsense", (400, "not-json")),
        (b"[]", (400, "not-json")),
        (b"{}", (422, "invalid-request")),
        (b'{"identity_number": 3090000001}', (422, "invalid-request")),
        (b'{"identity_number": "00309000000"}', (422, "invalid-request")),
        (b'{"identity_number": "003090000001\\n"}', (422, "invalid-request")),
        (b'{"identity_number": "003090000001X"}', (422, "invalid-request")),
        (b"0" * 5000, (413, "body-too-large")),
    ],
)
def test_a_question_that_is_none_is_refused_and_not_repeated(
    client: httpx.Client, body: bytes, expected: tuple[int, str]
) -> None:
    answer = client.post("/people/lookup", content=body)
    assert problem(answer) == expected
    assert "00309" not in answer.text


def test_a_body_without_end_is_cut_off(register: Register) -> None:
    head = b"POST /people/lookup HTTP/1.1\r\nHost: register\r\nContent-Length: 99999999999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", register.port), 10) as connection:
        connection.sendall(head + b" " * 8192)
        answer = b""
        while piece := connection.recv(65_536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()  # without it the server would take the rest in
    assert b"body-too-large" in answer


def test_unknown_paths_and_methods_are_problems(client: httpx.Client) -> None:
    assert problem(client.get("/people/003090000001")) == (404, "not-found")
    answer = client.get("/people/lookup")
    assert problem(answer) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


def test_a_sample_is_of_different_people_and_the_same_each_time(client: httpx.Client) -> None:
    people = client.get("/people/sample?n=1000").raise_for_status().json()
    assert len({person["identity_number"] for person in people}) == 1000
    assert client.get("/people/sample?n=1000").json() == people
    assert client.get("/people/sample?n=1000&seed=1").json() != people
    assert client.get("/people/sample").json() == client.get("/people/sample?n=10").json()


def test_everybody_of_a_sample_is_found_and_is_a_subject(client: httpx.Client) -> None:
    for person in client.get("/people/sample?n=25&seed=9").json():
        record = client.post("/people/lookup", json={"identity_number": person["identity_number"]}).json()
        typed = client.get(f"/people/by-subject/{person['subject']}").json()
        assert record.items() <= person.items()
        assert typed["identity_number"] == person["identity_number"]
        assert (typed["phone"], typed["email"]) == (person["phone"], person["email"])


@pytest.mark.parametrize("query", ["n=0", "n=1001", "n=-1", "n=", "n=1.0", "n=%D9%A1", "n=x0309x", "seed=-1", "seed=x"])
def test_a_sample_that_cannot_be_is_refused(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/people/sample?{query}")
    assert problem(answer) == (422, "invalid-request")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/query/{query.partition('=')[0]}"]
    assert "0309" not in answer.text


def test_a_subject_types_what_its_person_types(client: httpx.Client) -> None:
    typed = client.get(f"/people/by-subject/{subject_of(4711)}").json()
    assert typed == {
        "full_name": typed_name(PERSON),
        "date_of_birth": PERSON.date_of_birth.isoformat(),
        "gender": PERSON.gender,
        "identity_number": PERSON.identity_number,
        "permanent_address": PERSON.permanent_address,
        "email": PERSON.email,
        "phone": PERSON.phone,
    }


@pytest.mark.parametrize("sub", ["stranger", "person-zzzzzz", "a/b", "%E1%BB%83", "0" * 3000])
def test_any_other_subject_is_somebody_and_stays_so(client: httpx.Client, sub: str) -> None:
    first, second = (client.get(f"/people/by-subject/{sub}").raise_for_status().json() for _ in range(2))
    assert first == second


def test_switches_begin_calm_are_changed_one_by_one_and_put_back(client: httpx.Client) -> None:
    assert client.get("/switches").json() == CALM
    assert client.put("/switches", json={"latency_ms": 3}).json() == {**CALM, "latency_ms": 3}
    assert client.put("/switches", json={"error_rate": 0.5}).json() == {**CALM, "latency_ms": 3, "error_rate": 0.5}
    refused = client.put("/switches", json={"outage": True, "error_rate": 7})
    assert problem(refused) == (422, "invalid-request")
    assert client.get("/switches").json() == {**CALM, "latency_ms": 3, "error_rate": 0.5}
    assert client.delete("/switches").json() == CALM


@pytest.mark.parametrize(
    ("switches", "expected"),
    [({"outage": True}, (503, "register-unavailable")), ({"error_rate": 1.0}, (500, "register-error"))],
)
def test_a_disturbed_lookup_is_a_problem_and_all_else_goes_on(
    register: Register, client: httpx.Client, switches: dict[str, Any], expected: tuple[int, str]
) -> None:
    register.switch(**switches)
    assert problem(register.look_up(PERSON.identity_number)) == expected
    for path in ("/livez", "/readyz", "/people/sample", "/people/by-subject/x"):
        assert client.get(path).status_code == 200
    register.switch()
    assert register.look_up(PERSON.identity_number).status_code == 200


def test_too_many_lookups_are_throttled(register: Register) -> None:
    register.switch(throttle_per_second=1)
    assert register.look_up(PERSON.identity_number).status_code == 200
    answer = register.look_up(PERSON.identity_number)
    assert problem(answer) == (429, "too-many-requests")
    assert answer.headers["retry-after"] == "1"


def test_latency_is_waited(register: Register) -> None:
    register.switch(latency_ms=250)
    begun = monotonic()
    assert register.look_up(PERSON.identity_number).status_code == 200
    assert monotonic() - begun >= 0.25


def test_a_wrong_answer_is_a_gateways_page(register: Register) -> None:
    register.switch(wrong_answer_rate=1.0)
    answer = register.look_up(PERSON.identity_number)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert PERSON.full_name not in answer.text


def test_a_hanging_register_lets_its_callers_time_out(register: Register) -> None:
    register.switch(hang=True)
    with pytest.raises(httpx.ReadTimeout):
        register.look_up(PERSON.identity_number, timeout=0.2)


def test_a_restart_forgets_the_switches_and_keeps_the_people(register: Register) -> None:
    register.switch(outage=True, latency_ms=50)
    register.kill()
    register.start()
    assert httpx.get(f"{register.url}/switches", trust_env=False).json() == CALM
    assert register.look_up(PERSON.identity_number).json()["full_name"] == PERSON.full_name


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_what_is_held_and_ends_with_0(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    with register_process(log) as register, ThreadPoolExecutor() as threads:
        register.switch(hang=True)
        held = [threads.submit(register.look_up, PERSON.identity_number) for _ in range(5)]
        until(lambda: established(register.port), within=10, is_=5)
        assert not any(one.done() for one in held)
        register.terminate(number)
        assert [status_of(one) for one in held] == [200] * 5
        assert register.status() == 0
    assert log.read_text() == ""


def status_of(answer: Future[httpx.Response]) -> int:
    return answer.result(10).status_code


def established(port: int) -> int:
    """How many connections to the port have been accepted, as the kernel lists them."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    local = f"0100007F:{port:04X}"
    return sum(line.split()[1] == local and line.split()[3] == "01" for line in lines)


def test_it_starts_with_less_than_a_second_of_work(tmp_path: Path) -> None:
    """Measured in processor time, so that a busy machine does not fail it."""
    with register_process(tmp_path / "log") as register:
        assert cpu_seconds(register.pid) < 1.0


def test_memory_stays_as_it_is_whoever_is_asked_for(register: Register) -> None:
    register.people(1000, seed=100)
    before = megabytes(register.pid)
    for seed in range(101, 121):
        register.people(1000, seed=seed)
    after = megabytes(register.pid)
    assert after < 100
    assert after - before < 5


def test_nothing_that_was_asked_is_logged(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with register_process(log, LOG_LEVEL="debug") as register:
        register.switch(error_rate=0.5)
        for _ in range(10):
            register.look_up(PERSON.identity_number)
        register.look_up("003090000001X")
        register.terminate()
        assert register.status() == 0
    said = log.read_text()
    assert "Uvicorn running" in said
    for value in (PERSON.identity_number, PERSON.full_name, "003090000001", "Traceback"):
        assert value not in said


def test_another_seed_is_another_people(register: Register, tmp_path: Path) -> None:
    with register_process(tmp_path / "log", SEED="another") as other:
        assert other.people(5) != register.people(5)


def test_a_wrong_setting_is_named_and_not_repeated() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "hoso_population_mock"],
        env={"HTTP_PORT": "70000", "LOG_LEVEL": "loud", "SEED": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ended.returncode == 78
    assert ended.stderr == "hoso-population-mock: these settings cannot be used: HTTP_PORT, SEED, LOG_LEVEL\n"
