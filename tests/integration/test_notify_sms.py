"""SMS over a real SMS centre: taken, throttled, refused, and with the answer lost; nothing is ever submitted twice."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from hoso_chassis.work import OutcomeUnknown
from hoso_notify.policy import ProviderUnavailable, RejectedByProvider
from hoso_notify.segments import segment
from hoso_notify.sms import SmsCentre, SmsSender
from support.notify_peers import (
    QUEUE_FULL,
    SYSTEM_ERROR,
    THROTTLED,
    WRONG_DESTINATION,
    SmsPeer,
    free_port,
    mute_peer,
    sms_peer,
)
from support.proxy import Proxy
from support.waiting import until_async

TO, NUMBER = "+84912345678", "84912345678"
SHORT = segment("Ho so G01.999.000.000-261124-0001 da duoc tiep nhan")
LONG = segment("Hồ sơ G01.999.000.000-261124-0001 " + "đã được tiếp nhận " * 8)


def sender_at(port: int, timeout: float = 5.0, source: str = "HOSO") -> SmsSender:
    return SmsSender(SmsCentre("127.0.0.1", port, "hoso", "secret", timeout=timeout), source)


@pytest.fixture
async def peer() -> AsyncIterator[SmsPeer]:
    async with sms_peer() as made:
        yield made


@pytest.fixture
async def sender(peer: SmsPeer) -> AsyncIterator[SmsSender]:
    async with sender_at(peer.port) as made:
        yield made


async def test_a_short_one_arrives_in_one_part(peer: SmsPeer, sender: SmsSender) -> None:
    await sender.send(uuid4(), TO, SHORT)
    (sms,) = peer.inbox(NUMBER)
    assert (sms.source, sms.text, sms.parts, sms.data_coding) == ("HOSO", SHORT.parts[0], 1, 0)
    (submit,) = peer.submits
    assert (submit.source_addr_ton, submit.source_addr_npi) == (5, 0)
    assert (submit.dest_addr_ton, submit.dest_addr_npi) == (1, 1)
    assert submit.registered_delivery == 0


@pytest.mark.parametrize(("source", "ton", "npi"), [("HOSO", 5, 0), ("1900", 3, 0), ("84243825400", 1, 1)])
async def test_the_source_says_what_it_is(source: str, ton: int, npi: int, peer: SmsPeer) -> None:
    async with sender_at(peer.port, source=source) as sender:
        await sender.send(uuid4(), TO, SHORT)
    assert (peer.submits[0].source_addr_ton, peer.submits[0].source_addr_npi) == (ton, npi)


async def test_a_long_one_arrives_joined(peer: SmsPeer, sender: SmsSender) -> None:
    await sender.send(UUID(int=0xA7), TO, LONG)
    (sms,) = peer.inbox(NUMBER)
    assert (sms.text, sms.parts, sms.data_coding) == ("".join(LONG.parts), len(LONG.parts), 8)
    assert [event.short_message[:6] for event in peer.submits] == [
        bytes((5, 0, 3, 0xA7, len(LONG.parts), number)) for number in range(1, len(LONG.parts) + 1)
    ]
    assert all(len(event.short_message) <= 140 for event in peer.submits)


async def test_one_session_carries_all(peer: SmsPeer, sender: SmsSender) -> None:
    await asyncio.gather(*(sender.send(uuid4(), TO, SHORT) for _ in range(50)))
    assert (len(peer.accepted), peer.bound) == (50, 1)


@pytest.mark.parametrize("status", [THROTTLED, QUEUE_FULL, SYSTEM_ERROR])
async def test_a_centre_that_cannot_now_surely_did_not_take_it(status: int, peer: SmsPeer, sender: SmsSender) -> None:
    peer.answers[NUMBER] = [status]
    with pytest.raises(ProviderUnavailable):
        await sender.send(uuid4(), TO, SHORT)
    await sender.send(uuid4(), TO, SHORT)
    assert (len(peer.accepted), peer.bound) == (1, 1)


async def test_a_wrong_destination_is_refused_for_good(peer: SmsPeer, sender: SmsSender) -> None:
    peer.answers[NUMBER] = [WRONG_DESTINATION]
    with pytest.raises(RejectedByProvider):
        await sender.send(uuid4(), TO, SHORT)


async def test_nobody_there_surely_did_not_take_it() -> None:
    async with sender_at(free_port()) as sender:
        with pytest.raises(ProviderUnavailable):
            await sender.send(uuid4(), TO, SHORT)


async def test_a_centre_that_binds_nobody_surely_did_not_take_it_however_many_wait() -> None:
    """All wait for one attempt: one after the other would outlast the call's own time and be told as unknown."""
    async with mute_peer() as port, sender_at(port, timeout=0.5) as sender:
        begun = asyncio.get_running_loop().time()
        ended = await asyncio.gather(*(sender.send(uuid4(), TO, SHORT) for _ in range(8)), return_exceptions=True)
        assert [type(error) for error in ended] == [ProviderUnavailable] * 8
        assert asyncio.get_running_loop().time() - begun < 2


async def test_an_answer_that_does_not_come_is_unknown_and_the_next_goes_another_way(peer: SmsPeer) -> None:
    peer.answers[NUMBER] = [None]
    async with sender_at(peer.port, timeout=0.3) as sender:
        with pytest.raises(OutcomeUnknown):
            await sender.send(uuid4(), TO, SHORT)
        await sender.send(uuid4(), "+84987654321", SHORT)
    assert peer.asked(NUMBER) == 1
    assert peer.bound == 2  # a centre that hangs does not bind: what comes next is surely not taken, instead of unknown


async def test_a_connection_cut_after_the_submit_is_unknown(peer: SmsPeer) -> None:
    peer.answers[NUMBER] = [None]
    proxy = Proxy(peer.port)
    await proxy.mend()
    async with sender_at(proxy.port) as sender:
        sending = asyncio.create_task(sender.send(uuid4(), TO, SHORT))
        await until_async(lambda: _held(peer), within=5)
        await proxy.cut()
        with pytest.raises(OutcomeUnknown):
            await sending
        with pytest.raises(ProviderUnavailable):  # nobody there now
            await sender.send(uuid4(), TO, SHORT)
        await proxy.mend()
        await sender.send(uuid4(), "+84987654321", SHORT)
        assert peer.asked(NUMBER) == 1
        assert len(peer.inbox("84987654321")) == 1
    await proxy.cut()


async def _held(peer: SmsPeer) -> bool:
    return bool(peer.held)


async def test_a_session_that_broke_while_idle_is_bound_again(peer: SmsPeer) -> None:
    proxy = Proxy(peer.port)
    await proxy.mend()
    async with sender_at(proxy.port) as sender:
        await sender.send(uuid4(), TO, SHORT)
        await proxy.cut()
        await proxy.mend()
        await until_async(lambda: _unusable(sender), within=5)
        await sender.send(uuid4(), TO, SHORT)
    await proxy.cut()
    assert (len(peer.accepted), peer.bound) == (2, 2)


async def _unusable(sender: SmsSender) -> bool:
    assert sender.session is not None
    return not await sender.session.usable()


async def test_others_under_way_are_not_lost_with_one_that_hangs(peer: SmsPeer) -> None:
    peer.answers[NUMBER] = [None]
    peer.answers["84987654321"] = [None]
    async with sender_at(peer.port, timeout=0.5) as sender:
        first = asyncio.create_task(sender.send(uuid4(), TO, SHORT))
        await until_async(lambda: _held(peer), within=5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(first), 0.2)
        second = asyncio.create_task(sender.send(uuid4(), "+84987654321", SHORT))
        await until_async(lambda: _held_two(peer), within=5)
        with pytest.raises(OutcomeUnknown):
            await first
        peer.held[1].accept("late")
        await second


async def _held_two(peer: SmsPeer) -> bool:
    return len(peer.held) == 2


async def test_a_later_part_that_is_throttled_is_offered_again_and_the_first_is_not(peer: SmsPeer) -> None:
    peer.answers[NUMBER] = [0, THROTTLED, 0]
    async with sender_at(peer.port) as sender:
        await sender.send(uuid4(), TO, LONG)
    (sms,) = peer.inbox(NUMBER)
    assert sms.text == "".join(LONG.parts)
    assert peer.asked(NUMBER) == len(LONG.parts) + 1


async def test_a_later_part_that_is_refused_makes_the_whole_unknown(peer: SmsPeer, sender: SmsSender) -> None:
    peer.answers[NUMBER] = [0, WRONG_DESTINATION]
    with pytest.raises(OutcomeUnknown):
        await sender.send(uuid4(), TO, LONG)


async def test_a_first_part_that_is_throttled_surely_sent_nothing(peer: SmsPeer, sender: SmsSender) -> None:
    peer.answers[NUMBER] = [THROTTLED]
    with pytest.raises(ProviderUnavailable):
        await sender.send(uuid4(), TO, LONG)
    assert peer.asked(NUMBER) == 1
