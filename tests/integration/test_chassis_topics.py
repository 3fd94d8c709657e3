"""The topics on a real broker: what they have fewer of than asked for is told, and nothing is changed."""

from aiokafka.admin import AIOKafkaAdminClient

from hoso_chassis.topics import differences
from hoso_contracts.topics import TOPICS


async def test_too_few_replicas_are_told(kafka: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        assert await differences(admin, "") == []
        found = [(one.name, one.words) for one in await differences(admin, "", 3)]
    finally:
        await admin.close()
    assert len(found) == 2 * len(TOPICS)
    assert ("dossier.lifecycle.v1", "has 1 replicas, 3 are asked for") in found
    assert ("dossier.lifecycle.v1", "min.insync.replicas is 1, 2 is wanted") in found
