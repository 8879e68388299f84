"""What must hold for the items of any source."""

from collections import Counter

from fenxiao_schemas.codec import Codec, encode
from fenxiao_schemas.commands import AnyCommand, Command
from fenxiao_tools.ingest.items import ROW_PREFIX, CloseDay, Item, LeftOut, Repeated, Source

CODEC: Codec[Command] = Codec(AnyCommand)


def check(source: Source) -> list[Item]:
    """Run a source and hold it to the rules; returns its items."""
    items = list(source.items())
    commands = [item for item in items if isinstance(item, Command)]
    assert all(CODEC.decode(encode(command)) == command for command in commands)
    days = [item.day for item in items if isinstance(item, CloseDay)]
    assert days == list(range(source.first_day, source.last_day + 1))
    assert isinstance(items[-1], CloseDay)
    check_business_days(source, items)
    if source.rows is not None:
        check_rows(source, items)
    return items


def check_business_days(source: Source, items: list[Item]) -> None:
    """Nothing happens after the day in which it is sent."""
    open_day = source.first_day
    for item in items:
        if isinstance(item, CloseDay):
            open_day = item.day + 1
        elif isinstance(item, Command):
            day = (item.at_ms + source.utc_offset_minutes * 60_000) // 86_400_000
            assert day <= open_day or source.rows is None


def check_rows(source: Source, items: list[Item]) -> None:
    """Each row is one command or one reason, and equal ids have equal content."""
    commands = [item for item in items if isinstance(item, Command)]
    rows = sum(command.command_id.startswith(ROW_PREFIX) for command in commands)
    assert rows + sum(isinstance(item, LeftOut | Repeated) for item in items) == source.rows
    content: dict[tuple[str, str], Command] = {}
    for command in commands:
        identity = (getattr(command, command.KEY_FIELD), command.command_id)
        assert content.setdefault(identity, command) == command


def reasons(items: list[Item]) -> Counter[str]:
    """How many rows were left out for what."""
    return Counter(item.reason for item in items if isinstance(item, LeftOut))


def of_kind[C: Command](items: list[Item], kind: type[C]) -> list[C]:
    """The commands of one kind."""
    return [item for item in items if isinstance(item, kind)]
