"""Odd records of every kind at every consumer: each has its end, and the good ones before and after it are done."""

from collections.abc import Callable
from time import monotonic

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from hoso_population_mock.people import person_at
from support.canaries import Search, spellings, written
from support.kept import kept_when_still
from support.matrices import Covers
from support.raw_records import BATCH_LIMIT, How, Raw, writing
from support.record_consumers import PLACES, Place, personal
from support.record_effects import Reader
from support.record_matrix import MATRIX, kinds_at
from support.record_subjects import waiting
from support.record_verdicts import counted, flood, wrong_effects, wrong_ends
from support.stories import RunningStack
from support.waiting import until_async

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

PARTITION = 7
BUSY = 0.15  # of a processor: what a worker with nothing to do never takes
LOOK = 2.0  # seconds at least, so that the share of a processor means something
PERSON = person_at(50_000_008)  # a name of five words: nobody else in a test has it


def _beyond(offset: int) -> Callable[[int], bool]:
    return lambda position: position > offset


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
async def test_every_record_has_its_end_and_the_good_ones_around_it_are_done(
    stack: RunningStack, place: Place, covers: Covers
) -> None:
    reader, kinds = Reader(stack, place), kinds_at(place.service, place.topic)
    for kind in kinds:
        covers(MATRIX, place.name, kind.name)
    await kept_when_still(stack.env())
    before, pid, lines = await reader.metrics(), reader.pid, reader.log_lines
    async with (
        waiting(stack, PERSON, 2 * len(kinds) + 1, uploaded=place.service == "storage") as subjects,
        writing(stack.env()["KAFKA_BOOTSTRAP_SERVERS"], place.topic, PARTITION) as writer,
    ):
        sent = flood(place, subjects)
        for one, offset in zip(sent, await writer.write([one.raw for one in sent]), strict=True):
            one.offset = offset
        await until_async(lambda: reader.next_offset(PARTITION), within=60, is_=_beyond(sent[-1].offset))
        await kept_when_still(stack.env())
        at_rest, since = await reader.metrics(), monotonic()
        assert await wrong_ends(reader, PARTITION, sent) == []
        assert await wrong_effects(reader, sent) == []
        await writer.forget(sent[-1].offset + 1)
        await reader.forget_letters(PARTITION)

    async def long_enough() -> bool:
        return monotonic() >= since + LOOK

    await until_async(long_enough, within=10)
    after, seconds = await reader.metrics(), monotonic() - since
    assert after.cpu_seconds - at_rest.cpu_seconds < BUSY * seconds + 0.05, "the worker runs hot"
    assert after.counts() - before.counts() == counted(sent)
    assert after.lag(PARTITION) == 0
    assert reader.pid == pid, "the worker was started again"
    letters = sum(one.end.outcome == "dead letter" for one in sent)
    assert reader.log_lines - lines <= letters + 10
    search = Search({name: spellings(value) for name, value in personal(PERSON).items()})
    assert search.places(written(stack.folder)) == {}
    assert not search.found(after.text)


@pytest.mark.parametrize("how", ["plain", "gzip", "lz4", "snappy", "zstd"])
async def test_what_is_over_the_limit_when_it_is_unpacked_becomes_no_record(stack: RunningStack, how: How) -> None:
    """Two thousand times the limit fits into a packed batch: unpacked by a reader, it would be its end."""
    size = BATCH_LIMIT if how == "plain" else 16 * 2**20
    for place in PLACES:
        async with writing(stack.env()["KAFKA_BOOTSTRAP_SERVERS"], place.topic, PARTITION) as writer:
            with pytest.raises(MessageSizeTooLargeError):
                await writer.write([Raw(b"somebody", b"0" * size, (), how=how)])
