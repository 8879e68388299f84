"""What can go wrong in a partition, by what is to be done about it. Everything else is a bug, and halts the partition too."""


class RuntimeFault(Exception):  # noqa: N818 - a fault is what it is called here
    """The root of the processor's own errors; the message is one line."""


class TemporaryFault(RuntimeFault):
    """It may pass: the partition drops its memory, backs off, and starts again from what PostgreSQL holds."""


class Fenced(RuntimeFault):
    """Another worker holds the lease of this partition: whatever this one still remembers of it is void."""


class Halt(RuntimeFault):
    """Going on would make it worse: the partition stops, aloud, until somebody looks.

    Args:
        reason: A stable code, for the runbook and the metrics.
        detail: One line for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
