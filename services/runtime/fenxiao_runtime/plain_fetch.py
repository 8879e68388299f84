"""aiokafka's fetcher without what a partition processor has no use for: two more objects a record, and a loop in Python.

Its consumers make a `ConsumerRecord` of each parsed record, one by one, which costs more than parsing. Here a fetched batch
is handed out as it was parsed. These are private parts of aiokafka 0.14, to which the dependency is pinned; consumers
that ask for `max_records`, or for committed transactions only, go aiokafka's own way, but for the `ConsumerRecord`.
"""

from collections.abc import Iterator
from inspect import GEN_CREATED, getgeneratorstate
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException


def install() -> None:
    """Let all consumers of this process fetch so; again is harmless."""
    fetcher.PartitionRecords = _PlainRecords  # type: ignore[misc]
    fetcher.FetchResult = _PlainResult  # type: ignore[misc]


class _PlainRecords(fetcher.PartitionRecords):
    """Hands out records as they were parsed."""

    def __iter__(self) -> Iterator[Any]:
        records: Iterator[Any] = self._records_iterator
        return records

    def _consumer_record(self, tp: TopicPartition, record: Any) -> Any:
        del tp
        return record

    def drain(self) -> list[Any]:
        """All that is left; as `_unpack_records` yields it."""
        begun = getgeneratorstate(self._records_iterator) != GEN_CREATED
        if begun or self._isolation_level == fetcher.READ_COMMITTED:
            return list(self._records_iterator)
        records: list[Any] = []
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {self._tp}")
            if not batch.is_control_batch:
                found = list(batch)
                if found and found[0].offset < self.next_fetch_offset:
                    found = [record for record in found if record.offset >= self.next_fetch_offset]
                records += found
            self.next_fetch_offset = batch.next_offset
        return records


class _PlainResult(fetcher.FetchResult):
    """What one fetch gave of one partition."""

    def getall(self, max_records: int | None = None) -> list[Any]:
        """Everything at once, or at most so many."""
        if max_records is not None:
            limited: list[Any] = super().getall(max_records)  # type: ignore[no-untyped-call]
            return limited
        if not self.check_assignment(self._topic_partition) or not self.has_more():
            return []
        records: list[Any] = self._partition_records.drain()
        self._update_position()
        self._partition_records = None
        return records
