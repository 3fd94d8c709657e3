"""Odd records that hold the hunted person's data, at every consumer of the running stack; their ends are not judged."""

from typing import Final

from support.canary_walk import Walk
from support.form import sized
from support.raw_records import writing
from support.record_consumers import PLACES, Place
from support.record_effects import Reader
from support.record_matrix import kinds_at
from support.record_subjects import waiting
from support.waiting import until_async

PATH: Final = "records"
PARTITION: Final = 5
_EVERY: Final = sized(2, 1)


async def send_odd_records(walk: Walk) -> None:
    """Send to each consumer the kinds of which a record holds something of the person, and wait until all are taken."""
    for place in PLACES:
        await _send_to(walk, place)


async def _send_to(walk: Walk, place: Place) -> None:
    search, kinds = walk.person.search(), kinds_at(place.service, place.topic)[::_EVERY]
    async with (
        waiting(walk.stack, walk.person.person, len(kinds) + 1, uploaded=False) as subjects,
        writing(walk.stack.env()["KAFKA_BOOTSTRAP_SERVERS"], place.topic, PARTITION) as writer,
    ):
        known, *others = subjects
        made = [
            raw
            for kind, subject in zip(kinds, others, strict=True)
            for raw, _ in kind.records(place.about(subject, known))
        ]
        # Behind the last kind, so that a position beyond it says that everything before it was taken.
        raws = [raw for raw in made if search.found(str(raw))] + [place.about(known, known).raw]
        offsets = await writer.write(raws)
        walk.planted |= {(place.topic, PARTITION, offset) for offset in offsets}
        walk.tried[PATH] = walk.tried.get(PATH, 0) + len(raws)
        reader = Reader(walk.stack, place)
        await until_async(lambda: reader.next_offset(PARTITION), within=90, is_=lambda at: at > offsets[-1])
