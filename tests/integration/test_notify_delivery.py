"""From a raw record to what the citizen reads and what is announced; real database, mail server and SMS centre."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hoso_chassis.dead_work import Revival
from hoso_contracts.dossier import NotificationParameters
from hoso_notify.store import forget_old
from support.counting import envelope
from support.notify import CODE, Notify, notify, requested
from support.notify_peers import QUEUE_FULL, THROTTLED, WRONG_DESTINATION, MailPeer, SmsPeer, mail_peer, sms_peer
from support.proxy import Proxy
from support.waiting import until_async

NUMBER = "84912345678"
TO = "an@mail.example"
CONTACTS = ("912345678", "an@mail.example")
LIVE = "SELECT count(*) FROM work WHERE state <> 'dead'"
GREYLISTED = "451 come back later"


@pytest.fixture
async def mails() -> AsyncIterator[MailPeer]:
    async with mail_peer() as peer:
        yield peer


@pytest.fixture
async def texts() -> AsyncIterator[SmsPeer]:
    async with sms_peer() as peer:
        yield peer


@pytest.fixture
async def worker(database_url: str, mails: MailPeer, texts: SmsPeer) -> AsyncIterator[Notify]:
    async with notify(database_url, smtp_port=mails.port, smpp_port=texts.port) as made:
        yield made


async def settled(worker: Notify) -> None:
    await until_async(lambda: worker.value(LIVE), within=20, is_=0)


async def told(worker: Notify) -> list[tuple[str, dict[str, Any]]]:
    return [(row["type"], json.loads(row["value"])) for row in await worker.announced()]


async def test_a_request_becomes_a_row_and_work_and_nothing_is_told(worker: Notify) -> None:
    event = requested()
    await worker.take(event)
    assert await worker.state(event.notification_id) == "asked"
    (work,) = await worker.rows("SELECT kind, key, subject, payload, expires_at - created_at AS age FROM work")
    assert (work["kind"], work["key"]) == ("send-sms", f"{event.dossier_id}:sms")
    assert work["subject"] == event.notification_id
    assert json.loads(work["payload"])["recipient"] == "+84912345678"
    assert work["age"] == timedelta(days=3)
    assert await worker.announced() == []


async def test_a_mail_is_delivered_once_and_told_with_its_cause(worker: Notify, mails: MailPeer) -> None:
    event = requested(channel="email")
    asked = envelope(event, source="/hoso/dossier")
    await worker.take(asked)
    async with worker.working():
        await settled(worker)

    (mail,) = mails.taken(TO)
    assert mail["Message-ID"] == f"<{event.notification_id}@hoso.example>"
    assert CODE in mail["Subject"]
    (row,) = await worker.announced()
    assert (row["topic"], row["type"]) == ("notification.deliveries.v1", "hoso.notification.delivered.v1")
    assert row["key"] == str(event.dossier_id).encode()
    assert row["headers"]["ce_source"] == b"/hoso/notify"
    assert row["headers"]["ce_subject"] == str(event.notification_id).encode()
    assert row["headers"]["ce_correlationid"] == str(asked.correlationid).encode()
    assert row["headers"]["ce_causationid"] == str(asked.id).encode()
    assert await worker.value("SELECT count(*) FROM work") == 0


async def test_an_sms_is_delivered_once_and_its_segments_are_told(worker: Notify, texts: SmsPeer) -> None:
    event = requested(
        template="dossier-accepted",
        occasion="accepted",
        parameters=NotificationParameters(
            dossier_code=CODE,
            procedure_code="1.004194",
            procedure_name="Đăng ký tạm trú",
            due_at=datetime(2026, 11, 27, 10, tzinfo=UTC),
        ),
    )
    await worker.take(event)
    async with worker.working():
        await settled(worker)
    (sms,) = texts.inbox(NUMBER)
    assert sms.text == (
        f"Ho so {CODE} da duoc tiep nhan. Hen tra ket qua: 17:00 ngay 27/11/2026. Tra cuu tren Cong dich vu cong."
    )
    ((kind, data),) = await told(worker)
    assert kind == "hoso.notification.delivered.v1"
    assert (data["occasion"], data["segments"], data["encoding"]) == ("accepted", 1, "gsm-7")
    assert await worker.state(event.notification_id) == "sent"


async def test_with_accents_an_sms_arrives_joined(database_url: str, texts: SmsPeer) -> None:
    async with notify(database_url, smpp_port=texts.port, sms_accents=True) as worker:
        await worker.take(requested())
        async with worker.working():
            await settled(worker)
        ((_, data),) = await told(worker)
    (sms,) = texts.inbox(NUMBER)
    assert sms.text.startswith(f"Hồ sơ {CODE} đã được nộp")
    assert (sms.parts, data["segments"], data["encoding"]) == (2, 2, "ucs-2")


async def test_the_same_record_and_the_same_request_again_send_nothing_more(worker: Notify, texts: SmsPeer) -> None:
    event = requested()
    first = await worker.take(event, event)
    await worker.take_records(first)  # the producer sent it twice
    async with worker.working():
        await settled(worker)
        await worker.take(event)  # somebody asks again: the outcome is told again
    assert len(texts.inbox(NUMBER)) == 1
    one, other = await told(worker)
    assert one == other


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
async def test_a_mail_refused_for_a_while_is_delivered_once(command: str, worker: Notify, mails: MailPeer) -> None:
    mails.answers[command, TO] = [GREYLISTED, GREYLISTED]
    await worker.take(requested(channel="email"))
    async with worker.working():
        await settled(worker)
    assert len(mails.taken(TO)) == 1
    assert [kind for kind, _ in await told(worker)] == ["hoso.notification.delivered.v1"]


async def test_a_mail_server_that_forgot_us_loses_no_mail(worker: Notify, mails: MailPeer) -> None:
    mails.answers["RCPT", TO] = [f"554 5.7.1 <{TO}>: Relay access denied"] * 3
    await worker.take(requested(channel="email"))
    async with worker.working():
        await settled(worker)
    assert len(mails.taken(TO)) == 1
    assert [kind for kind, _ in await told(worker)] == ["hoso.notification.delivered.v1"]


async def test_a_mail_whose_answer_was_lost_is_sent_again_as_the_same(worker: Notify, mails: MailPeer) -> None:
    mails.answers["DATA", TO] = ["cut"]
    await worker.take(requested(channel="email"))
    async with worker.working():
        await settled(worker)
    assert len({mail["Message-ID"] for mail in mails.taken(TO)}) == 1
    assert len(mails.taken(TO)) == 2
    assert await worker.count_announced() == 1


async def test_a_mail_refused_for_good_is_told_and_the_next_goes(worker: Notify, mails: MailPeer) -> None:
    mails.answers["RCPT", TO] = ["550 no such user"]
    first = requested(channel="email")
    second = requested(channel="email", dossier_id=first.dossier_id, template="dossier-refused", occasion="refused")
    await worker.take(first, second)
    async with worker.working():
        await settled(worker)
    (failed, delivered) = await told(worker)
    assert (failed[0], failed[1]["reason"]) == ("hoso.notification.failed.v1", "rejected")
    assert (delivered[0], delivered[1]["occasion"]) == ("hoso.notification.delivered.v1", "refused")
    (dead,) = await worker.rows("SELECT subject, last_error FROM work WHERE state = 'dead'")
    assert dead["subject"] == first.notification_id


async def test_messages_of_a_dossier_arrive_in_the_order_of_their_requests(worker: Notify, mails: MailPeer) -> None:
    mails.answers["RCPT", TO] = [GREYLISTED] * 3
    first = requested(channel="email")
    second = requested(channel="email", dossier_id=first.dossier_id, template="dossier-accepted", occasion="accepted")
    await worker.take(first, second)
    async with worker.working():
        await settled(worker)
    assert [mail["Message-ID"] for mail in mails.taken(TO)] == [
        f"<{event.notification_id}@hoso.example>" for event in (first, second)
    ]


@pytest.mark.parametrize("status", [THROTTLED, QUEUE_FULL])
async def test_a_throttled_sms_is_delivered_once(status: int, worker: Notify, texts: SmsPeer) -> None:
    texts.answers[NUMBER] = [status, status]
    await worker.take(requested())
    async with worker.working():
        await settled(worker)
    assert (len(texts.inbox(NUMBER)), texts.asked(NUMBER)) == (1, 3)
    assert [kind for kind, _ in await told(worker)] == ["hoso.notification.delivered.v1"]


async def test_a_refused_sms_is_told_as_rejected(worker: Notify, texts: SmsPeer) -> None:
    texts.answers[NUMBER] = [WRONG_DESTINATION]
    event = requested()
    await worker.take(event)
    async with worker.working():
        await settled(worker)
    ((kind, data),) = await told(worker)
    assert (kind, data["reason"]) == ("hoso.notification.failed.v1", "rejected")
    assert await worker.state(event.notification_id) == "failed"


async def test_an_sms_whose_answer_was_lost_is_unknown_and_never_sent_again(database_url: str, texts: SmsPeer) -> None:
    texts.answers[NUMBER] = [None]
    first = requested()
    second = requested(dossier_id=first.dossier_id, template="dossier-accepted", occasion="accepted")
    async with notify(database_url, smpp_port=texts.port, smpp_timeout=0.3) as worker:
        await worker.take(first, second)
        async with worker.working():
            await settled(worker)
            await worker.take(first)  # asked again: told again, not sent again
        unknown, delivered, again = await told(worker)
        assert await worker.state(first.notification_id) == "unknown"
    assert (unknown[0], unknown[1]["reason"]) == ("hoso.notification.failed.v1", "unknown")
    assert (delivered[0], delivered[1]["occasion"]) == ("hoso.notification.delivered.v1", "accepted")
    assert again == unknown
    assert texts.asked(NUMBER) == 2


async def test_an_sms_claimed_by_a_process_that_died_is_unknown_and_not_sent(worker: Notify, texts: SmsPeer) -> None:
    await worker.take(requested())
    await worker.value("UPDATE work SET state = 'running', attempts = 1, lease_until = now(), run_at = now()")
    async with worker.working():
        await settled(worker)
    ((_, data),) = await told(worker)
    assert (data["reason"], texts.asked(NUMBER)) == ("unknown", 0)


async def test_a_mail_claimed_by_a_process_that_died_is_sent(worker: Notify, mails: MailPeer) -> None:
    await worker.take(requested(channel="email"))
    await worker.value("UPDATE work SET state = 'running', attempts = 1, lease_until = now(), run_at = now()")
    async with worker.working():
        await settled(worker)
    assert len(mails.taken(TO)) == 1


@pytest.mark.parametrize("channel", ["email", "sms"])
async def test_what_cannot_be_sent_in_time_is_told_as_expired(channel: str, database_url: str) -> None:
    async with notify(database_url) as worker:
        event = requested(channel=channel)
        await worker.take(event)
        async with worker.working():
            await until_async(lambda: worker.value("SELECT max(attempts) > 1 FROM work"), within=10)
            await worker.value("UPDATE work SET expires_at = now()")
            await settled(worker)
        ((kind, data),) = await told(worker)
    assert (kind, data["reason"]) == ("hoso.notification.failed.v1", "expired")


async def test_a_mail_that_was_given_up_goes_out_once_more_when_an_operator_retries_it(
    worker: Notify, mails: MailPeer
) -> None:
    mails.answers["RCPT", TO] = ["550 no such user"]
    event = requested(channel="email")
    await worker.take(event)
    async with worker.working():
        await settled(worker)
        assert mails.taken(TO) == []
        dead = await worker.value("SELECT id FROM work WHERE state = 'dead'")
        assert (await Revival(worker.database, worker.parts.kinds, "linh").retry(dead)).outcome == "retried"
        await until_async(lambda: worker.value("SELECT count(*) FROM work"), within=20, is_=0)
    assert [mail["Message-ID"] for mail in mails.taken(TO)] == [f"<{event.notification_id}@hoso.example>"]
    assert [kind for kind, _ in await told(worker)] == ["hoso.notification.failed.v1"]


async def test_peers_that_were_away_get_everything_once(database_url: str, mails: MailPeer, texts: SmsPeer) -> None:
    mail_way, text_way = Proxy(mails.port), Proxy(texts.port)
    for way in (mail_way, text_way):
        await way.mend()
        await way.cut()
    events = [requested(channel=channel) for channel in ("email", "sms") for _ in range(10)]
    async with notify(database_url, smtp_port=mail_way.port, smpp_port=text_way.port) as worker:
        await worker.take(*events)
        async with worker.working(threshold=5):
            await until_async(lambda: worker.value("SELECT min(attempts) > 0 FROM work"), within=20)
            assert await worker.announced() == []
            await mail_way.mend()
            await text_way.mend()
            await settled(worker)
        assert await worker.count_announced() == len(events)
    for way in (mail_way, text_way):
        await way.cut()
    assert (len(mails.taken(TO)), len(texts.accepted), len(texts.submits)) == (10, 10, 10)


@pytest.mark.parametrize(
    "changed", [{"channel": "zalo"}, {"template": "dossier-praised"}, {"recipient": "02438254000"}]
)
async def test_what_cannot_be_written_to_is_told_and_no_dead_letter(changed: dict[str, str], worker: Notify) -> None:
    event = requested(**changed)
    await worker.take(event, event)
    (one, other) = await told(worker)
    assert (one[0], one[1]["reason"]) == ("hoso.notification.failed.v1", "rejected")
    assert one == other
    assert await worker.value("SELECT count(*) FROM work") == 0
    assert await worker.value("SELECT count(*) FROM dead_letters") == 0
    assert await worker.state(event.notification_id) == "failed"


async def test_an_id_used_for_another_dossier_is_a_dead_letter(worker: Notify) -> None:
    event = requested()
    await worker.take(event, requested(notification_id=event.notification_id))
    (letter,) = await worker.rows("SELECT reason FROM dead_letters")
    assert letter["reason"] == "handler-failed"
    assert await worker.value("SELECT count(*) FROM work") == 1
    assert await worker.value("SELECT coalesce(max(in_a_row), 0) FROM partition_faults") == 0


async def test_no_contact_is_in_rows_outbox_or_logs(
    worker: Notify, mails: MailPeer, texts: SmsPeer, capfd: pytest.CaptureFixture[str]
) -> None:
    mails.answers["RCPT", TO] = [GREYLISTED, f"550 {TO} is unknown here"]
    texts.answers[NUMBER] = [THROTTLED, WRONG_DESTINATION]
    await worker.take(requested(channel="email"), requested(), requested(recipient="02" + CONTACTS[0]))
    async with worker.working():
        await settled(worker)
    rows = await worker.rows("SELECT to_jsonb(n)::text AS row FROM notifications AS n")
    outbox = await worker.rows("SELECT convert_from(value, 'UTF8') || headers::text AS row FROM outbox")
    errors = await worker.rows("SELECT last_error AS row FROM work")
    out, err = capfd.readouterr()
    seen = [*(row["row"] for row in (*rows, *outbox, *errors)), out, err]
    assert len(rows) == len(outbox) == 3
    assert "mail-not-taken" in out
    for contact in CONTACTS:
        assert not [text for text in seen if contact in text]


async def test_what_was_settled_a_month_ago_is_forgotten_and_the_rest_is_kept(worker: Notify, texts: SmsPeer) -> None:
    texts.answers[NUMBER] = [WRONG_DESTINATION]
    old, recent, asked = (requested() for _ in range(3))
    await worker.take(old, recent)
    async with worker.working():
        await settled(worker)
    await worker.take(asked)
    await worker.value(
        "UPDATE notifications SET changed_at = now() - $1::interval WHERE notification_id = $2",
        timedelta(days=30, minutes=1), old.notification_id,
    )  # fmt: skip
    await worker.value(
        "UPDATE notifications SET changed_at = now() - $1::interval WHERE notification_id = $2",
        timedelta(days=31), asked.notification_id,
    )  # fmt: skip
    async with worker.database.connection() as connection:
        assert await forget_old(connection) == 1
    assert [await worker.state(event.notification_id) for event in (old, asked)] == [None, "asked"]
    assert await worker.state(recent.notification_id) is not None
