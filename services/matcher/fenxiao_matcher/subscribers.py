"""FastStream's batch subscribers for the inputs: every partition, outside any group, from the start of the log."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage, TopicPartition

from fenxiao_matcher.settings import MatcherSettings

RecordsHandler = Callable[[Sequence[Any]], Coroutine[Any, Any, None]]


def subscribe_all(
    broker: KafkaBroker, topic: str, partitions: int, settings: MatcherSettings, handler: RecordsHandler
) -> None:
    """Hand all records of a topic to `handler`, raw: it decodes a batch at once.

    An offset that is out of range starts the topic again: the marks drop what was folded before, and halt on a gap.
    """

    async def parse(records: tuple[Any, ...]) -> KafkaMessage:
        return KafkaMessage(body=b"", headers={}, raw_message=records, consumer=subscriber.consumer)

    async def decode(message: KafkaMessage) -> Any:
        return message.raw_message

    subscriber: Any = broker.subscriber(
        partitions=[TopicPartition(topic, partition) for partition in range(partitions)],
        batch=True,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.MANUAL,
        max_records=settings.fetch_records_max,
        batch_timeout_ms=settings.fetch_wait_ms,
        parser=parse,
        decoder=decode,
        no_reply=True,
    )
    subscriber(handler)
