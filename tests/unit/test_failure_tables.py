"""Every service's failure tables: its README shows the code's rows, and each row has a case here that meets it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from uuid import uuid4

import asyncpg
import httpx
import pytest

import hoso_dossier.policy
import hoso_identity.policy
import hoso_notify.policy
import hoso_storage.policy
from hoso_chassis.database import utc_now
from hoso_chassis.policy import Failure, Policy, Table, word
from hoso_chassis.postgres import AWAY, CONFLICT, FOREIGN
from hoso_chassis.work import TargetUnavailable
from hoso_dossier.domain import ContentDiffers, UnknownAttachment, UnknownNotification, WrongStatus
from hoso_dossier.values import Status
from hoso_identity.domain import AnotherDossier
from hoso_identity.population import ANSWER_LIMIT, PopulationRegister
from hoso_notify.domain import AnotherDossier as AnotherNotification
from hoso_notify.email import _step
from hoso_notify.policy import smpp_failure, smtp_failure
from hoso_notify.segments import Segmented
from hoso_notify.sms import SmsCentre, SmsSender
from hoso_storage.handlers import ScanOrder
from hoso_storage.objects import ObjectsInMemory, ObjectsUnavailable
from hoso_storage.scanner import ScannerRefused, ScannerUnavailable
from hoso_storage.scans import Scans

ROOT = Path(__file__).parents[2]
SERVICES: dict[str, ModuleType] = {
    "dossier": hoso_dossier.policy,
    "identity": hoso_identity.policy,
    "notify": hoso_notify.policy,
    "storage": hoso_storage.policy,
}
Meaning = Failure | type[Exception]
Case = Callable[[], Meaning | Awaitable[Meaning]]
REST = "anything else"


def record(policy: Policy, error: Exception) -> Case:
    return lambda: policy.classify(error)


def ask(answer: httpx.Response | Exception) -> Case:
    """What the register's client makes of an answer."""

    def reply(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, stream=httpx.ByteStream(answer.content))

    async def meet() -> Meaning:
        transport = httpx.MockTransport(reply)
        async with PopulationRegister("http://r.example", timeout=1, connections=1, transport=transport) as register:
            return await raised(register.person("003090000001"))

    return meet


async def raised(call: Awaitable[object]) -> Meaning:
    try:
        await call
    except Exception as error:  # noqa: BLE001 - it is what is looked at
        return type(error)
    raise AssertionError("nothing was raised")


def smtp_lost(command: str) -> Case:
    async def cut() -> None:
        raise ConnectionResetError

    return lambda: raised(_step(command, cut()))


def scan(failure: Exception) -> Case:
    class Failing:
        async def scan(self, _content: object) -> str:
            raise failure

    order = ScanOrder(dossier_id=uuid4(), attachment_id=uuid4(), size=1)
    objects = ObjectsInMemory({order.attachment_id: b"a"}, None)
    scanner = cast("Any", Failing())
    return lambda: raised(Scans(objects, scanner, utc_now).perform(order))


class Session:
    """A session whose centre does as told."""

    client = None

    def __init__(self, *answers: int | Exception) -> None:
        self.answers, self.smsc, self.under_way, self.retired = list(answers), self, 0, False

    async def usable(self) -> bool:
        return True

    async def close(self) -> None:
        pass

    async def submit_sm(self, **_fields: object) -> object:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer

        class Answer:
            command_status, is_success = answer, answer == 0

        return Answer()


def smpp(*answers: int | Exception) -> Case:
    centre = SmsCentre("127.0.0.1", 9, "a", "b", timeout=1)
    segmented = Segmented("gsm-7", ("a",) * max(1, len(answers)))
    session = cast("Any", Session(*answers) if answers else None)
    return lambda: raised(SmsSender(centre, "HOSO", session).send(uuid4(), "+84000000001", segmented))


def person(**changed: str) -> httpx.Response:
    found = {"identity_number": "003090000001", "full_name": "A", "date_of_birth": "1990-01-01"}
    return httpx.Response(200, json={**found, "date_of_birth_precision": "day", "gender": "female", **changed})


D, I, N, S = (module.TABLES for module in SERVICES.values())  # noqa: E741 - dossier, identity, notify, storage
CASES: dict[tuple[str, str, str], Case] = {
    ("dossier", D[0].of, "UnknownAttachment"): record(hoso_dossier.policy.POLICY, UnknownAttachment()),
    ("dossier", D[0].of, "UnknownNotification"): record(hoso_dossier.policy.POLICY, UnknownNotification()),
    ("dossier", D[0].of, "ContentDiffers"): record(hoso_dossier.policy.POLICY, ContentDiffers()),
    ("dossier", D[0].of, "WrongStatus"): record(hoso_dossier.policy.POLICY, WrongStatus(Status.REFUSED)),
    ("dossier", D[0].of, REST): record(hoso_dossier.policy.POLICY, KeyError()),
    ("identity", I[0].of, "AnotherDossier"): record(hoso_identity.policy.RECORDS, AnotherDossier()),
    ("identity", I[0].of, REST): record(hoso_identity.policy.RECORDS, KeyError()),
    **{("identity", I[1].of, str(status)): ask(httpx.Response(status)) for status in (400, 413, 422)},
    ("identity", I[1].of, REST): ask(httpx.Response(429)),
    ("identity", I[2].of, "no connection, no answer in time, cut off"): ask(httpx.ReadTimeout("late")),
    ("identity", I[2].of, "200 or 404 in another shape than the register's"): ask(httpx.Response(404, json={})),
    ("identity", I[2].of, "200 with the record of another number"): ask(person(identity_number="003090000002")),
    ("identity", I[2].of, "more than 16 KiB"): ask(httpx.Response(200, content=b"x" * (ANSWER_LIMIT + 1))),
    ("identity", I[2].of, REST): ask(httpx.RemoteProtocolError("no HTTP")),
    ("notify", N[0].of, "AnotherDossier"): record(hoso_notify.policy.POLICY, AnotherNotification()),
    ("notify", N[0].of, REST): record(hoso_notify.policy.POLICY, KeyError()),
    **{("notify", N[1].of, verb): lambda verb=verb: smtp_failure(verb, 550, "5.1.1") for verb in ("RCPT", "DATA")},
    ("notify", N[1].of, REST): lambda: smtp_failure("MAIL", 550),
    **{("notify", N[2].of, verb): smtp_lost(verb) for verb in ("CONNECT", "MAIL", "RCPT", "DATA")},
    ("notify", N[2].of, REST): smtp_lost("CONNECT"),
    **{
        ("notify", N[3].of, f"{status:#010x}"): lambda status=status: smpp_failure(status)
        for status in (0x01, 0x0B, 0x33, 0x40, 0x50, 0x51, 0x65, 0x66)
    },
    ("notify", N[3].of, REST): smpp(0x58),
    ("notify", N[4].of, "no session"): smpp(),
    ("notify", N[4].of, "no answer to a message"): smpp(ConnectionResetError()),
    ("notify", N[4].of, "a later part refused"): smpp(0, 0x0B),
    ("notify", N[4].of, REST): smpp(ZeroDivisionError()),
    ("storage", S[0].of, REST): record(hoso_storage.policy.RECORDS, KeyError()),
    ("storage", S[1].of, "ObjectsUnavailable"): scan(ObjectsUnavailable()),
    ("storage", S[1].of, "ScannerUnavailable"): scan(ScannerUnavailable()),
    ("storage", S[1].of, "ScannerRefused"): scan(ScannerRefused()),
    ("storage", S[1].of, REST): lambda: TargetUnavailable,  # a bug goes through as it is; the performer tries again
}
ROWS = [
    (service, table, what, meaning)
    for service, module in SERVICES.items()
    for table in module.TABLES
    for what, meaning in [*table.rows.items(), (REST, table.otherwise)]
]


@pytest.mark.parametrize(
    ("service", "table", "what", "meaning"), ROWS, ids=lambda value: value.of if isinstance(value, Table) else None
)
async def test_a_row_means_what_it_says(service: str, table: Table, what: str, meaning: Meaning) -> None:
    """Parametrised over the tables themselves: a new row without a case fails."""
    met = CASES[service, table.of, what]()
    found = await met if isinstance(met, Awaitable) else met
    assert word(found) == word(meaning)


def test_no_case_is_left_without_its_row() -> None:
    assert set(CASES) == {(service, table.of, what) for service, table, what, _ in ROWS}


def shown(readme: str, heading: str) -> list[str]:
    _, _, section = (ROOT / readme).read_text().partition(f"\n## {heading}\n")
    return [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("service", SERVICES)
def test_the_readme_shows_the_rows_of_the_code(service: str) -> None:
    rows = [line for table in SERVICES[service].TABLES for line in table.lines()]
    assert shown(f"services/{service}/README.md", "What a failure means") == rows


DATABASE = {**dict.fromkeys(AWAY, "transient"), **dict.fromkeys(CONFLICT, "conflict"), **dict.fromkeys(FOREIGN, "halt")}


def test_the_chassis_readme_shows_what_the_errors_of_the_database_mean() -> None:
    codes = {cls: getattr(cls, "sqlstate", None) or "" for cls in DATABASE}
    rows = [f"| `{cls.__name__}` | {codes[cls]} | {means} |" for cls, means in DATABASE.items()]
    assert shown("services/chassis/README.md", "What an error of the database means") == rows


SUBCLASSES = {  # what of a wide class was asked about by name
    asyncpg.DiskFullError: "transient",  # 53100
    asyncpg.OutOfMemoryError: "transient",  # 53200
    asyncpg.TooManyConnectionsError: "transient",  # 53300
    asyncpg.ConfigurationLimitExceededError: "transient",  # 53400
    asyncpg.ConnectionDoesNotExistError: "transient",  # 08003
    asyncpg.ConnectionRejectionError: "transient",  # 08004
    asyncpg.PostgresIOError: "transient",  # 58030
    asyncpg.UniqueViolationError: "bug",
    asyncpg.CheckViolationError: "bug",
    asyncpg.NumericValueOutOfRangeError: "bug",
    asyncpg.InsufficientPrivilegeError: "bug",
}


@pytest.mark.parametrize(("cls", "means"), [*DATABASE.items(), *SUBCLASSES.items()], ids=str)
def test_each_error_of_the_database_has_its_class(cls: type[Exception], means: str) -> None:
    assert Policy().classify(cls("in words")).value == means
