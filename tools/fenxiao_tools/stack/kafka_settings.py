"""How a local Kafka is set up, whether it runs as a process (`kafka`) or in a container (`containers`).

One KRaft node that is broker and controller. What differs from Kafka's defaults is here, with the reason.
"""

import base64
import secrets

KAFKA_VERSION = "4.4.0"

_TUNING = {
    # A topic that nobody declared is a mistake that must show, not a topic with one partition.
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # After a kill the controller refuses the returning broker until the dead one's session has ended.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # The default takes 128 MB, a sixth of this heap.
    "log.cleaner.dedupe.buffer.size": "33554432",
}


def settings(*, listeners: str, advertised: str, controller: str, log_dir: str) -> dict[str, str]:
    """All settings of the node.

    Args:
        listeners: Where it listens, `PLAINTEXT://...,CONTROLLER://...`.
        advertised: Where clients are sent, `PLAINTEXT://host:port`.
        controller: host:port of the controller listener, as the node itself reaches it.
        log_dir: Where its data goes.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": listeners,
        "advertised.listeners": advertised,
        "log.dirs": log_dir,
        **_TUNING,
    }


def as_properties(values: dict[str, str]) -> str:
    """The settings as the text of a `server.properties`."""
    return "".join(f"{key}={value}\n" for key, value in values.items())


def as_environment(values: dict[str, str]) -> dict[str, str]:
    """The settings as the variables that Apache's image turns back into properties."""
    return {"KAFKA_" + key.upper().replace(".", "_"): value for key, value in values.items()}


def new_cluster_id() -> str:
    """A fresh cluster id: 16 bytes in URL-safe base64. The fixed first byte keeps a "-" from its front."""
    return base64.urlsafe_b64encode(b"f" + secrets.token_bytes(15)).decode().rstrip("=")
