"""Before a partition starts: do the logs and PostgreSQL agree? One that was restored or truncated behind the other halts."""

from typing import Any

from fenxiao_runtime.errors import Halt
from fenxiao_runtime.ports import Log, Position, Service, Store


async def check_logs(service: Service[Any], partition: int, position: Position, *, store: Store, log: Log) -> None:
    """Compare the stored offset with the input's ends, and each output's last `seq` with the stored one.

    Raises:
        Halt: They don't agree.
    """
    begin, end = await log.bounds(service.input, partition)
    if not begin <= position.next_offset <= end:
        raise Halt("offset_outside_log", f"stored offset {position.next_offset}, the log has {begin} to {end}")
    _, relayed = await store.read_relay(partition)
    for index, topic in enumerate(service.outputs):
        begin, end = await log.bounds(topic, partition)
        if relayed[index] > end:
            raise Halt("output_log_truncated", f"{topic} ends at {end}, {relayed[index]} was relayed")
        # One record before the relayed end belongs to the search: the last that is known to be ours.
        async for records in log.read(topic, partition, max(begin, relayed[index] - 1), end):
            last = max((service.output_seq(index, record.value or b"") for record in records), default=0)
            if last > position.out_seqs[index]:
                known = position.out_seqs[index]
                raise Halt("log_ahead_of_database", f"{topic} has seq {last}, PostgreSQL knows {known}")
