"""From what was raised to the one line that a person reads; `cli` prints it, and no traceback."""

import os

from fenxiao_tools.errors import ToolError

DEBUG_VARIABLE = "FENXIAO_DEBUG"
LINE_LENGTH_MAX = 1_000


def explain(error: BaseException) -> str:
    """One line: what went wrong for what is known to go wrong, else what was raised and how to learn more."""
    if isinstance(error, BaseExceptionGroup):
        return explain(error.exceptions[0])
    known = _known(error)
    if known is not None:
        return _one_line(known)
    return _one_line(f"unexpected {type(error).__name__}: {error} ({DEBUG_VARIABLE}=1 shows where)")


def debugging() -> bool:
    """Whether the person wants tracebacks."""
    return os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def _known(error: BaseException) -> str | None:
    # Imported late: these libraries take longer to load than `fenxiao --help` should take.
    from aiokafka.errors import KafkaConnectionError, KafkaError  # noqa: PLC0415
    from asyncpg.exceptions import InterfaceError, PostgresError  # noqa: PLC0415

    from fenxiao_schemas.policy import PolicyError  # noqa: PLC0415
    from fenxiao_tools.connect import redact  # noqa: PLC0415
    from fenxiao_tools.migrate import MigrationError  # noqa: PLC0415
    from fenxiao_tools.stack import StackError  # noqa: PLC0415

    match error:
        case ToolError() | StackError() | MigrationError() | PolicyError():
            return str(error)
        case KafkaConnectionError():
            return f"Kafka can't be reached: {error}"
        case KafkaError():
            return f"Kafka: {error}"
        case PostgresError() | InterfaceError():
            return redact(f"PostgreSQL: {error}")
        case OSError() if error.filename is not None:
            return f"{error.filename}: {(error.strerror or str(error)).lower()}"
        case OSError():
            return redact(str(error) or type(error).__name__)
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:LINE_LENGTH_MAX]
