"""The commands of days to come, in the order in which they will happen."""

from collections import defaultdict

from fenxiao_schemas.commands import Command
from fenxiao_tools.ingest.items import DAY_MS, MINUTE_MS
from fenxiao_tools.ingest.synthetic.world import UTC_OFFSET_MINUTES


class Schedule:
    """Commands by business day; those at the same instant keep the order in which they were put."""

    def __init__(self) -> None:
        self._days: defaultdict[int, list[Command]] = defaultdict(list)
        self._ids = 0

    def next_id(self) -> str:
        """A command id that was not given before."""
        self._ids += 1
        return f"s{self._ids:09d}"

    def put(self, command: Command) -> None:
        """Plan a command for the instant at which it happens."""
        self._days[(command.at_ms + UTC_OFFSET_MINUTES * MINUTE_MS) // DAY_MS].append(command)

    def take(self, day: int) -> list[Command]:
        """The commands of a day, in order."""
        return sorted(self._days.pop(day, ()), key=lambda command: command.at_ms)
