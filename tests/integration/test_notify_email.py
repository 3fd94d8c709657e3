"""Mails over a real SMTP server: taken, refused for a while, refused for good, and with the answer lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.headerregistry import Address
from uuid import uuid4

import pytest

from hoso_chassis.work import OutcomeUnknown
from hoso_notify.email import Mailer, MailServer
from hoso_notify.policy import ProviderUnavailable, RejectedByProvider
from hoso_notify.templates import Letter
from support.notify_peers import MailPeer, free_port, mail_peer, mute_peer
from support.proxy import Proxy
from support.waiting import until_async

LETTER = Letter("Hồ sơ: đã nộp", "Kính gửi Ông/Bà,\n.\nmột dòng bắt đầu bằng dấu chấm\n")
TO = "an@mail.example"


def mailer_at(port: int, timeout: float = 5.0) -> Mailer:
    server = MailServer("127.0.0.1", port, timeout=timeout)
    return Mailer(server, Address("Hoso", "no-reply", "hoso.example"), lambda: datetime(2026, 11, 24, tzinfo=UTC))


@pytest.fixture
async def peer() -> AsyncIterator[MailPeer]:
    async with mail_peer() as made:
        yield made


@pytest.fixture
async def mailer(peer: MailPeer) -> AsyncIterator[Mailer]:
    async with mailer_at(peer.port) as made:
        yield made


async def test_a_mail_arrives_as_it_was_written(peer: MailPeer, mailer: Mailer) -> None:
    notification_id = uuid4()
    await mailer.send(notification_id, TO, LETTER)
    (mail,) = peer.taken(TO)
    assert mail["Subject"] == LETTER.subject
    assert mail["Message-ID"] == f"<{notification_id}@hoso.example>"
    assert mail.get_content().replace("\r\n", "\n") == LETTER.text


async def test_a_connection_is_used_again(peer: MailPeer, mailer: Mailer) -> None:
    for _ in range(3):
        await mailer.send(uuid4(), TO, LETTER)
    assert (len(peer.inbox), peer.seen["EHLO"]) == (3, 1)


async def test_mails_go_side_by_side(peer: MailPeer, mailer: Mailer) -> None:
    await asyncio.gather(*(mailer.send(uuid4(), f"{number}@mail.example", LETTER) for number in range(8)))
    assert sorted(to for to, _ in peer.inbox) == [f"{number}@mail.example" for number in range(8)]
    assert peer.seen["EHLO"] == 8


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
async def test_a_4xx_is_for_a_while(command: str, peer: MailPeer, mailer: Mailer) -> None:
    peer.answers[command, TO] = ["451 greylisted, come back later"]
    with pytest.raises(ProviderUnavailable):
        await mailer.send(uuid4(), TO, LETTER)
    assert peer.inbox == []
    await mailer.send(uuid4(), TO, LETTER)
    assert len(peer.taken(TO)) == 1
    assert peer.seen["EHLO"] == 1  # the connection was good


@pytest.mark.parametrize(("command", "answer"), [("RCPT", "550 no such user"), ("DATA", "554 not like this")])
async def test_a_5xx_is_for_good(command: str, answer: str, peer: MailPeer, mailer: Mailer) -> None:
    peer.answers[command, TO] = [answer]
    with pytest.raises(RejectedByProvider):
        await mailer.send(uuid4(), TO, LETTER)
    await mailer.send(uuid4(), "binh@mail.example", LETTER)
    assert [to for to, _ in peer.inbox] == ["binh@mail.example"]


async def test_an_answer_to_the_mail_that_is_lost_is_unknown(peer: MailPeer, mailer: Mailer) -> None:
    peer.answers["DATA", TO] = ["cut"]
    notification_id = uuid4()
    with pytest.raises(OutcomeUnknown):
        await mailer.send(notification_id, TO, LETTER)
    await mailer.send(notification_id, TO, LETTER)
    first, second = peer.taken(TO)
    assert first["Message-ID"] == second["Message-ID"]


async def test_nobody_there_is_for_a_while() -> None:
    async with mailer_at(free_port()) as mailer:
        with pytest.raises(ProviderUnavailable):
            await mailer.send(uuid4(), TO, LETTER)


async def test_a_server_that_says_nothing_is_for_a_while() -> None:
    async with mute_peer() as port, mailer_at(port, timeout=0.2) as mailer:
        with pytest.raises(ProviderUnavailable):
            await mailer.send(uuid4(), TO, LETTER)


async def test_a_connection_that_broke_meanwhile_is_not_used_again(peer: MailPeer) -> None:
    proxy = Proxy(peer.port)
    await proxy.mend()
    async with mailer_at(proxy.port) as mailer:
        await mailer.send(uuid4(), TO, LETTER)
        await proxy.cut()
        await proxy.mend()
        await until_async(lambda: _all_closed(mailer), within=5)
        await mailer.send(uuid4(), TO, LETTER)
    await proxy.cut()
    assert len(peer.taken(TO)) == 2


async def _all_closed(mailer: Mailer) -> bool:
    return not any(connection.is_connected for connection, _ in mailer.idle)


async def test_a_call_that_is_cut_short_leaves_no_connection_behind(peer: MailPeer, mailer: Mailer) -> None:
    """Its late answer would be read as the answer to the next mail."""
    await mailer.send(uuid4(), TO, LETTER)
    peer.answers["DATA", "binh@mail.example"] = ["hold"]
    sending = asyncio.create_task(mailer.send(uuid4(), "binh@mail.example", LETTER))
    await until_async(lambda: _seen(peer, "DATA binh@mail.example"), within=5)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert mailer.idle == []
    await mailer.send(uuid4(), TO, LETTER)
    assert len(peer.taken(TO)) == 2


async def _seen(peer: MailPeer, what: str) -> bool:
    return peer.seen[what] > 0
