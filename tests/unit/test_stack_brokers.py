"""One broker or three: what each is told, and that two acknowledge what one may lose."""

import pytest

from hoso_stack.commands import the_stack
from hoso_stack.kafka import Node
from hoso_stack.layout import PORTS, broker_names, port_names
from hoso_stack.stack import StackFailed


def settings_of(node: Node) -> dict[str, str]:
    return dict(line.split("=", 1) for line in node.settings.splitlines())


def test_one_broker_is_a_cluster_by_itself() -> None:
    told = settings_of(Node(1, 9092, [9093]))
    assert told["controller.quorum.voters"] == "1@127.0.0.1:9093"
    assert (told["offsets.topic.replication.factor"], told["min.insync.replicas"]) == ("1", "1")


def test_of_three_brokers_two_have_what_was_acknowledged() -> None:
    told = settings_of(Node(2, 9092, [9093, 9094, 9095]))
    assert told["node.id"] == "2"
    assert told["controller.quorum.voters"] == "1@127.0.0.1:9093,2@127.0.0.1:9094,3@127.0.0.1:9095"
    assert "CONTROLLER://127.0.0.1:9094" in told["listeners"]
    replicated = ("offsets.topic.replication.factor", "transaction.state.log.replication.factor")
    assert {told[name] for name in replicated} == {"3"}
    assert {told[name] for name in ("min.insync.replicas", "transaction.state.log.min.isr")} == {"2"}


def test_three_brokers_take_no_port_from_another_part() -> None:
    assert port_names(1) == list(PORTS)
    assert port_names(3)[: len(PORTS)] == list(PORTS)
    assert len(set(port_names(3))) == len(PORTS) + 6
    assert broker_names(3) == ["kafka-1", "kafka-2", "kafka-3"]


def test_a_number_of_brokers_that_is_no_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSO_BROKERS", "3")
    assert the_stack().brokers == 3
    monkeypatch.setenv("HOSO_BROKERS", "2")
    with pytest.raises(StackFailed, match="HOSO_BROKERS must be 1 or 3"):
        the_stack()
