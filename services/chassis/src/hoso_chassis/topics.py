"""Creates and compares the Kafka topics of the contracts: plan, apply, check; never deletes or shrinks anything."""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from hoso_contracts.topics import TOPICS, Topic

ENOUGH_FOR_A_LOSS: Final = 3  # replicas


@dataclass(frozen=True, slots=True)
class Difference:
    """One topic that is not as the contracts say; `missing` ones are created by apply, others are for an operator."""

    topic: Topic
    name: str
    words: str
    missing: bool = False


def wanted(topic: Topic, replication: int) -> Mapping[str, str]:
    """A topic's configuration with so many replicas: with three or more, one may be away and no acknowledged record is.

    Said of each topic, because a cluster's default is 1: a leader that stands alone would acknowledge alone.
    """
    in_sync = {"min.insync.replicas": str(replication - 1)} if replication >= ENOUGH_FOR_A_LOSS else {}
    return {**topic.broker_config, **in_sync}


async def differences(admin: AIOKafkaAdminClient, prefix: str, replication: int = 1) -> list[Difference]:
    """Compare partitions and configuration of every topic of the contracts with the cluster.

    Args:
        admin: a client that is started.
        prefix: before every topic name.
        replication: the least replicas of each partition; from 3 also how many must be in sync is compared.
    """
    names = {prefix + name: topic for name, topic in TOPICS.items()}
    described = {entry["topic"]: entry for entry in await admin.describe_topics(list(names))}
    found = {name: described[name] for name in names if described.get(name, {}).get("error_code", 3) == 0}
    configs = await _configs(admin, list(found))
    return [
        difference
        for name, topic in names.items()
        for difference in _compare(topic, name, found.get(name), configs.get(name, {}), replication)
    ]


def _compare(
    topic: Topic, name: str, entry: dict[str, Sequence[Any]] | None, config: dict[str, str], replication: int
) -> list[Difference]:
    if entry is None:
        return [Difference(topic, name, "is missing", missing=True)]
    partitions = len(entry["partitions"])
    result: list[Difference] = []
    if partitions != topic.partitions:
        result.append(Difference(topic, name, f"has {partitions} partitions, the contracts say {topic.partitions}"))
    replicas = min((len(partition["replicas"]) for partition in entry["partitions"]), default=0)
    if replicas < replication:
        result.append(Difference(topic, name, f"has {replicas} replicas, {replication} are asked for"))
    for key, value in sorted(wanted(topic, replication).items()):
        if config.get(key) != value:
            result.append(Difference(topic, name, f"{key} is {config.get(key)}, {value} is wanted"))
    return result


async def _configs(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources):
        for resource in response.resources:
            configs[resource[3]] = {entry[0]: entry[1] for entry in resource[4]}
    return configs


async def apply(admin: AIOKafkaAdminClient, prefix: str, replication: int) -> list[str]:
    """Create what is missing; return a line for each topic created.

    Raises:
        SystemExit: a topic that exists differs, with a line for each difference; nothing about it was changed.
    """
    found = await differences(admin, prefix, replication)
    missing = [difference for difference in found if difference.missing]
    if missing:
        response = await admin.create_topics(
            [
                NewTopic(
                    one.name, one.topic.partitions, replication, topic_configs=dict(wanted(one.topic, replication))
                )
                for one in missing
            ]
        )
        for name, code, *_ in response.topic_errors:
            if code not in (0, 36):  # 36: somebody else created it meanwhile
                raise SystemExit(f"{name} could not be created: {for_code(code).__name__}")
    rest = [f"{one.name} {one.words}" for one in found if not one.missing]
    if rest:
        raise SystemExit("\n".join(rest))
    return [f"{one.name} created: {one.topic.partitions} partitions" for one in missing]


async def _run(options: argparse.Namespace) -> int:
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if not servers:
        raise SystemExit("KAFKA_BOOTSTRAP_SERVERS is not set")
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=20_000)
    await admin.start()
    try:
        if options.command == "apply":
            lines = await apply(admin, options.prefix, options.replication)
            sys.stdout.writelines(f"{line}\n" for line in lines or ["all topics are there"])
            return 0
        found = await differences(admin, options.prefix, options.replication)
        sys.stdout.writelines(f"{one.name} {one.words}\n" for one in found)
        if not found:
            sys.stdout.write("all topics are as the contracts say\n")
        return int(bool(found)) if options.command == "check" else 0
    finally:
        await admin.close()


def main() -> None:
    """Parse the command line and do it; a failure is one line and a status of 1."""
    parser = argparse.ArgumentParser(prog="python -m hoso_chassis.topics")
    parser.add_argument("command", choices=("plan", "apply", "check"))
    parser.add_argument("--prefix", default="", help="before every topic name, for shared clusters")
    parser.add_argument("--replication", type=int, default=1, help="least replicas of a topic")
    try:
        raise SystemExit(asyncio.run(_run(parser.parse_args())))
    except KafkaError as error:
        raise SystemExit(f"Kafka does not answer as it should: {type(error).__name__}") from None


if __name__ == "__main__":
    main()
