"""Creates the topics of `fenxiao_schemas.topics`, as `install` asks; what exists already is checked, not changed."""

import asyncio
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from fenxiao_schemas.topics import TOPICS, Topic
from fenxiao_tools.connect import kafka_errors
from fenxiao_tools.errors import ToolError

REPLICAS = 3
"""As many as the cluster has brokers, up to this."""
VISIBLE_S_MAX = 20.0
_POLL_S = 0.1
_EXISTS_ALREADY = 36  # Kafka's TOPIC_ALREADY_EXISTS: another install was quicker


async def check_topics(bootstrap_servers: str, partitions: int) -> list[Topic]:
    """The topics that are missing.

    Raises:
        ToolError: No broker answers, or an existing topic has another partition count.
    """
    async with kafka_errors(bootstrap_servers, "reading the topics"):
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
        try:
            await admin.start()
            existing = await _partition_counts(admin)
        finally:
            await admin.close()
    _check_counts(existing, partitions)
    return [topic for topic in TOPICS if topic.name not in existing]


async def create_topics(bootstrap_servers: str, topics: list[Topic], partitions: int) -> None:
    """Create `topics` and wait until every one has its leaders.

    Raises:
        ToolError: The cluster refused one, or did not show it in time.
    """
    async with kafka_errors(bootstrap_servers, "creating the topics"):
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
        try:
            await admin.start()
            brokers = len((await admin.describe_cluster())["brokers"])
            new = [_new_topic(topic, partitions, min(REPLICAS, brokers)) for topic in topics]
            _check_response(await admin.create_topics(new))
            await _await_leaders(admin, partitions)
        finally:
            await admin.close()


def _new_topic(topic: Topic, partitions: int, replicas: int) -> NewTopic:
    return NewTopic(topic.name, topic.partition_count(partitions), replicas, topic_configs=topic.config())


def _check_response(response: Any) -> None:
    for name, code, *message in response.topic_errors:
        if code not in {0, _EXISTS_ALREADY}:
            raise ToolError(f"the topic {name} could not be created: {message[0] if message else code}")


async def _partition_counts(admin: AIOKafkaAdminClient, *, led: bool = False) -> dict[str, int]:
    """How many partitions each of our topics has (`led`: with a leader); all are asked for, so that asking makes none."""
    found = await admin.describe_topics()
    ours = {topic.name for topic in TOPICS}
    return {
        topic["topic"]: sum(1 for partition in topic["partitions"] if partition["leader"] >= 0 or not led)
        for topic in found
        if topic["topic"] in ours and topic["error_code"] == 0
    }


def _check_counts(existing: dict[str, int], partitions: int) -> None:
    for topic in TOPICS:
        count, wanted = existing.get(topic.name), topic.partition_count(partitions)
        if count is not None and count != wanted:
            raise ToolError(
                f"the topic {topic.name} has {count} partitions, not {wanted}: the count is fixed at install"
            )


async def _await_leaders(admin: AIOKafkaAdminClient, partitions: int) -> None:
    wanted = {topic.name: topic.partition_count(partitions) for topic in TOPICS}
    deadline = asyncio.get_running_loop().time() + VISIBLE_S_MAX
    while await _partition_counts(admin, led=True) != wanted:
        if asyncio.get_running_loop().time() > deadline:
            raise ToolError(f"the new topics have no leaders after {VISIBLE_S_MAX:g} s")
        await asyncio.sleep(_POLL_S)
