"""Requests to notify that died and are redriven: nobody is told "submitted" after "accepted", and nobody twice."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from hoso_chassis.batch import Batches
from hoso_chassis.redrive import Desk
from hoso_contracts.dossier import NotificationRequested
from hoso_notify.app import service
from hoso_notify.domain import Notification
from support.counting import envelope, record
from support.notify import TOPIC, Notify, notify, requested


def desk(worker: Notify) -> Desk[Notification]:
    parts = worker.parts
    return Desk(Batches(parts.database, service.group, parts.inbound, parts.store, parts.policy), "linh")


async def died(worker: Notify, event: NotificationRequested) -> UUID:
    """The request died unread; its letter has good bytes, as if the program could read them by now."""
    good = record(envelope(event, source="/hoso/dossier"), 0, topic=TOPIC)
    await worker.take_records([replace(good, value=b"{")])
    letter = await worker.value("SELECT id FROM dead_letters ORDER BY died_at DESC LIMIT 1")
    async with worker.database.connection() as connection:
        await connection.execute("UPDATE dead_letters SET value = $2 WHERE id = $1", letter, good.value)
    return letter


async def test_a_request_is_carried_out_unless_a_later_one_of_its_channel_was_made(database_url: str) -> None:
    async with notify(database_url) as worker:
        first = requested()
        later = {"requested_at": first.requested_at + timedelta(hours=1), "occasion": "accepted"}
        letters = [await died(worker, first), await died(worker, requested(channel="email"))]
        mail = requested(channel="email", dossier_id=first.dossier_id, template="dossier-accepted", **later)
        await worker.take(mail)
        assert (await Desk(desk(worker).batches, dry=True).redrive(letters[0])).follows == ("work send-sms",)
        assert (await desk(worker).redrive(letters[0])).outcome == "done", "another channel says nothing of this one"
        assert (await desk(worker).redrive(letters[1])).outcome == "done", "nor another dossier"

        second = await died(worker, requested(dossier_id=first.dossier_id, requested_at=first.requested_at))
        await worker.take(requested(dossier_id=first.dossier_id, template="dossier-accepted", **later))
        assert (await desk(worker).redrive(second)).outcome == "superseded"
        assert await worker.value("SELECT count(*) FROM work") == 4
        assert await worker.value("SELECT count(*) FROM dead_letters") == 0


async def test_a_request_that_is_redriven_while_it_is_made_again_is_carried_out_once(database_url: str) -> None:
    """The request comes anew, as dossier's watchdog makes it: the same notification under another event id."""
    async with notify(database_url) as worker:
        events = [requested(notification_id=uuid4()) for _ in range(8)]
        letters = [await died(worker, event) for event in events]

        async def consume() -> None:
            for event in events:
                await worker.take(event)

        async def redrive() -> list[str]:
            return [(await desk(worker).redrive(letter)).outcome for letter in letters]

        outcomes, _ = await asyncio.gather(redrive(), consume())
        assert set(outcomes) <= {"done", "superseded"}
        assert await worker.value("SELECT count(*) FROM work") == 8
