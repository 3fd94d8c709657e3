"""The hash that Kafka's own partitioner has."""

from typing import Any

def murmur2(data: bytes) -> int: ...

class DefaultPartitioner:
    @classmethod
    def __call__(cls, key: Any, all_partitions: Any, available: Any) -> Any: ...
