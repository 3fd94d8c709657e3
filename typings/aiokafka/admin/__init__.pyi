"""The admin client of aiokafka, as far as Hoso uses it."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.admin.config_resource import ConfigResource
from aiokafka.admin.records_to_delete import RecordsToDelete

class NewTopic:
    def __init__(
        self,
        name: str,
        num_partitions: int,
        replication_factor: int,
        replica_assignments: Mapping[int, Sequence[int]] | None = None,
        topic_configs: Mapping[str, str] | None = None,
    ) -> None: ...

class _CreateTopicsResponse(Protocol):
    topic_errors: Sequence[tuple[Any, ...]]

class _DescribeConfigsResponse(Protocol):
    resources: Sequence[tuple[Any, ...]]

class AIOKafkaAdminClient:
    def __init__(self, *, bootstrap_servers: str, **options: Any) -> None: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def create_topics(self, new_topics: Sequence[NewTopic]) -> _CreateTopicsResponse: ...
    async def describe_topics(self, topics: Sequence[str] | None = None) -> list[dict[str, Any]]: ...
    async def describe_configs(self, config_resources: Sequence[ConfigResource]) -> list[_DescribeConfigsResponse]: ...
    async def delete_records(
        self, records_to_delete: Mapping[TopicPartition, RecordsToDelete], timeout_ms: int | None = None
    ) -> dict[TopicPartition, int]: ...
