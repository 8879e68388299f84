"""What can be wrong with a log or a snapshot: one line each, and each of them our own fault, so the reader halts."""


class LogError(Exception):
    """The events topic is not what the catalog promises; the partition halts."""


class SequenceError(LogError):
    """A gap or a repetition in `seq`."""


class CalendarError(LogError):
    """No calendar yet, a second one, or the close of a day that is not open."""


class UnknownProductError(LogError):
    """An event of a product that was not registered before it."""


class NotSuppliedError(LogError):
    """The curves or the policy of a control record were not put before it was folded, or the policy is not the one it names."""


class CapacityError(LogError):
    """More products than a partition's keys have room for."""


class SnapshotError(Exception):
    """Not a whole snapshot of this version."""
